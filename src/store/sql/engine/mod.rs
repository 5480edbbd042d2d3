//! The engines under the stores: what they are asked, and how their answers are read.
//!
//! The stores write each statement once. What the engines do differently, they do behind
//! [`Engine`] and [`Write`].

mod row;
mod statement;

use std::error::Error;

pub(super) use row::Row;
pub(super) use statement::{Statement, statement};

use super::sqlite::{self, SqliteFile};
use crate::failure::StoreError;

/// What answers.
#[derive(Clone, Debug)]
pub(super) enum Engine {
    Sqlite(SqliteFile),
}

/// A transaction that writes. What it reads does not change before it ends.
pub(super) enum Write {
    Sqlite(sqlite::Write),
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
        }
    }

    /// The first row of an answer, if it has any.
    pub(super) async fn row(&self, statement: Statement) -> Result<Option<Row>, StoreError> {
        match self {
            Self::Sqlite(file) => file.row(statement).await,
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
        }
    }

    /// For [`in_one_step`].
    pub(super) async fn begin(&self) -> Result<Write, StoreError> {
        Ok(match self {
            Self::Sqlite(file) => Write::Sqlite(file.begin().await?),
        })
    }
}

/// Carries out a deed of several statements, all of it or nothing. The deed is an expression that
/// uses `write`, and its value a `Result` of [`Done`].
///
/// A macro and no function: of a closure that borrows and is asynchronous, the compiler does not
/// see that its future can be sent.
macro_rules! in_one_step {
    ($engine:expr, $write:ident => $deed:expr) => {{
        let mut transaction = $engine.begin().await?;
        let done = async {
            let $write = &mut transaction;
            $deed
        };
        let done = done.await;
        transaction.settle(done).await
    }};
}
pub(super) use in_one_step;

impl Write {
    /// The rows of an answer.
    pub(super) async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(write) => write.rows(statement).await,
        }
    }

    /// The first row of an answer, if it has any.
    pub(super) async fn row(&mut self, statement: Statement) -> Result<Option<Row>, StoreError> {
        match self {
            Self::Sqlite(write) => write.row(statement).await,
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
        }
    }

    /// For [`in_one_step`].
    pub(super) async fn settle<T, E: From<StoreError>>(
        self,
        done: Result<Done<T>, E>,
    ) -> Result<T, E> {
        match (self, done?) {
            (Self::Sqlite(write), Done::Commit(answer)) => {
                write.commit().await?;
                Ok(answer)
            }
            (Self::Sqlite(write), Done::TakeBack(answer)) => {
                write.take_back().await?;
                Ok(answer)
            }
        }
    }
}

/// What a driver reported.
pub(super) fn failed(error: sqlx::Error) -> StoreError {
    StoreError::backend(error)
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
