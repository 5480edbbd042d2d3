//! Counted attempts without a result. An attempt that is refused because of them waits for their
//! results, so that many correct passwords at once are not taken for guessing.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use super::CounterKey;
use super::limits::Limited;

#[derive(Default)]
pub(super) struct InFlight(Mutex<InFlightCounters>);

#[derive(Default)]
struct InFlightCounters {
    /// How many attempts were released, of all counters.
    released: u64,
    moving: HashMap<CounterKey, PendingAttempts>,
}

/// The attempts of one counter.
#[derive(Default)]
struct PendingAttempts {
    count: u32,
    decided: Arc<Notify>,
}

/// Whether a refused attempt may try again.
pub(super) enum Retry {
    /// After this: attempts in flight may still be released.
    After(OwnedNotified),
    /// At once: an attempt was released in between.
    Now,
    /// Not: the refusal is final.
    Never,
}

impl InFlight {
    fn state(&self) -> MutexGuard<'_, InFlightCounters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be read before the counters, and passed to [`InFlight::retry`].
    pub(super) fn released(&self) -> u64 {
        self.state().released
    }

    pub(super) fn enter(&self, limits: &[Limited]) {
        let mut state = self.state();
        for (_, counter) in limits {
            state.moving.entry(counter.key.clone()).or_default().count += 1;
        }
    }

    /// Wakes the waiting attempts if one was released, or if this was the last in flight.
    pub(super) fn leave(&self, limits: &[Limited], was_released: bool) {
        let mut state = self.state();
        state.released += u64::from(was_released);
        for (_, counter) in limits {
            if let Entry::Occupied(mut moving) = state.moving.entry(counter.key.clone()) {
                moving.get_mut().count -= 1;
                let is_last = moving.get().count == 0;
                if was_released || is_last {
                    moving.get().decided.notify_waiters();
                }
                if is_last {
                    moving.remove();
                }
            }
        }
    }

    /// Whether an attempt that this counter refused may try again.
    pub(super) fn retry(&self, key: &CounterKey, released_before: u64) -> Retry {
        let state = self.state();
        match state.moving.get(key) {
            Some(moving) => Retry::After(Arc::clone(&moving.decided).notified_owned()),
            None if state.released != released_before => Retry::Now,
            None => Retry::Never,
        }
    }
}
