//! Prometheus metrics.
//!
//! Callers record an event with a method of [`Metrics`]; `families` has names, labels and buckets.
//! No label value comes from a client, so the number of series is bounded. Each [`Metrics`] has its
//! own registry, so several servers can run in one process. Disabled metrics cost a branch.

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
    CacheOutcome, CheckOutcome, MailOutcome, SignInOutcome, SignUpOutcome, StoreOutcome,
    WebhookOutcome,
};
use crate::clock::Clock;

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A metrics registry, or none. Cheap to clone; clones share the registry.
#[derive(Clone, Default)]
pub struct Metrics(Option<Arc<Families>>);

impl Metrics {
    /// Enabled metrics.
    #[must_use]
    pub fn on(clock: &Clock) -> Self {
        Self(Some(Arc::new(Families::new(clock.now()))))
    }

    /// Disabled metrics.
    #[must_use]
    pub fn off() -> Self {
        Self(None)
    }

    /// Whether metrics are enabled.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// All metrics in the text format of `OpenMetrics`; empty if disabled.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Some(families) = &self.0
            && text::encode(&mut text, &families.registry).is_err()
        {
            // Writing to a `String` does not fail.
            text.clear();
        }
        text
    }

    /// A request was answered. `route` is the path pattern; `None` if no route matched.
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

    /// The state of the cache lease: its remaining time, the total time without one, and the total
    /// number of invalidations.
    pub fn lease(&self, left: Duration, without: Duration, changes: u64) {
        if let Some(families) = &self.0 {
            families.lease(left, without, changes);
        }
    }

    /// An attempt to sign in.
    pub fn sign_in(&self, outcome: SignInOutcome) {
        if let Some(families) = &self.0 {
            families.sign_ins.get_or_create(&[("outcome", outcome.as_str())]).inc();
        }
    }

    /// An attempt to sign up.
    pub fn sign_up(&self, outcome: SignUpOutcome) {
        if let Some(families) = &self.0 {
            families.sign_ups.get_or_create(&[("outcome", outcome.as_str())]).inc();
        }
    }

    /// A password waits for a hashing thread until the result is dropped.
    pub fn hash_waits(&self) -> Present {
        Present::of(self.0.as_ref().map(|families| &families.hashes_waiting))
    }

    /// A thread hashes a password until the result is dropped.
    pub fn hash_runs(&self) -> Present {
        Present::of(self.0.as_ref().map(|families| &families.hashes_running))
    }

    /// A password was rejected because too many are waiting.
    pub fn hash_refused(&self) {
        if let Some(families) = &self.0 {
            families.hashes_refused.inc();
        }
    }

    /// A thread has hashed a password.
    pub fn hashed(&self, took: Duration) {
        if let Some(families) = &self.0 {
            families.hash_seconds.observe(took.as_secs_f64());
        }
    }

    /// The number of live sessions.
    pub fn live_sessions(&self, users: u64, anonymous: u64) {
        if let Some(families) = &self.0 {
            families.live_sessions(users, anonymous);
        }
    }

    /// A store call returned.
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

    /// A sweep ended expired sessions and deleted old ended ones.
    pub fn swept(&self, ended: u64, forgotten: u64) {
        if let Some(families) = &self.0 {
            families.swept.get_or_create(&[("what", "ended")]).inc_by(ended);
            families.swept.get_or_create(&[("what", "forgotten")]).inc_by(forgotten);
        }
    }

    /// An attempt to deliver an event to the webhook.
    pub fn webhook(&self, outcome: WebhookOutcome) {
        if let Some(families) = &self.0 {
            families.webhook_attempts.get_or_create(&[("outcome", outcome.as_str())]).inc();
        }
    }

    /// The number of events waiting for the webhook.
    pub fn webhook_pending(&self, events: u64) {
        if let Some(families) = &self.0 {
            families.webhook_pending.set(i64::try_from(events).unwrap_or(i64::MAX));
        }
    }

    /// An attempt to hand a message to the mail server.
    pub fn mail(&self, outcome: MailOutcome) {
        if let Some(families) = &self.0 {
            families.mail_attempts.get_or_create(&[("outcome", outcome.as_str())]).inc();
        }
    }

    /// The number of messages that were not sent yet, and that were given up.
    pub fn mail_waiting(&self, pending: u64, failed: u64) {
        if let Some(families) = &self.0 {
            families.mail_pending.set(i64::try_from(pending).unwrap_or(i64::MAX));
            families.mail_failed.set(i64::try_from(failed).unwrap_or(i64::MAX));
        }
    }

    /// The activity of this many sessions was written.
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

/// Increments a gauge until it is dropped.
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
