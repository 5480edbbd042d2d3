//! An attempt that is counted: what it turns out to be decides what becomes of the count.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;

use super::limits::Limited;
use super::room::Throttle;
use super::{AccountKey, Network, Release};
use crate::detached;

/// An attempt that is counted. Dropped without a verdict it is given back: nothing was learned by
/// it.
#[must_use = "an attempt that is dropped is given back"]
pub struct Attempt(Option<Open>);

/// What an attempt has under way.
pub(super) struct Open {
    pub(super) throttle: Throttle,
    pub(super) limits: Vec<Limited>,
    pub(super) at: OffsetDateTime,
    /// Whose success it would be.
    pub(super) owner: Option<(AccountKey, Network)>,
    /// Kept until the count is settled.
    pub(super) held: Box<dyn Send + Sync>,
}

impl Attempt {
    pub(super) fn of(open: Open) -> Self {
        Self(Some(open))
    }

    /// Where no limit is set there is nothing to count.
    pub(super) fn uncounted() -> Self {
        Self(None)
    }

    /// It told something: it stays counted.
    pub fn stands(mut self) {
        if let Some(open) = self.0.take() {
            open.close(false);
        }
    }

    /// It proved the owner of the account: it is given back, what was counted for this account
    /// from this network is forgotten, and the network is known from now on.
    pub async fn succeeded(mut self) {
        if let Some(open) = self.0.take() {
            // Fails only where the runtime ends: then the counters run out by themselves.
            let _ = detached::run_to_completion(open.settle(true)).await;
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(open) = self.0.take() {
            if tokio::runtime::Handle::try_current().is_ok() {
                drop(detached::spawn(open.settle(false)));
            } else {
                // Without a runtime nothing can give it back: the counters run out by themselves.
                open.close(false);
            }
        }
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attempt")
    }
}

impl Open {
    async fn settle(self, is_success: bool) {
        let now = self.throttle.now();
        let elapsed = Duration::try_from(now - self.at).unwrap_or_default().as_millis();
        let is_cleared = |limited: &&Limited| is_success && limited.0.is_cleared_by_success();
        // A counter that may have run out since was not moved by this attempt any more.
        let is_there =
            |limited: &&Limited| u128::try_from(limited.1.pace.step()).is_ok_and(|s| elapsed < s);
        let give_back = self.limits.iter().filter(|one| !is_cleared(one)).filter(is_there);
        let release = Release {
            give_back: give_back.map(|(_, counter)| counter.clone()).collect(),
            clear: self.limits.iter().filter(is_cleared).map(|(_, c)| c.key.clone()).collect(),
            remember: self.owner.filter(|_| is_success),
        };
        self.throttle.release(&release, now).await;
        self.close(true);
    }

    /// Makes room for those who wait for the verdict.
    fn close(self, gave_back: bool) {
        let Self { throttle, limits, held, .. } = self;
        drop(held);
        throttle.in_flight().leave(&limits, gave_back);
    }
}
