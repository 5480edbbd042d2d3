//! The connections to a server.
//!
//! A pool of our own. That of the driver asks a connection for a sign of life whenever it is put
//! back, which doubles the round trips of a check, and it tries for as long as a request may wait
//! to reach a server that is not there.

use std::collections::VecDeque;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::Address;
use super::connection::{Line, connect};
use super::failure::{is_full, was_ended};

/// Connections of one Anteroom, unless it is told otherwise.
pub(in crate::store::sql) const CONNECTIONS: u32 = 16;
/// How long a request waits for its turn to write.
const TURN_LIMIT: Duration = Duration::from_secs(4);
/// How long a request waits for a connection, be it for one in use or a new one.
const WAIT_LIMIT: Duration = Duration::from_secs(2);
/// A connection of which nothing was heard for so long has to answer before it is used. Under load
/// none gets there.
const HEARD_LATELY: Duration = Duration::from_secs(1);
/// How long that answer may take.
const SIGN_OF_LIFE: Duration = Duration::from_millis(500);
/// How long a request that was refused a new connection waits for one of ours before it tries again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// The log is told that the server refuses new connections once in so long.
const TELLING_PAUSE: Duration = Duration::from_mins(1);
/// How long closing waits for what is under way.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    address: Address,
    most: u32,
    turns: Arc<Semaphore>,
    writers: Arc<Semaphore>,
    /// The one used last is used first.
    idle: Mutex<Vec<Line>>,
    /// Those that wait for a connection of ours because the server refused a new one, the first
    /// one first. Each has its turn.
    waiting: Mutex<VecDeque<oneshot::Sender<Line>>>,
    /// Of those one at a time asks the server again.
    asks_again: Semaphore,
    /// When the log was last told that the server refuses new connections.
    told_of_refusal: Mutex<Option<Instant>>,
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
    pub(super) fn new(address: Address, most: u32) -> Self {
        // What writes may wait for what others have locked, and what reads must find a connection
        // even then.
        let writers = most.saturating_sub((most / 4).max(1)).max(1);
        Self(Arc::new(Inner {
            address,
            most,
            turns: Arc::new(Semaphore::new(most as usize)),
            writers: Arc::new(Semaphore::new(writers as usize)),
            idle: Mutex::default(),
            waiting: Mutex::default(),
            asks_again: Semaphore::new(1),
            told_of_refusal: Mutex::default(),
            is_closed: AtomicBool::new(false),
        }))
    }

    /// A connection to read by, within two seconds or not at all.
    pub(super) async fn reader(&self) -> Result<Held, sqlx::Error> {
        let until = Instant::now() + WAIT_LIMIT;
        let mut refusal = None;
        let found = timeout_at(until, async {
            let turn = self.0.turns.clone().acquire_owned().await;
            let turn = turn.map_err(|_| sqlx::Error::PoolClosed)?;
            if self.0.is_closed.load(Ordering::Acquire) {
                return Err(sqlx::Error::PoolClosed);
            }
            let line = match self.idle_line().await {
                Some(line) => line,
                None => self.new_line(&mut refusal).await?,
            };
            Ok(Held { line, pool: self.clone(), turns: vec![turn] })
        });
        let found = found.await;
        found.unwrap_or_else(|_| Err(refusal.unwrap_or(sqlx::Error::PoolTimedOut)))
    }

    /// A new connection, or one of ours where the server lets no more in.
    async fn new_line(&self, refusal: &mut Option<sqlx::Error>) -> Result<Line, sqlx::Error> {
        match self.try_to_connect().await {
            Err(error) if is_full(&error) => *refusal = Some(error),
            line => return line,
        }
        loop {
            if let Some(line) = self.line_of_ours(RETRY_PAUSE).await {
                return Ok(line);
            }
            let Ok(_only_one) = self.0.asks_again.try_acquire() else { continue };
            match self.try_to_connect().await {
                Err(error) if is_full(&error) => {}
                line => return line,
            }
        }
    }

    async fn try_to_connect(&self) -> Result<Line, sqlx::Error> {
        let mut connected = connect(&self.0.address.options).await;
        // Nothing was asked on it yet. The caller's time limit ends this.
        while let Err(error) = &connected
            && was_ended(error)
        {
            tokio::time::sleep(RETRY_PAUSE).await;
            connected = connect(&self.0.address.options).await;
        }
        if let Err(error) = &connected
            && is_full(error)
        {
            self.tell_of_refusal(error);
        }
        connected.map(Line::new)
    }

    fn tell_of_refusal(&self, error: &sqlx::Error) {
        let mut told = self.0.told_of_refusal.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|at| at.elapsed() < TELLING_PAUSE) {
            return;
        }
        *told = Some(Instant::now());
        tracing::warn!(
            %error,
            "the database refuses a new connection, so requests wait for one in use; lower \
             ANTEROOM_DATABASE_CONNECTIONS, or raise max_connections of the database"
        );
    }

    /// The next connection that is put back.
    async fn line_of_ours(&self, within: Duration) -> Option<Line> {
        let (give, take) = oneshot::channel();
        {
            let mut waiting = self.waiting();
            waiting.retain(|waiting| !waiting.is_closed());
            // One that was put back a moment ago; in this order, so that none slips through.
            if let Some(line) = self.idle().pop() {
                return Some(line);
            }
            waiting.push_back(give);
        }
        timeout(within, take).await.ok()?.ok()
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

    fn waiting(&self) -> MutexGuard<'_, VecDeque<oneshot::Sender<Line>>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_back(&self, mut line: Line) {
        if line.is_lost() {
            return self.doubt();
        }
        if !line.is_at_rest() || self.0.is_closed.load(Ordering::Acquire) {
            return;
        }
        let mut waiting = self.waiting();
        while let Some(next) = waiting.pop_front() {
            match next.send(line) {
                Ok(()) => return,
                Err(unwanted) => line = unwanted,
            }
        }
        self.idle().push(line);
    }

    /// Closes every connection once what is under way on it is done.
    pub(super) async fn close(&self) {
        self.0.is_closed.store(true, Ordering::Release);
        let all = self.0.turns.acquire_many(self.0.most);
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
