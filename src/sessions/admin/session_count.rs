//! The number of sessions, counted in the background at a bounded cost.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::sessions::{Counted, Sessions};

/// The pause after a count, as a multiple of its duration. So counting takes at most 1 % of the
/// time, whatever the number of sessions.
const PAUSE_FACTOR: u32 = 99;
/// How long a request waits for a count in progress.
const PATIENCE: Duration = Duration::from_secs(1);

/// The latest number of sessions. Cheap to clone; clones share one state.
#[derive(Clone)]
pub struct SessionCount {
    sessions: Sessions,
    /// When to count next. Locked while a count is in progress.
    due: Arc<tokio::sync::Mutex<Option<Instant>>>,
    latest: Arc<Mutex<Option<Counted>>>,
}

impl SessionCount {
    /// Counts the sessions of this service.
    #[must_use]
    pub fn new(sessions: Sessions) -> Self {
        Self { sessions, due: Arc::default(), latest: Arc::default() }
    }

    /// The latest count, renewed unless the last count was recent for its duration. `None`: the
    /// store does not count, or no count has finished.
    pub async fn latest(&self) -> Option<Counted> {
        if let Ok(mut due) = Arc::clone(&self.due).try_lock_owned()
            && due.is_none_or(|at| Instant::now() >= at)
        {
            let this = self.clone();
            // In a separate task, so that a dropped request does not stop the count.
            let counting = tokio::spawn(async move {
                let started = Instant::now();
                this.count().await;
                *due = Some(Instant::now() + started.elapsed() * PAUSE_FACTOR);
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
                tracing::warn!(error, "could not count sessions; keeping the previous count");
            }
        }
    }
}
