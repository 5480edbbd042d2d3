//! What is asked of a server, and again where that is safe.

use std::io;
use std::time::{Duration, Instant};

use sqlx::postgres::PgRow;

use super::Address;
use super::failure::was_given_up;
use super::pool::Pool;
use super::write::Attempts;
use crate::failure::StoreError;
use crate::store::sql::engine::{Row, Statement, failed, statement};

/// How often something is tried in all.
pub(super) const ATTEMPTS: u32 = 4;
/// After this long nothing is tried again.
pub(super) const TRYING: Duration = Duration::from_secs(2);

/// The connections to a server. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::store::sql) struct PostgresServer {
    pub(super) pool: Pool,
}

impl PostgresServer {
    /// Connects to nothing yet.
    pub(in crate::store::sql) fn at(address: Address, connections: u32) -> Self {
        Self { pool: Pool::new(address, connections) }
    }

    /// Host, port and name of the database.
    pub(in crate::store::sql) fn name(&self) -> String {
        self.pool.address().to_string()
    }

    pub(in crate::store::sql) async fn rows(
        &self,
        statement: Statement,
    ) -> Result<Vec<Row>, StoreError> {
        let begun = Instant::now();
        for _ in 1..ATTEMPTS {
            let mut held = self.pool.reader().await.map_err(failed)?;
            match held.rows(statement.clone()).await {
                // Nothing is written by reading, so it may be read again.
                Err(_) if held.is_lost() && begun.elapsed() < TRYING => {}
                rows => return all(rows),
            }
        }
        let mut held = self.pool.reader().await.map_err(failed)?;
        all(held.rows(statement).await)
    }

    /// The first of them.
    pub(in crate::store::sql) async fn row(
        &self,
        statement: Statement,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// One statement that writes, and is a transaction by itself: no more than one round trip.
    pub(in crate::store::sql) async fn execute(
        &self,
        statement: Statement,
    ) -> Result<u64, StoreError> {
        let mut held = self.pool.writer().await.map_err(failed)?;
        for _ in 1..ATTEMPTS {
            match held.execute(statement.clone()).await {
                Err(error) if was_given_up(&error) => {}
                // Where the connection is lost, nobody knows whether it was done.
                done => return done.map_err(failed),
            }
        }
        held.execute(statement).await.map_err(failed)
    }

    /// For a deed of several statements.
    pub(in crate::store::sql) fn attempts(&self) -> Attempts<'_> {
        Attempts::of(&self.pool)
    }

    /// Whether it is able to serve, which takes writing: whoever signs in is given a new session.
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

    /// Closes the connections once what is under way is done.
    pub(in crate::store::sql) async fn close(&self) {
        self.pool.close().await;
    }
}

fn all(rows: Result<Vec<PgRow>, sqlx::Error>) -> Result<Vec<Row>, StoreError> {
    Ok(rows.map_err(failed)?.into_iter().map(Row::Postgres).collect())
}
