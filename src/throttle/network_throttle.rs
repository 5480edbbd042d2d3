//! How often somebody may do a thing, counted in memory alone: a network that starts sessions, a
//! user who changes an account.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as GovernorClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::Network;
use crate::clock::{Clock, unix_milliseconds};

type Limiter<K> = RateLimiter<K, HashMapStateStore<K>, GovernedClock, NoOpMiddleware<Milliseconds>>;

/// Lets everybody of this kind do a thing so often.
pub struct KeyedThrottle<K: Hash + Eq + Clone> {
    limiter: Limiter<K>,
    clock: GovernedClock,
}

/// Lets every network do a thing so often.
pub type NetworkThrottle = KeyedThrottle<Network>;

impl<K: Hash + Eq + Clone> KeyedThrottle<K> {
    /// So many times a minute, at once or spread.
    #[must_use]
    pub fn per_minute(times: NonZeroU32, clock: Clock) -> Self {
        Self::of(Quota::per_minute(times), clock)
    }

    /// So many times at once, and then so many times a minute.
    #[must_use]
    pub fn bursting(at_once: NonZeroU32, per_minute: NonZeroU32, clock: Clock) -> Self {
        Self::of(Quota::per_minute(per_minute).allow_burst(at_once), clock)
    }

    fn of(quota: Quota, clock: Clock) -> Self {
        let clock = GovernedClock::new(clock);
        let limiter = RateLimiter::new(quota, HashMapStateStore::default(), clock.clone());
        Self { limiter, clock }
    }

    /// Counts one more time.
    ///
    /// # Errors
    /// How long to wait when it is one too many.
    pub fn count(&self, key: &K) -> Result<(), Duration> {
        let now = self.clock.now();
        self.limiter.check_key(key).map_err(|refused| refused.wait_time_from(now))
    }

    /// Forgets those that have been quiet for long enough to start afresh.
    pub fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(super) fn counted(&self) -> usize {
        self.limiter.len()
    }
}

/// Our clock, as the limiter wants it: one that never goes back. Where the wall clock is set back,
/// it goes on from where it was; otherwise everybody who was counted would be refused until the
/// wall clock is there again.
#[derive(Clone)]
struct GovernedClock {
    clock: Clock,
    /// The wall time that was read last, and how much was taken back by then.
    seen: Arc<Mutex<(i64, i64)>>,
}

impl GovernedClock {
    fn new(clock: Clock) -> Self {
        let seen = Arc::new(Mutex::new((unix_milliseconds(clock.now()), 0)));
        Self { clock, seen }
    }
}

impl GovernorClock for GovernedClock {
    type Instant = Milliseconds;

    fn now(&self) -> Milliseconds {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, taken_back) = *seen;
        let wall = unix_milliseconds(self.clock.now());
        let taken_back = taken_back.saturating_add(last.saturating_sub(wall).max(0));
        *seen = (wall, taken_back);
        Milliseconds(u64::try_from(wall.saturating_add(taken_back)).unwrap_or(0))
    }
}

/// The limiter counts nanoseconds, in 64 bits.
const LONGEST: Duration = Duration::from_nanos(u64::MAX);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Milliseconds(u64);

impl Reference for Milliseconds {
    fn duration_since(&self, earlier: Self) -> Nanos {
        Duration::from_millis(self.0.saturating_sub(earlier.0)).min(LONGEST).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        let duration: Duration = duration.into();
        Self(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl std::ops::Add<Nanos> for Milliseconds {
    type Output = Self;

    fn add(self, duration: Nanos) -> Self {
        let duration: Duration = duration.into();
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}
