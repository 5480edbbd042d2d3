//! One connection and its state.

use std::io;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::{ConnectOptions as _, Connection as _, Executor, PgConnection, Postgres, Row as _};
use tokio::time::timeout;

use super::failure::loses_connection;
use crate::store::sql::engine::Statement;

pub(super) type Query = sqlx::query::Query<'static, Postgres, PgArguments>;

/// How long to wait for an answer. Longer than the statement timeout of the server, so that it only
/// ends for a server that does not answer at all.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(4);
/// How long resetting or closing a connection may take.
const RESET_LIMIT: Duration = Duration::from_secs(1);

/// The settings of every connection, in one round trip. Durations are milliseconds.
///
/// - An acknowledged transaction is on the disk, and on the replicas that the server requires.
/// - Statements, lock waits and idle transactions time out.
/// - The server releases the locks of an unreachable client after a minute (TCP keepalive).
/// - Isolation is `read committed`, on which the stores rely.
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

/// Connects, and applies the settings.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut connection = options.connect().await?;
    set_up(&mut connection).await?;
    Ok(connection)
}

/// Applies the settings to a new connection.
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

/// A connection and its state. It is lost once the server disconnects or does not answer.
pub(super) struct TrackedConnection {
    connection: Option<PgConnection>,
    /// Whether an answer is outstanding.
    busy: bool,
    in_transaction: bool,
    /// How long to wait for an answer.
    pub(super) limit: Duration,
    /// When it last answered.
    pub(super) last_answer: Instant,
}

/// Runs a call on a connection and records its effect on the state.
macro_rules! run {
    ($tracked:expr, $connection:ident => $call:expr) => {{
        let tracked = $tracked;
        let Some($connection) = tracked.connection.as_mut() else { return Err(disconnected()) };
        tracked.busy = true;
        let answer = timeout(tracked.limit, $call).await;
        tracked.record(answer)
    }};
}

impl TrackedConnection {
    pub(super) fn new(connection: PgConnection) -> Self {
        Self { connection: Some(connection), ..Self::lost() }
    }

    /// The state without a connection.
    pub(super) fn lost() -> Self {
        Self {
            connection: None,
            busy: false,
            in_transaction: false,
            limit: ANSWER_LIMIT,
            last_answer: Instant::now(),
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.connection.is_none()
    }

    /// Whether it can be reused as it is.
    pub(super) fn is_idle(&self) -> bool {
        self.connection.is_some() && !self.busy && !self.in_transaction
    }

    pub(super) async fn rows(&mut self, statement: Statement) -> Result<Vec<PgRow>, sqlx::Error> {
        self.rows_of(statement.postgres()).await
    }

    /// As [`TrackedConnection::rows`], for a statement that only this engine has.
    pub(super) async fn rows_of(&mut self, query: Query) -> Result<Vec<PgRow>, sqlx::Error> {
        run!(self, connection => query.fetch_all(connection))
    }

    pub(super) async fn row(&mut self, statement: Statement) -> Result<Option<PgRow>, sqlx::Error> {
        run!(self, connection => statement.postgres().fetch_optional(connection))
    }

    pub(super) async fn execute(&mut self, statement: Statement) -> Result<u64, sqlx::Error> {
        self.execute_query(statement.postgres()).await
    }

    /// As [`TrackedConnection::execute`], for a statement that only this engine has.
    pub(super) async fn execute_query(&mut self, query: Query) -> Result<u64, sqlx::Error> {
        let done = run!(self, connection => query.execute(connection))?;
        Ok(done.rows_affected())
    }

    /// Runs a command without values and rows.
    pub(super) async fn command(&mut self, command: &'static str) -> Result<(), sqlx::Error> {
        run!(self, connection => connection.execute(command)).map(drop)
    }

    pub(super) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        // Set before the answer, so that a cancelled BEGIN is rolled back too.
        self.in_transaction = true;
        self.command("BEGIN").await
    }

    /// On an error it is unknown whether the transaction was committed.
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

    /// Whether the server still answers.
    pub(super) async fn ping(&mut self, within: Duration) -> bool {
        let Some(connection) = self.connection.as_mut() else { return false };
        let answers = matches!(timeout(within, connection.ping()).await, Ok(Ok(())));
        if answers {
            self.busy = false;
            self.last_answer = Instant::now();
        } else {
            self.connection = None;
        }
        answers
    }

    /// Makes the connection of a cancelled request reusable.
    pub(super) async fn reset(&mut self) {
        self.limit = self.limit.min(RESET_LIMIT);
        if self.in_transaction {
            // Waits for the running statement.
            let _ = self.roll_back().await;
        } else if self.busy {
            self.ping(RESET_LIMIT).await;
        }
        self.limit = ANSWER_LIMIT;
    }

    /// Closes the connection properly.
    pub(super) async fn close(mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = timeout(RESET_LIMIT, connection.close()).await;
        }
    }

    fn record<T>(
        &mut self,
        answer: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, sqlx::Error> {
        let answer = answer.unwrap_or_else(|_| Err(no_answer()));
        if answer.as_ref().is_err_and(loses_connection) {
            self.connection = None;
        } else {
            self.busy = false;
            self.last_answer = Instant::now();
        }
        answer
    }
}

fn no_answer() -> sqlx::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the database does not answer").into()
}

fn disconnected() -> sqlx::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the connection to the database is gone").into()
}
