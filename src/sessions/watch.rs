//! Waking whoever waits for something to happen to a session.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::SessionId;

/// Wakes the watchers of one session, or all of them. A wake says that it is worth looking, not
/// what is to be seen.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    watched: Mutex<HashMap<SessionId, Arc<Notify>>>,
    closed: AtomicBool,
}

impl Watchers {
    pub(super) fn watch(self: &Arc<Self>, id: SessionId) -> Watch {
        let notify = self.lock().entry(id).or_default().clone();
        Watch { id, notify, watchers: self.clone() }
    }

    pub(super) fn wake(&self, id: SessionId) {
        if let Some(notify) = self.lock().get(&id) {
            notify.notify_waiters();
        }
    }

    pub(super) fn wake_all(&self) {
        for notify in self.lock().values() {
            notify.notify_waiters();
        }
    }

    /// Wakes everybody for the last time.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.wake_all();
    }

    /// How many sessions are watched.
    #[cfg(test)]
    pub(super) fn watched(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<Notify>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One watcher of one session.
#[derive(Debug)]
pub struct Watch {
    id: SessionId,
    notify: Arc<Notify>,
    watchers: Arc<Watchers>,
}

impl Watch {
    /// Waits until something may have happened to the session. Begin to wait before looking at
    /// the session, so that nothing is missed in between.
    pub fn changed(&self) -> impl Future<Output = ()> + Send + use<'_> {
        self.notify.notified()
    }

    /// Whether the server is stopping, so that nothing more will be told.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.watchers.closed.load(Ordering::Acquire)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watched = self.watchers.lock();
        // This watch and the map hold one each.
        if watched.get(&self.id).is_some_and(|notify| Arc::strong_count(notify) <= 2) {
            watched.remove(&self.id);
        }
    }
}
