//! What goes on, in numbers, for Prometheus to fetch.
//!
//! Whoever does a deed says so by one of the functions here; names, labels and buckets are in
//! `families` alone. A label is a word of ours: nothing that a client sent ever becomes one, so the
//! number of series is bounded. Each [`Metrics`] is a registry of its own, so that several servers
//! may run in one process; the one that is off costs a branch.

mod families;
mod outcome;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::gauge::Gauge;

use self::families::Families;
pub use self::outcome::{
    CacheOutcome, CheckOutcome, SignInOutcome, SignUpOutcome, StoreOutcome, WebhookOutcome,
};
use crate::clock::Clock;

/// The form of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counts what happens, or does not. Cheap to clone; clones count together.
#[derive(Clone, Default)]
pub struct Metrics(Option<Arc<Families>>);

impl Metrics {
    /// Counts from now on.
    #[must_use]
    pub fn on(clock: &Clock) -> Self {
        Self(Some(Arc::new(Families::new(clock.now()))))
    }

    /// Counts nothing.
    #[must_use]
    pub fn off() -> Self {
        Self(None)
    }

    /// Whether anything is counted.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Everything counted so far, in the text form of `OpenMetrics`, which Prometheus reads; empty
    /// when off.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Some(families) = &self.0
            && text::encode(&mut text, &families.registry).is_err()
        {
            // A `String` takes whatever is written to it.
            text.clear();
        }
        text
    }

    /// A request was answered. `route` is the pattern of its path, `None` where there is none.
    pub fn request(&self, method: &str, route: Option<&str>, status: u16, took: Duration) {
        if let Some(families) = &self.0 {
            families.request(method, route, status, took);
        }
    }

    /// The cookie of a request was looked up.
    pub fn check(&self, outcome: CheckOutcome) {
        if let Some(families) = &self.0 {
            families.check(outcome);
        }
    }

    /// A token was looked up.
    pub fn cache(&self, outcome: CacheOutcome) {
        if let Some(families) = &self.0 {
            families.lookups.get_or_create(&[("outcome", outcome.as_str())]).inc();
        }
    }

    /// How the lease stands, where there is to be one: what is left of it, for how long there was
    /// none in all, and how many changes were told.
    pub fn lease(&self, left: Duration, without: Duration, changes: u64) {
        if let Some(families) = &self.0 {
            families.lease(left, without, changes);
        }
    }

    /// Somebody tried to sign in.
    pub fn sign_in(&self, outcome: SignInOutcome) {
        if let Some(families) = &self.0 {
            families.sign_ins.get_or_create(&[("outcome", outcome.as_str())]).inc();
        }
    }

    /// Somebody tried to sign up.
    pub fn sign_up(&self, outcome: SignUpOutcome) {
        if let Some(families) = &self.0 {
            families.sign_ups.get_or_create(&[("outcome", outcome.as_str())]).inc();
        }
    }

    /// A password waits for a thread to hash it, until this is dropped.
    pub fn hash_waits(&self) -> Present {
        Present::of(self.0.as_ref().map(|families| &families.hashes_waiting))
    }

    /// A thread hashes a password, until this is dropped.
    pub fn hash_runs(&self) -> Present {
        Present::of(self.0.as_ref().map(|families| &families.hashes_running))
    }

    /// A password was turned away because too many wait.
    pub fn hash_refused(&self) {
        if let Some(families) = &self.0 {
            families.hashes_refused.inc();
        }
    }

    /// A thread was done with a password.
    pub fn hashed(&self, took: Duration) {
        if let Some(families) = &self.0 {
            families.hash_seconds.observe(took.as_secs_f64());
        }
    }

    /// So many sessions are live.
    pub fn live_sessions(&self, users: u64, anonymous: u64) {
        if let Some(families) = &self.0 {
            families.live_sessions(users, anonymous);
        }
    }

    /// A store answered a call of its port.
    pub fn store_call(
        &self,
        store: &'static str,
        operation: &'static str,
        outcome: StoreOutcome,
        took: Duration,
    ) {
        if let Some(families) = &self.0 {
            let labels =
                [("store", store), ("operation", operation), ("outcome", outcome.as_str())];
            families.store_seconds.get_or_create(&labels).observe(took.as_secs_f64());
        }
    }

    /// A sweep ended sessions past a timeout and forgot ended ones.
    pub fn swept(&self, ended: u64, forgotten: u64) {
        if let Some(families) = &self.0 {
            families.swept.get_or_create(&[("what", "ended")]).inc_by(ended);
            families.swept.get_or_create(&[("what", "forgotten")]).inc_by(forgotten);
        }
    }

    /// The webhook was told of an event, or was not.
    pub fn webhook(&self, outcome: WebhookOutcome) {
        if let Some(families) = &self.0 {
            families.webhook_attempts.get_or_create(&[("outcome", outcome.as_str())]).inc();
        }
    }

    /// So many events wait for the webhook.
    pub fn webhook_pending(&self, events: u64) {
        if let Some(families) = &self.0 {
            families.webhook_pending.set(i64::try_from(events).unwrap_or(i64::MAX));
        }
    }

    /// The activity of so many sessions was written.
    pub fn touched(&self, sessions: usize) {
        if let Some(families) = &self.0 {
            families.touched.inc_by(u64::try_from(sessions).unwrap_or(u64::MAX));
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "Metrics(on)" } else { "Metrics(off)" })
    }
}

/// Something that goes on, counted until this is dropped, however it ends.
#[must_use]
#[derive(Debug)]
pub struct Present(Option<Gauge>);

impl Present {
    fn of(gauge: Option<&Gauge>) -> Self {
        let gauge = gauge.cloned();
        if let Some(gauge) = &gauge {
            gauge.inc();
        }
        Self(gauge)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        if let Some(gauge) = &self.0 {
            gauge.dec();
        }
    }
}
