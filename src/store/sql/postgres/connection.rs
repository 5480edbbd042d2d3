//! One connection, and what is known of its state.

use std::io;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::{ConnectOptions as _, Connection as _, Executor, PgConnection, Postgres, Row as _};
use tokio::time::timeout;

use super::failure::loses_connection;
use crate::store::sql::engine::Statement;

pub(super) type Query = sqlx::query::Query<'static, Postgres, PgArguments>;

/// How long an answer is waited for: longer than the server lets a statement run, so that it ends
/// here only where the server does not answer at all.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(4);
/// How long a connection that is put away may take to come to rest.
const REST_LIMIT: Duration = Duration::from_secs(1);

/// What every connection of the pool is set to, in one round trip. Durations are milliseconds.
///
/// - An acknowledged transaction is on the disk, and wherever else the server's own settings want
///   it to be.
/// - A statement, a wait for a lock and a transaction of which nothing is heard end by themselves.
/// - A server that does not hear of us for a minute lets go of what we had locked.
/// - What is read in a transaction is what is committed at each statement: the stores count on it.
const SETTINGS: &str = "SELECT pg_is_in_recovery(), \
    set_config('synchronous_commit', CASE current_setting('synchronous_commit') \
        WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false), \
    set_config('statement_timeout', '3000', false), \
    set_config('lock_timeout', '2000', false), \
    set_config('idle_in_transaction_session_timeout', '10000', false), \
    set_config('tcp_keepalives_idle', '30', false), \
    set_config('tcp_keepalives_interval', '10', false), \
    set_config('tcp_keepalives_count', '3', false), \
    set_config('default_transaction_isolation', 'read committed', false)";

/// Comes in, and sets the connection up.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut connection = options.connect().await?;
    set_up(&mut connection).await?;
    Ok(connection)
}

/// Sets a connection up that has come in.
pub(super) async fn set_up<'c>(
    connection: impl Executor<'c, Database = Postgres>,
) -> Result<(), sqlx::Error> {
    let row = connection.fetch_one(SETTINGS).await?;
    if row.try_get(0)? {
        let standby = "this server is a standby, which takes no writes: name the primary";
        return Err(sqlx::Error::Io(io::Error::other(standby)));
    }
    Ok(())
}

/// A connection and its state. It is lost as soon as the server hangs up or does not answer.
pub(super) struct Line {
    connection: Option<PgConnection>,
    /// Whether something was asked for and its answer has not come.
    busy: bool,
    in_transaction: bool,
    /// How long an answer is waited for.
    pub(super) limit: Duration,
    /// When it was last known to answer.
    pub(super) heard: Instant,
}

/// Asks on a line, and notes what that means for it.
macro_rules! ask {
    ($line:expr, $connection:ident => $call:expr) => {{
        let line = $line;
        let Some($connection) = line.connection.as_mut() else { return Err(gone()) };
        line.busy = true;
        let answer = timeout(line.limit, $call).await;
        line.note(answer)
    }};
}

impl Line {
    pub(super) fn new(connection: PgConnection) -> Self {
        Self { connection: Some(connection), ..Self::lost() }
    }

    /// What is left where there was a connection.
    pub(super) fn lost() -> Self {
        Self {
            connection: None,
            busy: false,
            in_transaction: false,
            limit: ANSWER_LIMIT,
            heard: Instant::now(),
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.connection.is_none()
    }

    /// Whether the next user may have it as it is.
    pub(super) fn is_at_rest(&self) -> bool {
        self.connection.is_some() && !self.busy && !self.in_transaction
    }

    pub(super) async fn rows(&mut self, statement: Statement) -> Result<Vec<PgRow>, sqlx::Error> {
        self.rows_of(statement.postgres()).await
    }

    /// As [`Line::rows`], of a statement that only this engine has.
    pub(super) async fn rows_of(&mut self, query: Query) -> Result<Vec<PgRow>, sqlx::Error> {
        ask!(self, connection => query.fetch_all(connection))
    }

    pub(super) async fn row(&mut self, statement: Statement) -> Result<Option<PgRow>, sqlx::Error> {
        ask!(self, connection => statement.postgres().fetch_optional(connection))
    }

    pub(super) async fn execute(&mut self, statement: Statement) -> Result<u64, sqlx::Error> {
        self.execute_query(statement.postgres()).await
    }

    /// As [`Line::execute`], of a statement that only this engine has.
    pub(super) async fn execute_query(&mut self, query: Query) -> Result<u64, sqlx::Error> {
        let done = ask!(self, connection => query.execute(connection))?;
        Ok(done.rows_affected())
    }

    /// Carries out a command that has neither values nor an answer.
    pub(super) async fn command(&mut self, command: &'static str) -> Result<(), sqlx::Error> {
        ask!(self, connection => connection.execute(command)).map(drop)
    }

    pub(super) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        // Before it is known to be one: somebody who hangs up meanwhile leaves it to be ended.
        self.in_transaction = true;
        self.command("BEGIN").await
    }

    /// Afterwards it is known that the transaction counts, or not known whether it does.
    pub(super) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.command("COMMIT").await?;
        self.in_transaction = false;
        Ok(())
    }

    pub(super) async fn roll_back(&mut self) -> Result<(), sqlx::Error> {
        self.command("ROLLBACK").await?;
        self.in_transaction = false;
        Ok(())
    }

    /// Whether the server still answers, asked without disturbing it.
    pub(super) async fn answers(&mut self, within: Duration) -> bool {
        let Some(connection) = self.connection.as_mut() else { return false };
        let answers = matches!(timeout(within, connection.ping()).await, Ok(Ok(())));
        if answers {
            self.busy = false;
            self.heard = Instant::now();
        } else {
            self.connection = None;
        }
        answers
    }

    /// Ends what somebody who hung up left behind.
    pub(super) async fn come_to_rest(&mut self) {
        self.limit = self.limit.min(REST_LIMIT);
        if self.in_transaction {
            // Waits for what is under way before it.
            let _ = self.roll_back().await;
        } else if self.busy {
            self.answers(REST_LIMIT).await;
        }
        self.limit = ANSWER_LIMIT;
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = timeout(REST_LIMIT, connection.close()).await;
        }
    }

    fn note<T>(
        &mut self,
        answer: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, sqlx::Error> {
        let answer = answer.unwrap_or_else(|_| Err(silence()));
        if answer.as_ref().is_err_and(loses_connection) {
            self.connection = None;
        } else {
            self.busy = false;
            self.heard = Instant::now();
        }
        answer
    }
}

fn silence() -> sqlx::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the database does not answer").into()
}

fn gone() -> sqlx::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the connection to the database is gone").into()
}
