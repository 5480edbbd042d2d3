//! The connections to a server.
//!
//! A pool of our own. That of the driver asks a connection for a sign of life whenever it is put
//! back, which doubles the round trips of a check, and it tries for as long as a request may wait
//! to reach a server that is not there.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::Address;
use super::connection::{Line, connect};

/// Connections of one Anteroom.
pub(super) const CONNECTIONS: u32 = 16;
/// So many of them may write at once. What writes may wait for what others have locked, and what
/// reads must find a connection even then.
const WRITERS: usize = 12;
/// How long a request waits for its turn to write.
const TURN_LIMIT: Duration = Duration::from_secs(4);
/// How long a request waits for a connection, be it for one in use or a new one.
const WAIT_LIMIT: Duration = Duration::from_secs(2);
/// A connection of which nothing was heard for so long has to answer before it is used. Under load
/// none gets there.
const HEARD_LATELY: Duration = Duration::from_secs(1);
/// How long that answer may take.
const SIGN_OF_LIFE: Duration = Duration::from_millis(500);
/// How long closing waits for what is under way.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    address: Address,
    turns: Arc<Semaphore>,
    writers: Arc<Semaphore>,
    /// The one used last is used first.
    idle: Mutex<Vec<Line>>,
    is_closed: AtomicBool,
}

/// A connection in use. It is put back when it is dropped, after what is under way has ended.
pub(super) struct Held {
    line: Line,
    pool: Pool,
    turns: Vec<OwnedSemaphorePermit>,
}

impl Pool {
    /// Connects to nothing yet.
    pub(super) fn new(address: Address) -> Self {
        Self(Arc::new(Inner {
            address,
            turns: Arc::new(Semaphore::new(CONNECTIONS as usize)),
            writers: Arc::new(Semaphore::new(WRITERS)),
            idle: Mutex::default(),
            is_closed: AtomicBool::new(false),
        }))
    }

    /// A connection to read by, within two seconds or not at all.
    pub(super) async fn reader(&self) -> Result<Held, sqlx::Error> {
        let until = Instant::now() + WAIT_LIMIT;
        let found = timeout_at(until, async {
            let turn = self.0.turns.clone().acquire_owned().await;
            let turn = turn.map_err(|_| sqlx::Error::PoolClosed)?;
            if self.0.is_closed.load(Ordering::Acquire) {
                return Err(sqlx::Error::PoolClosed);
            }
            let line = match self.idle_line().await {
                Some(line) => line,
                None => Line::new(connect(&self.0.address.options).await?),
            };
            Ok(Held { line, pool: self.clone(), turns: vec![turn] })
        });
        found.await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// A connection to write by.
    pub(super) async fn writer(&self) -> Result<Held, sqlx::Error> {
        let turn = timeout_at(Instant::now() + TURN_LIMIT, self.0.writers.clone().acquire_owned());
        let turn = turn.await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let turn = turn.map_err(|_| sqlx::Error::PoolClosed)?;
        let mut held = self.reader().await?;
        held.turns.push(turn);
        Ok(held)
    }

    async fn idle_line(&self) -> Option<Line> {
        let mut line = self.idle().pop()?;
        if line.heard.elapsed() < HEARD_LATELY || line.answers(SIGN_OF_LIFE).await {
            return Some(line);
        }
        self.doubt();
        None
    }

    /// Lets go of every idle connection: what ended one has ended others, and finding out about
    /// each would cost a request each.
    fn doubt(&self) {
        let doubted = std::mem::take(&mut *self.idle());
        drop(doubted);
    }

    /// Where it leads to.
    pub(super) fn address(&self) -> &Address {
        &self.0.address
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Line>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_back(&self, line: Line) {
        if line.is_lost() {
            self.doubt();
        } else if line.is_at_rest() && !self.0.is_closed.load(Ordering::Acquire) {
            self.idle().push(line);
        }
    }

    /// Closes every connection once what is under way on it is done.
    pub(super) async fn close(&self) {
        self.0.is_closed.store(true, Ordering::Release);
        let all = self.0.turns.acquire_many(CONNECTIONS);
        let _all = tokio::time::timeout(CLOSE_LIMIT, all).await;
        let idle = std::mem::take(&mut *self.idle());
        for line in idle {
            line.close().await;
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({})", self.0.address)
    }
}

impl Deref for Held {
    type Target = Line;

    fn deref(&self) -> &Line {
        &self.line
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Line {
        &mut self.line
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut line = std::mem::replace(&mut self.line, Line::lost());
        if line.is_at_rest() || line.is_lost() {
            self.pool.put_back(line);
            return;
        }
        // Somebody hung up in the middle. Its turn is over only once the connection is at rest.
        let (pool, turns) = (self.pool.clone(), std::mem::take(&mut self.turns));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                line.come_to_rest().await;
                pool.put_back(line);
                drop(turns);
            });
        }
    }
}
