//! The database engines: runs statements and transactions on `SQLite` or `PostgreSQL`.
//!
//! The stores write each statement once. The differences between the engines are behind
//! [`Engine`] and [`Transaction`].

mod row;
mod statement;

use std::error::Error;

pub(super) use row::{FromColumns, SqlRow, from_columns};
pub(super) use statement::{Sql, Statement, for_update, for_update_skip_locked, statement};

use super::postgres::{self, Lock, PostgresServer};
use super::sqlite::{self, SqliteFile};
use crate::failure::StoreError;

/// An open database of either engine.
#[derive(Clone, Debug)]
pub(super) enum Engine {
    Sqlite(SqliteFile),
    Postgres(PostgresServer),
}

/// A write transaction.
///
/// In `SQLite` it is the only one, so the rows that it reads do not change before it ends. In
/// `PostgreSQL` others run concurrently: rows that must not change are locked when read.
pub(super) enum Transaction {
    Sqlite(sqlite::SqliteTransaction),
    Postgres(postgres::PostgresTransaction),
}

/// How a transaction ends, with its result.
pub(super) enum Finish<T> {
    /// Keep the changes.
    Commit(T),
    /// Discard the changes.
    RollBack(T),
}

impl Engine {
    /// All rows of a query, outside of any transaction.
    pub(super) async fn rows(&self, statement: Statement) -> Result<Vec<SqlRow>, StoreError> {
        match self {
            Self::Sqlite(file) => file.rows(statement).await,
            Self::Postgres(server) => server.rows(statement).await,
        }
    }

    /// The first row of a query, if any.
    pub(super) async fn row(&self, statement: Statement) -> Result<Option<SqlRow>, StoreError> {
        match self {
            Self::Sqlite(file) => file.row(statement).await,
            Self::Postgres(server) => server.row(statement).await,
        }
    }

    /// The row of a query that always has one.
    pub(super) async fn one_row(&self, statement: Statement) -> Result<SqlRow, StoreError> {
        self.row(statement).await?.ok_or_else(no_row)
    }

    /// Runs one write statement as its own transaction. Returns the number of changed rows.
    pub(super) async fn execute(&self, statement: Statement) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(file) => file.execute(statement).await,
            Self::Postgres(server) => server.execute(statement).await,
        }
    }

    /// For [`in_transaction`].
    pub(super) fn attempts(&self) -> Attempts<'_> {
        match self {
            Self::Sqlite(file) => Attempts::Sqlite(file),
            Self::Postgres(server) => Attempts::Postgres(server.attempts()),
        }
    }
}

/// Runs several statements as one transaction. The body is an expression that uses the named
/// variable and returns a `Result` of [`Finish`]. It runs again after a deadlock or a serialization
/// failure.
///
/// A macro instead of a function, because the compiler cannot prove that the future of a borrowing
/// async closure is `Send`.
macro_rules! in_transaction {
    ($engine:expr, $tx:ident => $body:expr) => {{
        let mut attempts = $engine.attempts();
        loop {
            let mut transaction = attempts.begin().await?;
            let done = async {
                let $tx = &mut transaction;
                $body
            };
            let done = done.await;
            if let Some(answer) = attempts.finish(transaction, done).await {
                break answer;
            }
        }
    }};
}
pub(super) use in_transaction;

/// The attempts at one transaction.
pub(super) enum Attempts<'e> {
    /// Never retried.
    Sqlite(&'e SqliteFile),
    Postgres(postgres::Attempts<'e>),
}

impl Attempts<'_> {
    /// Begins a transaction.
    pub(super) async fn begin(&mut self) -> Result<Transaction, StoreError> {
        Ok(match self {
            Self::Sqlite(file) => Transaction::Sqlite(file.begin().await?),
            Self::Postgres(attempts) => Transaction::Postgres(attempts.begin().await?),
        })
    }

    /// Ends a transaction. `None`: it must run again.
    pub(super) async fn finish<T, E: From<StoreError>>(
        &mut self,
        tx: Transaction,
        done: Result<Finish<T>, E>,
    ) -> Option<Result<T, E>> {
        match (self, tx) {
            (Self::Postgres(attempts), Transaction::Postgres(tx)) => {
                attempts.finish(tx, done).await
            }
            (_, Transaction::Sqlite(tx)) => Some(tx.finish(done).await),
            // Unreachable: `begin` returns a transaction of the same engine.
            (Self::Sqlite(_), Transaction::Postgres(_)) => Some(Err(no_row().into())),
        }
    }
}

impl Transaction {
    /// All rows of a query.
    pub(super) async fn rows(&mut self, statement: Statement) -> Result<Vec<SqlRow>, StoreError> {
        match self {
            Self::Sqlite(tx) => tx.rows(statement).await,
            Self::Postgres(tx) => tx.rows(statement).await,
        }
    }

    /// The first row of a query, if any.
    pub(super) async fn row(&mut self, statement: Statement) -> Result<Option<SqlRow>, StoreError> {
        match self {
            Self::Sqlite(tx) => tx.row(statement).await,
            Self::Postgres(tx) => tx.row(statement).await,
        }
    }

    /// The row of a query that always has one.
    pub(super) async fn one_row(&mut self, statement: Statement) -> Result<SqlRow, StoreError> {
        self.row(statement).await?.ok_or_else(no_row)
    }

    /// Runs a statement. Returns the number of changed rows.
    pub(super) async fn execute(&mut self, statement: Statement) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(tx) => tx.execute(statement).await,
            Self::Postgres(tx) => tx.execute(statement).await,
        }
    }

    /// Waits for the lock and holds it until this transaction ends.
    pub(super) async fn lock(&mut self, lock: Lock) -> Result<(), StoreError> {
        match self {
            // A write transaction holds the only lock.
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(tx) => tx.lock(lock).await,
        }
    }

    /// Notifies subscribers of a transaction that changes nothing: it may have seen a change of
    /// which they have not been notified yet.
    pub(super) async fn notify_unchanged(&mut self) -> Result<(), StoreError> {
        match self {
            // There are no subscribers.
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(tx) => tx.notify_unchanged().await,
        }
    }

    /// Removes the statement timeout of this transaction, which may change every row of a table.
    pub(super) async fn allow_long_statements(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(tx) => tx.allow_long_statements().await,
        }
    }
}

/// Wraps an error of the driver, with advice if there is any.
pub(super) fn failed(error: sqlx::Error) -> StoreError {
    match advice(&error) {
        Some(advice) => StoreError::backend(WithAdvice { advice, source: error }),
        None => StoreError::backend(error),
    }
}

/// An error with advice.
#[derive(Debug, thiserror::Error)]
#[error("{advice}")]
struct WithAdvice {
    advice: &'static str,
    source: sqlx::Error,
}

/// Advice for a pooler that gives each transaction another connection.
pub(super) const POOLER: &str = "a connection pooler gives each transaction another \
    connection; set it to session mode (PgBouncer: pool_mode=session), or connect to the database \
    directly";
const LOCKED: &str = "timed out waiting for a lock, and nothing was changed; try again (in \
    PostgreSQL, pg_blocking_pids() and pg_stat_activity show the holder)";

/// The advice for an error, if there is any.
pub(super) fn advice(error: &sqlx::Error) -> Option<&'static str> {
    let error = error.as_database_error()?;
    let code = error.code()?;
    let is_of_statements = error.message().contains("prepared statement");
    match &*code {
        // A prepared statement of another client, or one prepared on another connection.
        "42P05" | "26000" => Some(POOLER),
        "08P01" if is_of_statements => Some(POOLER),
        // `lock_not_available` of PostgreSQL, and the extended codes of SQLITE_BUSY.
        "55P03" | "5" | "261" | "517" => Some(LOCKED),
        _ => None,
    }
}

fn no_row() -> StoreError {
    failed(sqlx::Error::RowNotFound)
}

/// Whether a statement violated a unique constraint.
pub(super) fn is_unique_violation(error: &StoreError) -> bool {
    let StoreError::Backend(cause) = error else { return false };
    let cause: &(dyn Error + 'static) = &**cause;
    cause
        .downcast_ref::<sqlx::Error>()
        .and_then(sqlx::Error::as_database_error)
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}
