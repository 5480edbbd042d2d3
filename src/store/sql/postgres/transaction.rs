//! Write transactions. They run again after a deadlock or serialization failure, and never after a
//! COMMIT whose result is unknown.

use std::time::{Duration, Instant};

use super::Lock;
use super::connection::Query;
use super::failure::is_serialization_failure;
use super::pool::{Pool, PooledConnection};
use crate::failure::StoreError;
use crate::store::sql::engine::{Finish, SqlRow, Statement, failed, statement};

/// The maximum number of attempts.
pub(super) const ATTEMPTS: u32 = 4;
/// No retry starts after this long.
pub(super) const RETRY_LIMIT: Duration = Duration::from_secs(2);
/// How long a statement may take that changes every row of a table.
const LONG_STATEMENT_LIMIT: Duration = Duration::from_mins(10);

/// An open transaction.
pub(in crate::store::sql) struct PostgresTransaction {
    connection: PooledConnection,
    /// Whether a statement failed and another attempt may succeed.
    is_retryable: bool,
}

/// The attempts at one transaction.
pub(in crate::store::sql) struct Attempts<'p> {
    pool: &'p Pool,
    left: u32,
    started: Instant,
}

impl<'p> Attempts<'p> {
    pub(super) fn of(pool: &'p Pool) -> Self {
        Self { pool, left: ATTEMPTS, started: Instant::now() }
    }

    /// Begins a transaction.
    pub(in crate::store::sql) async fn begin(&mut self) -> Result<PostgresTransaction, StoreError> {
        loop {
            let mut connection = self.pool.writer().await.map_err(failed)?;
            let Err(error) = connection.begin().await else {
                return Ok(PostgresTransaction { connection, is_retryable: false });
            };
            if !(connection.is_lost() && self.may_retry()) {
                return Err(failed(error));
            }
        }
    }

    /// Ends a transaction. `None`: it must run again.
    pub(in crate::store::sql) async fn finish<T, E: From<StoreError>>(
        &mut self,
        mut tx: PostgresTransaction,
        done: Result<Finish<T>, E>,
    ) -> Option<Result<T, E>> {
        match done {
            Ok(Finish::Commit(answer)) => match tx.connection.commit().await {
                Ok(()) => Some(Ok(answer)),
                Err(error) if is_serialization_failure(&error) && self.may_retry() => None,
                Err(error) => Some(Err(failed(error).into())),
            },
            Ok(Finish::RollBack(answer)) => {
                // If the rollback fails, the connection is lost and the server rolls back.
                let _ = tx.connection.roll_back().await;
                Some(Ok(answer))
            }
            Err(error) => {
                let _ = tx.connection.roll_back().await;
                (!tx.is_retryable || !self.may_retry()).then_some(Err(error))
            }
        }
    }

    fn may_retry(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0 && self.started.elapsed() < RETRY_LIMIT
    }
}

impl PostgresTransaction {
    pub(in crate::store::sql) async fn rows(
        &mut self,
        statement: Statement,
    ) -> Result<Vec<SqlRow>, StoreError> {
        let rows = self.connection.rows(statement).await;
        Ok(self.check(rows)?.into_iter().map(SqlRow::Postgres).collect())
    }

    pub(in crate::store::sql) async fn row(
        &mut self,
        statement: Statement,
    ) -> Result<Option<SqlRow>, StoreError> {
        let row = self.connection.row(statement).await;
        Ok(self.check(row)?.map(SqlRow::Postgres))
    }

    pub(in crate::store::sql) async fn execute(
        &mut self,
        statement: Statement,
    ) -> Result<u64, StoreError> {
        let done = self.connection.execute(statement).await;
        self.check(done)
    }

    /// As [`PostgresTransaction::execute`], for a statement that only this engine has.
    pub(super) async fn execute_query(&mut self, query: Query) -> Result<u64, StoreError> {
        let done = self.connection.execute_query(query).await;
        self.check(done)
    }

    /// Waits for the lock.
    pub(in crate::store::sql) async fn lock(&mut self, lock: Lock) -> Result<(), StoreError> {
        self.row(statement(lock.taking())).await.map(drop)
    }

    /// Notifies subscribers of a transaction that changes nothing.
    pub(in crate::store::sql) async fn notify_unchanged(&mut self) -> Result<(), StoreError> {
        self.row(statement("SELECT pg_notify('anteroom_changes', '.')")).await.map(drop)
    }

    /// Removes the statement timeout of this transaction.
    pub(in crate::store::sql) async fn allow_long_statements(&mut self) -> Result<(), StoreError> {
        self.execute(statement("SET LOCAL statement_timeout = 0")).await?;
        self.connection.limit = LONG_STATEMENT_LIMIT;
        Ok(())
    }

    fn check<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        answer.map_err(|error| {
            self.is_retryable = is_serialization_failure(&error) || self.connection.is_lost();
            failed(error)
        })
    }
}
