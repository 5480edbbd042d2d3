//! The lease: until when this server may answer from what it remembers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// For how long after a store was asked whether everything is told, what is remembered of it counts.
pub const LEASE: Duration = Duration::from_millis(100);

/// After this long every lease that was given before has run out, at every server: a quarter more
/// than [`LEASE`], because the clock of the one that holds it may be slower than that of the one
/// that waits. Clocks are slewed by 8 % at most (`maxslewrate` of chrony), one forward and another
/// back.
pub const OUTLASTS_LEASES: Duration = Duration::from_millis(125);

/// How the lease stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaseState {
    /// Until it runs out; nothing where none is held.
    pub left: Duration,
    /// For how long none was held since the start, in all.
    pub without: Duration,
    /// How many changes the stores have told.
    pub changes: u64,
}

/// Of each store that has to vouch, until when it does, in nanoseconds of the clock that counts
/// from the start of the machine.
#[derive(Debug)]
pub(super) struct Lease(Box<[AtomicU64]>);

impl Lease {
    pub(super) fn of(stores: usize) -> Self {
        Self((0..stores).map(|_| AtomicU64::new(0)).collect())
    }

    /// Whether every store vouches at `now`. Nobody does for nothing.
    pub(super) fn is_held(&self, now: Duration) -> bool {
        let now = nanoseconds(now);
        !self.0.is_empty() && self.0.iter().all(|until| now < until.load(Ordering::Acquire))
    }

    /// The store was asked at `asked`, and vouches.
    pub(super) fn extend(&self, store: usize, asked: Duration) {
        if let Some(until) = self.0.get(store) {
            until.store(nanoseconds(asked + LEASE), Ordering::Release);
        }
    }

    /// The store does not vouch any more.
    pub(super) fn lose(&self, store: usize) {
        if let Some(until) = self.0.get(store) {
            until.store(0, Ordering::Release);
        }
    }

    /// When it runs out, or has.
    pub(super) fn until(&self) -> Duration {
        let first = self.0.iter().map(|until| until.load(Ordering::Acquire)).min();
        Duration::from_nanos(first.unwrap_or(0))
    }
}

/// A machine that runs for six centuries starts again at 1970, so to speak.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
