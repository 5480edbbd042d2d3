//! Rate limits in the memory of one server, by network or by session.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Network, Pace};
use crate::clock::{Clock, unix_milliseconds};

/// The most keys that are counted at once, some 50 bytes each. Beyond it, new keys are not
/// limited: an attacker with that many networks has the allowance of each anyway.
const MAX_KEYS: usize = 500_000;
/// Least time between two sweeps of a full table, so that a flood does not pay for one each time.
const SWEEP_INTERVAL: i64 = 1_000;

/// Limits how often each key may do something.
pub struct KeyedThrottle<K> {
    pace: Pace,
    clock: Clock,
    counters: Mutex<Counters<K>>,
}

/// Limits how often each network may do something.
pub type NetworkThrottle = KeyedThrottle<Network>;

/// Times are milliseconds since 1970.
struct Counters<K> {
    busy_until: HashMap<K, i64>,
    /// The last time of the clock.
    last_seen: i64,
    /// By how much the clock was set back, in all. Added to the time, so that a clock
    /// that is set back does not refuse requests until it catches up.
    set_back: i64,
    /// When a full table was swept last.
    swept_at: i64,
}

impl<K: Hash + Eq + Clone> KeyedThrottle<K> {
    /// Allows `times` a minute, at once or spread.
    #[must_use]
    pub fn per_minute(times: NonZeroU32, clock: Clock) -> Self {
        Self::bursting(times, times, clock)
    }

    /// Allows `at_once` in a burst, and then `per_minute` a minute.
    #[must_use]
    pub fn bursting(at_once: NonZeroU32, per_minute: NonZeroU32, clock: Clock) -> Self {
        let counters = Counters {
            busy_until: HashMap::new(),
            last_seen: unix_milliseconds(clock.now()),
            set_back: 0,
            swept_at: i64::MIN,
        };
        let pace = Pace::bursting(at_once.get(), per_minute.get(), Duration::from_mins(1));
        Self { pace, clock, counters: Mutex::new(counters) }
    }

    /// Counts one more attempt.
    ///
    /// # Errors
    /// How long to wait where it is one too many; it is not counted then.
    pub fn count(&self, key: &K) -> Result<(), Duration> {
        let mut counters = self.counters();
        let now = counters.now(&self.clock);
        let busy_until = counters.busy_until.get(key).map_or(now, |until| now.max(*until));
        if let Some(wait) = self.pace.wait(busy_until, now) {
            return Err(wait);
        }
        if counters.has_room(key, now) {
            counters.busy_until.insert(key.clone(), busy_until.saturating_add(self.pace.step()));
        }
        Ok(())
    }

    /// Deletes counters that have run out.
    pub fn sweep(&self) {
        let mut counters = self.counters();
        let now = counters.now(&self.clock);
        counters.sweep(now);
    }

    fn counters(&self) -> MutexGuard<'_, Counters<K>> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many keys are counted.
    #[cfg(test)]
    pub(super) fn counted(&self) -> usize {
        self.counters().busy_until.len()
    }
}

impl<K: Hash + Eq> Counters<K> {
    /// The time of a clock that never goes back.
    fn now(&mut self, clock: &Clock) -> i64 {
        let wall = unix_milliseconds(clock.now());
        let back = self.last_seen.saturating_sub(wall).max(0);
        self.set_back = self.set_back.saturating_add(back);
        self.last_seen = wall;
        wall.saturating_add(self.set_back)
    }

    fn has_room(&mut self, key: &K, now: i64) -> bool {
        if self.busy_until.len() < MAX_KEYS || self.busy_until.contains_key(key) {
            return true;
        }
        if self.swept_at.saturating_add(SWEEP_INTERVAL) <= now {
            self.swept_at = now;
            self.sweep(now);
        }
        self.busy_until.len() < MAX_KEYS
    }

    fn sweep(&mut self, now: i64) {
        self.busy_until.retain(|_, until| *until >= now);
        self.busy_until.shrink_to_fit();
    }
}
