//! Transactions: carried out again where the server gave them up, and never where it is not known
//! whether they count.

use std::time::{Duration, Instant};

use super::Lock;
use super::connection::Query;
use super::failure::was_given_up;
use super::pool::{Held, Pool};
use super::server::{ATTEMPTS, TRYING};
use crate::failure::StoreError;
use crate::store::sql::engine::{Done, Row, Statement, failed, statement};

/// How long a deed of as many rows as there are may take.
const UNHURRIED: Duration = Duration::from_mins(10);

/// A transaction under way.
pub(in crate::store::sql) struct Write {
    held: Held,
    /// Whether a statement failed of which another attempt may do better.
    may_do_better: bool,
}

/// The attempts at one deed.
pub(in crate::store::sql) struct Attempts<'p> {
    pool: &'p Pool,
    left: u32,
    begun: Instant,
}

impl<'p> Attempts<'p> {
    pub(super) fn of(pool: &'p Pool) -> Self {
        Self { pool, left: ATTEMPTS, begun: Instant::now() }
    }

    /// Begins a transaction.
    pub(in crate::store::sql) async fn begin(&mut self) -> Result<Write, StoreError> {
        loop {
            let mut held = self.pool.writer().await.map_err(failed)?;
            let Err(error) = held.begin().await else {
                return Ok(Write { held, may_do_better: false });
            };
            if !(held.is_lost() && self.may_go_on()) {
                return Err(failed(error));
            }
        }
    }

    /// Ends a transaction as its deed wants it. `None`: it has to be carried out again.
    pub(in crate::store::sql) async fn settle<T, E: From<StoreError>>(
        &mut self,
        mut write: Write,
        done: Result<Done<T>, E>,
    ) -> Option<Result<T, E>> {
        match done {
            Ok(Done::Commit(answer)) => match write.held.commit().await {
                Ok(()) => Some(Ok(answer)),
                Err(error) if was_given_up(&error) && self.may_go_on() => None,
                Err(error) => Some(Err(failed(error).into())),
            },
            Ok(Done::TakeBack(answer)) => {
                // If it fails, the connection is gone, and the transaction with it.
                let _ = write.held.roll_back().await;
                Some(Ok(answer))
            }
            Err(error) => {
                let _ = write.held.roll_back().await;
                (!write.may_do_better || !self.may_go_on()).then_some(Err(error))
            }
        }
    }

    fn may_go_on(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0 && self.begun.elapsed() < TRYING
    }
}

impl Write {
    pub(in crate::store::sql) async fn rows(
        &mut self,
        statement: Statement,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self.held.rows(statement).await;
        Ok(self.judged(rows)?.into_iter().map(Row::Postgres).collect())
    }

    pub(in crate::store::sql) async fn row(
        &mut self,
        statement: Statement,
    ) -> Result<Option<Row>, StoreError> {
        let row = self.held.row(statement).await;
        Ok(self.judged(row)?.map(Row::Postgres))
    }

    pub(in crate::store::sql) async fn execute(
        &mut self,
        statement: Statement,
    ) -> Result<u64, StoreError> {
        let done = self.held.execute(statement).await;
        self.judged(done)
    }

    /// As [`Write::execute`], of a statement that only this engine has.
    pub(super) async fn execute_query(&mut self, query: Query) -> Result<u64, StoreError> {
        let done = self.held.execute_query(query).await;
        self.judged(done)
    }

    /// Waits until nobody else holds the lock.
    pub(in crate::store::sql) async fn lock(&mut self, lock: Lock) -> Result<(), StoreError> {
        self.row(statement(lock.taking())).await.map(drop)
    }

    /// Lets whoever listens know of this transaction, though it changes nothing.
    pub(in crate::store::sql) async fn be_heard(&mut self) -> Result<(), StoreError> {
        self.row(statement("SELECT pg_notify('anteroom_changes', '.')")).await.map(drop)
    }

    /// Lets this transaction take its time, for it changes as many rows as there are.
    pub(in crate::store::sql) async fn take_time(&mut self) -> Result<(), StoreError> {
        self.execute(statement("SET LOCAL statement_timeout = 0")).await?;
        self.held.limit = UNHURRIED;
        Ok(())
    }

    fn judged<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        answer.map_err(|error| {
            self.may_do_better = was_given_up(&error) || self.held.is_lost();
            failed(error)
        })
    }
}
