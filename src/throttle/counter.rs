//! Counters of the generic cell rate algorithm (GCRA, ITU-T I.371): one timestamp each.
//!
//! Each attempt moves the timestamp on by one step. An attempt is allowed while the timestamp is
//! at most one window ahead of now. This allows a burst of window / step, then one per step.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

/// A number of attempts per time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Attempts at once, at least 1.
    pub count: u32,
    /// After this long without an attempt, as many are allowed again.
    pub per: Duration,
}

/// The step and the window of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    step: i64,
    window: i64,
}

impl Pace {
    /// The count of the rate at once, then one for each `per / count`.
    #[must_use]
    pub fn of(rate: Rate) -> Self {
        Self::stepping(rate.count, milliseconds(rate.per), rate.count)
    }

    /// At most `count` (at least 2) within any time of this length: half of them at once, the
    /// others spread.
    #[must_use]
    pub fn at_most(count: u32, per: Duration) -> Self {
        let spread = (count / 2).max(1);
        Self::stepping(spread, milliseconds(per), count.saturating_sub(spread))
    }

    /// `burst` at once, and then `count` in `per`.
    #[must_use]
    pub fn bursting(burst: u32, count: u32, per: Duration) -> Self {
        Self::stepping(count, milliseconds(per), burst)
    }

    /// `steps` in `per`, and `burst` of them at once. Rounded so that no more are allowed.
    fn stepping(steps: u32, per: i64, burst: u32) -> Self {
        let steps = i64::from(steps.max(1));
        let step = ((per + steps - 1) / steps).max(1);
        Self { step, window: step.saturating_mul(i64::from(burst.max(1))) }
    }

    /// How far an attempt moves the counter, in milliseconds.
    #[must_use]
    pub fn step(self) -> i64 {
        self.step
    }

    /// How far from now it may be moved, in milliseconds.
    #[must_use]
    pub fn window(self) -> i64 {
        self.window
    }

    /// The latest time, in milliseconds since 1970, that a counter can show at `now` and be right.
    /// One that shows a later time was moved when the clock was wrong, and counts as idle.
    #[must_use]
    pub fn latest(self, now: i64) -> i64 {
        now.saturating_add(self.window.saturating_mul(2))
    }

    /// How long an attempt at `now` has to wait for a counter that shows `busy_until`, both in
    /// milliseconds since 1970. `None`: it is allowed.
    #[must_use]
    pub fn wait(self, busy_until: i64, now: i64) -> Option<Duration> {
        if busy_until > self.latest(now) {
            return None;
        }
        let wait = busy_until.saturating_add(self.step) - now.saturating_add(self.window);
        u64::try_from(wait).ok().filter(|wait| *wait > 0).map(Duration::from_millis)
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

/// The digest of an email address, whether or not an account has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountKey([u8; 32]);

impl AccountKey {
    /// The key of an address in canonical form.
    #[must_use]
    pub fn of_address(canonical: &str) -> Self {
        Self(digest("account", canonical))
    }

    /// The key that all attempts without a valid address share.
    #[must_use]
    pub fn anonymous() -> Self {
        Self(digest("nobody", ""))
    }

    /// The bytes that a store keeps.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The name of a counter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CounterKey {
    subject: [u8; 32],
    scope: String,
}

impl CounterKey {
    /// A counter of an account.
    #[must_use]
    pub fn of_account(account: &AccountKey, scope: impl Into<String>) -> Self {
        Self { subject: account.0, scope: scope.into() }
    }

    /// A counter of a network.
    pub(super) fn of_network(network: &str, scope: &str) -> Self {
        Self { subject: digest("network", network), scope: scope.to_owned() }
    }

    /// The [`AccountKey`], or a digest of the network.
    #[must_use]
    pub fn subject(&self) -> &[u8; 32] {
        &self.subject
    }

    /// The limit, and the network where it counts one: at most 64 bytes.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }
}

/// A counter and its pace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Its name.
    pub key: CounterKey,
    /// Its step and window.
    pub pace: Pace,
}

fn digest(kind: &str, text: &str) -> [u8; 32] {
    Sha256::new().chain_update(kind).chain_update([0]).chain_update(text).finalize().into()
}
