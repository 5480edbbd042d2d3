//! A counted attempt: its result decides whether the count is kept or released.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;

use super::limits::Limited;
use super::service::Throttle;
use super::{AccountKey, Network, Release};
use crate::detached;

/// A counted attempt. Dropping it without a result releases its count.
#[must_use = "an attempt that is dropped is released"]
pub struct Attempt(Option<Reservation>);

/// The counts of an attempt without a result.
pub(super) struct Reservation {
    pub(super) throttle: Throttle,
    pub(super) limits: Vec<Limited>,
    pub(super) at: OffsetDateTime,
    /// The account, and the network to remember on success.
    pub(super) owner: Option<(AccountKey, Network)>,
    /// Dropped once the count is kept or released.
    pub(super) held: Box<dyn Send + Sync>,
}

impl Attempt {
    pub(super) fn of(reservation: Reservation) -> Self {
        Self(Some(reservation))
    }

    /// An attempt that no limit applies to.
    pub(super) fn uncounted() -> Self {
        Self(None)
    }

    /// Keeps the count: the attempt failed, or revealed something.
    pub fn keep_counted(mut self) {
        if let Some(reservation) = self.0.take() {
            reservation.close(false);
        }
    }

    /// The owner of the account succeeded. Releases the count, clears the counters of this account
    /// from this network, and remembers the network.
    pub async fn succeeded(mut self) {
        if let Some(reservation) = self.0.take() {
            // A failure must not turn a right password into an error: counters expire.
            if let Err(error) = detached::spawn(reservation.settle(true)).await {
                tracing::error!(%error, "could not clear throttle counters; they expire");
            }
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(reservation) = self.0.take() {
            if tokio::runtime::Handle::try_current().is_ok() {
                drop(detached::spawn(reservation.settle(false)));
            } else {
                // Without a runtime nothing can give it back: the counters run out by themselves.
                reservation.close(false);
            }
        }
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attempt")
    }
}

impl Reservation {
    async fn settle(self, is_success: bool) {
        let now = self.throttle.now();
        let elapsed = Duration::try_from(now - self.at).unwrap_or_default().as_millis();
        let is_cleared = |limited: &&Limited| is_success && limited.0.is_cleared_by_success();
        // A counter that may have expired since no longer contains this attempt.
        let still_counts =
            |limited: &&Limited| u128::try_from(limited.1.pace.step()).is_ok_and(|s| elapsed < s);
        let give_back = self.limits.iter().filter(|one| !is_cleared(one)).filter(still_counts);
        let release = Release {
            give_back: give_back.map(|(_, counter)| counter.clone()).collect(),
            clear: self.limits.iter().filter(is_cleared).map(|(_, c)| c.key.clone()).collect(),
            remember: self.owner.filter(|_| is_success),
        };
        self.throttle.release(&release, now).await;
        self.close(true);
    }

    /// Wakes the attempts that wait for this result.
    fn close(self, was_released: bool) {
        let Self { throttle, limits, held, .. } = self;
        drop(held);
        throttle.in_flight().leave(&limits, was_released);
    }
}
