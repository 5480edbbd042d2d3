//! Attempts that are counted and not yet judged. Whoever is refused because of them waits for the
//! verdict: many right passwords at once are no guessing.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use super::CounterKey;
use super::limits::Limited;

#[derive(Default)]
pub(super) struct InFlight(Mutex<State>);

#[derive(Default)]
struct State {
    /// How often something was given back to any counter.
    given_back: u64,
    moving: HashMap<CounterKey, Moving>,
}

/// Attempts that move one counter.
#[derive(Default)]
struct Moving {
    count: u32,
    judged: Arc<Notify>,
}

/// Whether a refusal stands.
pub(super) enum Prospect {
    /// Attempts are under way that may give something back: ask again then.
    After(OwnedNotified),
    /// Something was given back meanwhile: ask again.
    Again,
    /// It stands.
    None,
}

impl InFlight {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be asked before the counters are, and shown to [`InFlight::prospect`].
    pub(super) fn given_back(&self) -> u64 {
        self.state().given_back
    }

    pub(super) fn enter(&self, limits: &[Limited]) {
        let mut state = self.state();
        for (_, counter) in limits {
            state.moving.entry(counter.key.clone()).or_default().count += 1;
        }
    }

    /// Wakes those for whom it makes a difference: something was given back, or nothing is left
    /// to be waited for.
    pub(super) fn leave(&self, limits: &[Limited], gave_back: bool) {
        let mut state = self.state();
        state.given_back += u64::from(gave_back);
        for (_, counter) in limits {
            if let Entry::Occupied(mut moving) = state.moving.entry(counter.key.clone()) {
                moving.get_mut().count -= 1;
                let is_last = moving.get().count == 0;
                if gave_back || is_last {
                    moving.get().judged.notify_waiters();
                }
                if is_last {
                    moving.remove();
                }
            }
        }
    }

    /// What whoever was refused by this counter may hope for.
    pub(super) fn prospect(&self, key: &CounterKey, given_back_before: u64) -> Prospect {
        let state = self.state();
        match state.moving.get(key) {
            Some(moving) => Prospect::After(Arc::clone(&moving.judged).notified_owned()),
            None if state.given_back != given_back_before => Prospect::Again,
            None => Prospect::None,
        }
    }
}
