//! Counting the live sessions now and then, at a bounded price.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::sessions::{Counted, Sessions};

/// After a count nobody counts for this many times as long as it took, so that counting takes at
/// most a hundredth of the time, however many sessions there are.
const REST: u32 = 99;
/// How long somebody who asks waits for a count that is under way.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many sessions there were lately. Cheap to clone.
#[derive(Clone)]
pub struct SessionCount {
    sessions: Sessions,
    /// Held by the one who counts; when to count next.
    due: Arc<tokio::sync::Mutex<Option<Instant>>>,
    latest: Arc<Mutex<Option<Counted>>>,
}

impl SessionCount {
    /// Of these sessions.
    #[must_use]
    pub fn new(sessions: Sessions) -> Self {
        Self { sessions, due: Arc::default(), latest: Arc::default() }
    }

    /// The latest count, fresh unless the one before was long and recent. `None`: the store does
    /// not count, or has not yet.
    pub async fn latest(&self) -> Option<Counted> {
        if let Ok(mut due) = Arc::clone(&self.due).try_lock_owned()
            && due.is_none_or(|at| Instant::now() >= at)
        {
            let census = self.clone();
            // In a task of its own: whoever asked may leave, and the next one finds the answer.
            let counting = tokio::spawn(async move {
                let begun = Instant::now();
                census.count().await;
                *due = Some(Instant::now() + begun.elapsed() * REST);
            });
            let _ = tokio::time::timeout(PATIENCE, counting).await;
        }
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn count(&self) {
        match self.sessions.count().await {
            Ok(counted) => {
                *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = counted;
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "the live sessions are not counted for now");
            }
        }
    }
}
