//! The lease: until when this server may answer checks from its cache.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The lifetime of a lease, from the moment the probe is sent.
pub const LEASE: Duration = Duration::from_millis(100);

/// After this time every lease granted before has expired, on every server: a quarter more than
/// [`LEASE`], because the holder's clock may be slower than that of the server that waits. Clocks
/// are slewed by at most 8 % (`maxslewrate` of chrony), one forward and the other back.
pub const LEASE_WAIT: Duration = Duration::from_millis(125);

/// The state of the lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaseState {
    /// The time until it expires; zero where none is held.
    pub left: Duration,
    /// The total time without a lease since the start.
    pub without: Duration,
    /// The number of changes received from the stores.
    pub changes: u64,
}

/// The expiry of each store's confirmation, in nanoseconds of the boot-time clock.
#[derive(Debug)]
pub(super) struct Lease(Box<[AtomicU64]>);

impl Lease {
    pub(super) fn of(stores: usize) -> Self {
        Self((0..stores).map(|_| AtomicU64::new(0)).collect())
    }

    /// Whether every store's confirmation holds at `now`. `false` without any store.
    pub(super) fn is_held(&self, now: Duration) -> bool {
        let now = nanoseconds(now);
        !self.0.is_empty() && self.0.iter().all(|until| now < until.load(Ordering::Acquire))
    }

    /// The store answered the probe that was sent at `asked`.
    pub(super) fn extend(&self, store: usize, asked: Duration) {
        if let Some(until) = self.0.get(store) {
            until.store(nanoseconds(asked + LEASE), Ordering::Release);
        }
    }

    /// The subscription of the store is lost.
    pub(super) fn lose(&self, store: usize) {
        if let Some(until) = self.0.get(store) {
            until.store(0, Ordering::Release);
        }
    }

    /// When it expires, or expired.
    pub(super) fn until(&self) -> Duration {
        let first = self.0.iter().map(|until| until.load(Ordering::Acquire)).min();
        Duration::from_nanos(first.unwrap_or(0))
    }
}

/// Saturates: 64 bits of nanoseconds last 584 years.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
