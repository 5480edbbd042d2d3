//! The connection pool.
//!
//! The pool of the driver pings a connection whenever it is returned, which doubles the round trips
//! of a session check. And it keeps connecting to an unreachable server until the request times
//! out. This pool does neither.

use std::collections::VecDeque;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::Address;
use super::connection::{TrackedConnection, connect};
use super::failure::{is_full, was_ended};

/// The default maximum number of connections.
pub(in crate::store::sql) const CONNECTIONS: u32 = 16;
/// How long a request waits for a permit to write.
const WRITER_WAIT_LIMIT: Duration = Duration::from_secs(4);
/// How long a request waits for a connection, idle or new.
const CONNECTION_WAIT_LIMIT: Duration = Duration::from_secs(2);
/// A connection that was idle for longer is pinged before use. Under load none is.
const PING_AFTER: Duration = Duration::from_secs(1);
/// How long the answer to a ping may take.
const PING_LIMIT: Duration = Duration::from_millis(500);
/// How long a request waits for a returned connection before it retries to connect.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// How often a request connects again after its new connection was ended.
const RECONNECTS: u32 = 3;
/// The minimum interval between log lines about refused connections.
const WARN_INTERVAL: Duration = Duration::from_mins(1);
/// How long closing waits for running operations.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Pool(Arc<PoolState>);

struct PoolState {
    address: Address,
    most: u32,
    /// One permit for each connection.
    permits: Arc<Semaphore>,
    /// One permit for each connection that may write.
    writer_permits: Arc<Semaphore>,
    /// The connection used last is reused first.
    idle: Mutex<Vec<TrackedConnection>>,
    /// Requests that wait for a returned connection because the server refused a new one, in order
    /// of arrival.
    waiting: Mutex<VecDeque<oneshot::Sender<TrackedConnection>>>,
    /// One of them at a time retries to connect.
    retrying: Semaphore,
    /// When a refused connection was last logged.
    refusal_logged_at: Mutex<Option<Instant>>,
    is_closed: AtomicBool,
}

/// A connection in use. Dropping it returns it to the pool once it is idle.
pub(super) struct PooledConnection {
    connection: TrackedConnection,
    pool: Pool,
    permits: Vec<OwnedSemaphorePermit>,
}

impl Pool {
    /// Opens no connection yet.
    pub(super) fn new(address: Address, most: u32) -> Self {
        // Writers may wait for locks. A quarter of the connections stays free for readers.
        let writers = most.saturating_sub((most / 4).max(1)).max(1);
        Self(Arc::new(PoolState {
            address,
            most,
            permits: Arc::new(Semaphore::new(most as usize)),
            writer_permits: Arc::new(Semaphore::new(writers as usize)),
            idle: Mutex::default(),
            waiting: Mutex::default(),
            retrying: Semaphore::new(1),
            refusal_logged_at: Mutex::default(),
            is_closed: AtomicBool::new(false),
        }))
    }

    /// A connection for reading; fails after [`CONNECTION_WAIT_LIMIT`].
    pub(super) async fn reader(&self) -> Result<PooledConnection, sqlx::Error> {
        let until = Instant::now() + CONNECTION_WAIT_LIMIT;
        let mut refusal = None;
        let found = timeout_at(until, async {
            let permit = self.0.permits.clone().acquire_owned().await;
            let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
            if self.0.is_closed.load(Ordering::Acquire) {
                return Err(sqlx::Error::PoolClosed);
            }
            let connection = match self.take_idle().await {
                Some(connection) => connection,
                None => self.connect_or_wait(&mut refusal).await?,
            };
            Ok(PooledConnection { connection, pool: self.clone(), permits: vec![permit] })
        });
        let found = found.await;
        found.unwrap_or_else(|_| Err(refusal.unwrap_or(sqlx::Error::PoolTimedOut)))
    }

    /// A new connection, or a returned one if the server refuses new connections.
    async fn connect_or_wait(
        &self,
        refusal: &mut Option<sqlx::Error>,
    ) -> Result<TrackedConnection, sqlx::Error> {
        match self.try_to_connect().await {
            Err(error) if is_full(&error) => *refusal = Some(error),
            result => return result,
        }
        loop {
            if let Some(connection) = self.next_returned(RETRY_PAUSE).await {
                return Ok(connection);
            }
            let Ok(_permit) = self.0.retrying.try_acquire() else { continue };
            match self.try_to_connect().await {
                Err(error) if is_full(&error) => {}
                result => return result,
            }
        }
    }

    async fn try_to_connect(&self) -> Result<TrackedConnection, sqlx::Error> {
        let mut connected = connect(&self.0.address.options).await;
        // Nothing was asked on it yet, and the server may have ended this one alone.
        for _ in 0..RECONNECTS {
            if !connected.as_ref().is_err_and(was_ended) {
                break;
            }
            tokio::time::sleep(RETRY_PAUSE).await;
            connected = connect(&self.0.address.options).await;
        }
        if let Err(error) = &connected
            && is_full(error)
        {
            self.log_refusal(error);
        }
        connected.map(TrackedConnection::new)
    }

    fn log_refusal(&self, error: &sqlx::Error) {
        let mut logged_at = self.0.refusal_logged_at.lock().unwrap_or_else(PoisonError::into_inner);
        if logged_at.is_some_and(|at| at.elapsed() < WARN_INTERVAL) {
            return;
        }
        *logged_at = Some(Instant::now());
        tracing::warn!(
            %error,
            "the database refuses a new connection, so requests wait for one in use; lower \
             ANTEROOM_DATABASE_CONNECTIONS, or raise max_connections of the database"
        );
    }

    /// The next returned connection.
    async fn next_returned(&self, within: Duration) -> Option<TrackedConnection> {
        let (give, take) = oneshot::channel();
        {
            let mut waiting = self.waiting();
            waiting.retain(|waiting| !waiting.is_closed());
            // Checked under the lock of `waiting`, so that a connection returned now is not missed.
            if let Some(connection) = self.idle().pop() {
                return Some(connection);
            }
            waiting.push_back(give);
        }
        timeout(within, take).await.ok()?.ok()
    }

    /// A connection for writing.
    pub(super) async fn writer(&self) -> Result<PooledConnection, sqlx::Error> {
        let permit = self.0.writer_permits.clone().acquire_owned();
        let permit = timeout_at(Instant::now() + WRITER_WAIT_LIMIT, permit).await;
        let permit = permit.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
        let mut connection = self.reader().await?;
        connection.permits.push(permit);
        Ok(connection)
    }

    async fn take_idle(&self) -> Option<TrackedConnection> {
        let mut connection = self.idle().pop()?;
        if connection.last_answer.elapsed() < PING_AFTER || connection.ping(PING_LIMIT).await {
            return Some(connection);
        }
        self.discard_idle();
        None
    }

    /// Drops every idle connection: the cause that broke one has probably broken the others, and
    /// each would fail one more request.
    fn discard_idle(&self) {
        let idle = std::mem::take(&mut *self.idle());
        drop(idle);
    }

    /// The address of the server.
    pub(super) fn address(&self) -> &Address {
        &self.0.address
    }

    fn idle(&self) -> MutexGuard<'_, Vec<TrackedConnection>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<oneshot::Sender<TrackedConnection>>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_back(&self, mut connection: TrackedConnection) {
        if connection.is_lost() {
            return self.discard_idle();
        }
        if !connection.is_idle() || self.0.is_closed.load(Ordering::Acquire) {
            return;
        }
        let mut waiting = self.waiting();
        while let Some(next) = waiting.pop_front() {
            match next.send(connection) {
                Ok(()) => return,
                Err(unwanted) => connection = unwanted,
            }
        }
        self.idle().push(connection);
    }

    /// Closes every connection after its running operation.
    pub(super) async fn close(&self) {
        self.0.is_closed.store(true, Ordering::Release);
        let all = self.0.permits.acquire_many(self.0.most);
        let _all = tokio::time::timeout(CLOSE_LIMIT, all).await;
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            connection.close().await;
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({})", self.0.address)
    }
}

impl Deref for PooledConnection {
    type Target = TrackedConnection;

    fn deref(&self) -> &TrackedConnection {
        &self.connection
    }
}

impl DerefMut for PooledConnection {
    fn deref_mut(&mut self) -> &mut TrackedConnection {
        &mut self.connection
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let mut connection = std::mem::replace(&mut self.connection, TrackedConnection::lost());
        if connection.is_idle() || connection.is_lost() {
            self.pool.put_back(connection);
            return;
        }
        // The request was cancelled. Its permits are released once the connection is idle.
        let (pool, permits) = (self.pool.clone(), std::mem::take(&mut self.permits));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                connection.reset().await;
                pool.put_back(connection);
                drop(permits);
            });
        }
    }
}
