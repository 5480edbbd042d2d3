//! Statements outside of transactions, retried where that is safe.

use std::io;
use std::time::Instant;

use sqlx::postgres::PgRow;

use super::Address;
use super::failure::is_serialization_failure;
use super::pool::Pool;
use super::transaction::{ATTEMPTS, Attempts, RETRY_LIMIT};
use crate::failure::StoreError;
use crate::store::sql::engine::{SqlRow, Statement, failed, statement};

/// The connections to a server. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::store::sql) struct PostgresServer {
    pub(super) pool: Pool,
}

impl PostgresServer {
    /// Opens no connection yet.
    pub(in crate::store::sql) fn at(address: Address, connections: u32) -> Self {
        Self { pool: Pool::new(address, connections) }
    }

    /// Host, port and database.
    pub(in crate::store::sql) fn name(&self) -> String {
        self.pool.address().to_string()
    }

    pub(in crate::store::sql) async fn rows(
        &self,
        statement: Statement,
    ) -> Result<Vec<SqlRow>, StoreError> {
        let started = Instant::now();
        for _ in 1..ATTEMPTS {
            let mut connection = self.pool.reader().await.map_err(failed)?;
            match connection.rows(statement.clone()).await {
                // A read can be repeated.
                Err(_) if connection.is_lost() && started.elapsed() < RETRY_LIMIT => {}
                rows => return all(rows),
            }
        }
        let mut connection = self.pool.reader().await.map_err(failed)?;
        all(connection.rows(statement).await)
    }

    /// The first row.
    pub(in crate::store::sql) async fn row(
        &self,
        statement: Statement,
    ) -> Result<Option<SqlRow>, StoreError> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// Runs one write statement as its own transaction, in one round trip.
    pub(in crate::store::sql) async fn execute(
        &self,
        statement: Statement,
    ) -> Result<u64, StoreError> {
        let mut connection = self.pool.writer().await.map_err(failed)?;
        for _ in 1..ATTEMPTS {
            match connection.execute(statement.clone()).await {
                Err(error) if is_serialization_failure(&error) => {}
                // After a lost connection the result is unknown.
                done => return done.map_err(failed),
            }
        }
        connection.execute(statement).await.map_err(failed)
    }

    /// For a transaction of several statements.
    pub(in crate::store::sql) fn attempts(&self) -> Attempts<'_> {
        Attempts::of(&self.pool)
    }

    /// Checks that the database can be read and written.
    pub(in crate::store::sql) async fn answers(&self) -> Result<(), StoreError> {
        const ASKED: &str = "SELECT EXISTS (SELECT 1 FROM users), pg_is_in_recovery() \
            OR current_setting('transaction_read_only') = 'on'";
        let Some(row) = self.row(statement(ASKED)).await? else { return Ok(()) };
        if row.get(1)? {
            return Err(StoreError::backend(io::Error::new(
                io::ErrorKind::ReadOnlyFilesystem,
                "the database takes no writes: it is a standby, or \
                 default_transaction_read_only is on",
            )));
        }
        Ok(())
    }

    /// Closes the connections after running operations.
    pub(in crate::store::sql) async fn close(&self) {
        self.pool.close().await;
    }
}

fn all(rows: Result<Vec<PgRow>, sqlx::Error>) -> Result<Vec<SqlRow>, StoreError> {
    Ok(rows.map_err(failed)?.into_iter().map(SqlRow::Postgres).collect())
}
