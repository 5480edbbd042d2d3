//! The engines under the stores: what they are asked, and how their answers are read.
//!
//! The stores write each statement once. What the engines do differently, they do behind
//! [`Engine`] and [`Write`].

mod row;
mod statement;

use std::error::Error;

pub(super) use row::Row;
pub(super) use statement::{Statement, Text, locking, locking_free, statement};

use super::postgres::{self, Lock, PostgresServer};
use super::sqlite::{self, SqliteFile};
use crate::failure::StoreError;

/// What answers.
#[derive(Clone, Debug)]
pub(super) enum Engine {
    Sqlite(SqliteFile),
    Postgres(PostgresServer),
}

/// A transaction that writes.
///
/// In `SQLite` it is the only one, so what it reads does not change before it ends. In
/// `PostgreSQL` others go on beside it: what must not change is locked as it is read.
pub(super) enum Write {
    Sqlite(sqlite::Write),
    Postgres(postgres::Write),
}

/// What becomes of what a transaction wrote.
pub(super) enum Done<T> {
    /// It counts.
    Commit(T),
    /// It was never written.
    TakeBack(T),
}

impl Engine {
    /// The rows of an answer, read outside of any transaction.
    pub(super) async fn rows(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(file) => file.rows(statement).await,
            Self::Postgres(server) => server.rows(statement).await,
        }
    }

    /// The first row of an answer, if it has any.
    pub(super) async fn row(&self, statement: Statement) -> Result<Option<Row>, StoreError> {
        match self {
            Self::Sqlite(file) => file.row(statement).await,
            Self::Postgres(server) => server.row(statement).await,
        }
    }

    /// The row of an answer that always has one.
    pub(super) async fn one_row(&self, statement: Statement) -> Result<Row, StoreError> {
        self.row(statement).await?.ok_or_else(no_row)
    }

    /// Carries out one statement that writes, a transaction by itself. How many rows it changed.
    pub(super) async fn execute(&self, statement: Statement) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(file) => file.execute(statement).await,
            Self::Postgres(server) => server.execute(statement).await,
        }
    }

    /// For [`in_one_step`].
    pub(super) fn attempts(&self) -> Attempts<'_> {
        match self {
            Self::Sqlite(file) => Attempts::Sqlite(file),
            Self::Postgres(server) => Attempts::Postgres(server.attempts()),
        }
    }
}

/// Carries out a deed of several statements, all of it or nothing. The deed is an expression that
/// uses `write`, and its value a `Result` of [`Done`]; it is carried out again if the engine gave
/// it up.
///
/// A macro and no function: of a closure that borrows and is asynchronous, the compiler does not
/// see that its future can be sent.
macro_rules! in_one_step {
    ($engine:expr, $write:ident => $deed:expr) => {{
        let mut attempts = $engine.attempts();
        loop {
            let mut transaction = attempts.begin().await?;
            let done = async {
                let $write = &mut transaction;
                $deed
            };
            let done = done.await;
            if let Some(answer) = attempts.settle(transaction, done).await {
                break answer;
            }
        }
    }};
}
pub(super) use in_one_step;

/// The attempts at one deed.
pub(super) enum Attempts<'e> {
    /// One is enough.
    Sqlite(&'e SqliteFile),
    Postgres(postgres::Attempts<'e>),
}

impl Attempts<'_> {
    /// Begins a transaction.
    pub(super) async fn begin(&mut self) -> Result<Write, StoreError> {
        Ok(match self {
            Self::Sqlite(file) => Write::Sqlite(file.begin().await?),
            Self::Postgres(attempts) => Write::Postgres(attempts.begin().await?),
        })
    }

    /// Ends a transaction as its deed wants it. `None`: it has to be carried out again.
    pub(super) async fn settle<T, E: From<StoreError>>(
        &mut self,
        write: Write,
        done: Result<Done<T>, E>,
    ) -> Option<Result<T, E>> {
        match (self, write) {
            (Self::Postgres(attempts), Write::Postgres(write)) => {
                attempts.settle(write, done).await
            }
            (_, Write::Sqlite(write)) => Some(write.settle(done).await),
            // Neither begins the other's.
            (Self::Sqlite(_), Write::Postgres(_)) => Some(Err(no_row().into())),
        }
    }
}

impl Write {
    /// The rows of an answer.
    pub(super) async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(write) => write.rows(statement).await,
            Self::Postgres(write) => write.rows(statement).await,
        }
    }

    /// The first row of an answer, if it has any.
    pub(super) async fn row(&mut self, statement: Statement) -> Result<Option<Row>, StoreError> {
        match self {
            Self::Sqlite(write) => write.row(statement).await,
            Self::Postgres(write) => write.row(statement).await,
        }
    }

    /// The row of an answer that always has one.
    pub(super) async fn one_row(&mut self, statement: Statement) -> Result<Row, StoreError> {
        self.row(statement).await?.ok_or_else(no_row)
    }

    /// How many rows a statement changed.
    pub(super) async fn execute(&mut self, statement: Statement) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(write) => write.execute(statement).await,
            Self::Postgres(write) => write.execute(statement).await,
        }
    }

    /// Waits until no other transaction holds the lock, and holds it to the end of this one.
    pub(super) async fn lock(&mut self, lock: Lock) -> Result<(), StoreError> {
        match self {
            // It has the one lock that there is.
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(write) => write.lock(lock).await,
        }
    }

    /// Lets whoever listens know of this transaction, though it changes nothing: what it found to
    /// be so already they may not have been told yet.
    pub(super) async fn be_heard(&mut self) -> Result<(), StoreError> {
        match self {
            // Nobody listens.
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(write) => write.be_heard().await,
        }
    }

    /// Lets this transaction take its time, for it changes as many rows as there are.
    pub(super) async fn take_time(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(write) => write.take_time().await,
        }
    }
}

/// What a driver reported, with what to do about it where that is known.
pub(super) fn failed(error: sqlx::Error) -> StoreError {
    match advice(&error) {
        Some(advice) => StoreError::backend(Advised { advice, source: error }),
        None => StoreError::backend(error),
    }
}

/// A failure of which it is known what helps.
#[derive(Debug, thiserror::Error)]
#[error("{advice}")]
struct Advised {
    advice: &'static str,
    source: sqlx::Error,
}

/// What a pooler is to be set to that gives each transaction another connection.
pub(super) const POOLER: &str = "what is between this program and the database gives each \
    transaction another connection: let the pooler be in session mode (of PgBouncer \
    pool_mode=session), or connect to the database itself";
const LOCKED: &str = "others hold a lock that this has to wait for, and nothing was done: try \
    again; of PostgreSQL pg_blocking_pids() and pg_stat_activity show who holds it";

/// What to do about a failure, if that is known.
pub(super) fn advice(error: &sqlx::Error) -> Option<&'static str> {
    let error = error.as_database_error()?;
    let code = error.code()?;
    let is_of_statements = error.message().contains("prepared statement");
    match &*code {
        // A statement that somebody else has prepared there, or that was prepared elsewhere.
        "42P05" | "26000" => Some(POOLER),
        "08P01" if is_of_statements => Some(POOLER),
        // PostgreSQL, and SQLite with all of its reasons.
        "55P03" | "5" | "261" | "517" => Some(LOCKED),
        _ => None,
    }
}

fn no_row() -> StoreError {
    failed(sqlx::Error::RowNotFound)
}

/// Whether a statement failed because another row has a value that only one may have.
pub(super) fn is_taken(error: &StoreError) -> bool {
    let StoreError::Backend(cause) = error else { return false };
    let cause: &(dyn Error + 'static) = &**cause;
    cause
        .downcast_ref::<sqlx::Error>()
        .and_then(sqlx::Error::as_database_error)
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}
