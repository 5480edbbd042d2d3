//! Entries that background tasks of every server take from a queue in the database, a few at a
//! time, and try again later if that fails.

mod schedule;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::failure::StoreError;
pub(crate) use schedule::wait_after;

/// Entries of one queue that a server works on at the same time.
const MOST_AT_ONCE: usize = 4;
/// How long a shutdown waits for them.
const REST_LIMIT: Duration = Duration::from_secs(3);
/// Interval of the queue polls, for entries of other servers and commands, and for retries.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Interval of the pending count in the metrics.
const COUNT_EVERY: Duration = Duration::from_secs(15);

/// One permit for each entry that is worked on. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST_AT_ONCE)))
    }
}

impl Places {
    /// Starts no more work and waits for that in progress, three seconds at most. Work that
    /// is cancelled then is done again later.
    pub(crate) async fn finish(&self) {
        let all = u32::try_from(MOST_AT_ONCE).unwrap_or(1);
        if let Ok(Ok(places)) = timeout(REST_LIMIT, self.0.acquire_many(all)).await {
            places.forget();
        }
    }

    fn free(&self) -> Vec<OwnedSemaphorePermit> {
        std::iter::from_fn(|| self.0.clone().try_acquire_owned().ok()).collect()
    }
}

/// A queue, as the background task sees it.
pub(crate) trait Queue: Clone + Send + Sync + 'static {
    /// An entry that this server has claimed.
    type Claimed: Send + 'static;
    /// The entries, for the log.
    const ENTRIES: &'static str;

    /// Notified when there is a new entry.
    fn wake(&self) -> &Notify;

    /// Limits the work at the same time.
    fn places(&self) -> &Places;

    /// Claims entries that are due.
    fn claim(
        &self,
        most: u32,
    ) -> impl Future<Output = Result<Vec<Self::Claimed>, StoreError>> + Send;

    /// Works on an entry, and saves the result.
    fn work_on(self, claimed: Self::Claimed) -> impl Future<Output = ()> + Send;

    /// Counts what is pending, where anybody wants to know. `true`: it was counted.
    fn count(&self) -> impl Future<Output = bool> + Send;
}

/// Works on entries until it is dropped. Those in progress then are claimed again later.
pub(crate) async fn run<Q: Queue>(queue: Q) {
    let (mut under_way, mut is_gone) = (JoinSet::new(), false);
    let mut counted: Option<Instant> = None;
    loop {
        while under_way.try_join_next().is_some() {}
        let places = queue.places().free();
        match claim(&queue, places.len()).await {
            Ok(claimed) => {
                is_gone = false;
                for (one, place) in claimed.into_iter().zip(places) {
                    let queue = queue.clone();
                    under_way.spawn(async move {
                        queue.work_on(one).await;
                        drop(place);
                    });
                }
            }
            // Logged once: the next poll is in a second.
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                if !std::mem::replace(&mut is_gone, true) {
                    tracing::warn!(error, "could not read pending {}; will retry", Q::ENTRIES);
                }
            }
        }
        if counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY) && queue.count().await {
            counted = Some(Instant::now());
        }
        tokio::select! {
            () = queue.wake().notified(), if queue.places().0.available_permits() > 0 => {}
            Some(_) = under_way.join_next() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn claim<Q: Queue>(queue: &Q, free: usize) -> Result<Vec<Q::Claimed>, StoreError> {
    if free == 0 {
        return Ok(Vec::new());
    }
    queue.claim(u32::try_from(free).unwrap_or(1)).await
}
