//! The metrics: names, labels and buckets.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use time::OffsetDateTime;

use super::outcome::{
    CacheOutcome, CheckOutcome, MailOutcome, SignInOutcome, SignUpOutcome, WebhookOutcome,
};

/// Static labels.
type Labels<const N: usize> = [(&'static str, &'static str); N];
type Histograms<S> = Family<S, Histogram, fn() -> Histogram>;

/// Upper bounds in seconds.
const REQUEST_BUCKETS: [f64; 13] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
const STORE_BUCKETS: [f64; 12] =
    [0.000_005, 0.000_02, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];
const HASH_BUCKETS: [f64; 9] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// The methods with their own label; all others are `other`.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

pub(super) struct Families {
    pub(super) registry: Registry,
    requests: Family<[(&'static str, String); 3], Counter>,
    request_seconds: Histograms<[(&'static str, String); 2]>,
    checks: Family<Labels<2>, Counter>,
    pub(super) lookups: Family<Labels<1>, Counter>,
    lease_left: Gauge<f64, AtomicU64>,
    without_lease: Counter<f64, AtomicU64>,
    invalidations: Counter,
    pub(super) sign_ins: Family<Labels<1>, Counter>,
    pub(super) sign_ups: Family<Labels<1>, Counter>,
    pub(super) hashes_waiting: Gauge,
    pub(super) hashes_running: Gauge,
    pub(super) hashes_refused: Counter,
    pub(super) hash_seconds: Histogram,
    live: Family<Labels<1>, Gauge>,
    pub(super) store_seconds: Histograms<Labels<3>>,
    pub(super) swept: Family<Labels<1>, Counter>,
    pub(super) touched: Counter,
    pub(super) webhook_attempts: Family<Labels<1>, Counter>,
    pub(super) webhook_pending: Gauge,
    pub(super) mail_attempts: Family<Labels<1>, Counter>,
    pub(super) mail_pending: Gauge,
    pub(super) mail_failed: Gauge,
}

impl Families {
    pub(super) fn new(started: OffsetDateTime) -> Self {
        let mut families = Self {
            registry: Registry::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(REQUEST_BUCKETS)),
            checks: Family::default(),
            lookups: Family::default(),
            lease_left: Gauge::default(),
            without_lease: Counter::default(),
            invalidations: Counter::default(),
            sign_ins: Family::default(),
            sign_ups: Family::default(),
            hashes_waiting: Gauge::default(),
            hashes_running: Gauge::default(),
            hashes_refused: Counter::default(),
            hash_seconds: Histogram::new(HASH_BUCKETS),
            live: Family::default(),
            store_seconds: Family::new_with_constructor(|| Histogram::new(STORE_BUCKETS)),
            swept: Family::default(),
            touched: Counter::default(),
            webhook_attempts: Family::default(),
            webhook_pending: Gauge::default(),
            mail_attempts: Family::default(),
            mail_pending: Gauge::default(),
            mail_failed: Gauge::default(),
        };
        families.register(started);
        families.begin_at_zero();
        families
    }

    fn register(&mut self, started: OffsetDateTime) {
        let seconds = Unit::Seconds;
        let start = Gauge::<f64, AtomicU64>::default();
        // A float represents whole seconds exactly up to 2^53.
        #[expect(clippy::cast_precision_loss, reason = "see above")]
        start.set(started.unix_timestamp() as f64);
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        self.registry.register_with_unit(
            "process_start_time",
            "When the server started, in seconds since 1970",
            seconds.clone(),
            start,
        );

        let ours = self.registry.sub_registry_with_prefix("anteroom");
        ours.register("build", "1, with the running version", build);
        ours.register("http_requests", "Requests answered", self.requests.clone());
        ours.register_with_unit(
            "http_request_duration",
            "From the head of a request to the head of its response; an event stream counts until it \
             begins",
            seconds.clone(),
            self.request_seconds.clone(),
        );
        ours.register("session_checks", "Session cookies looked up", self.checks.clone());
        self.register_cache();
        let seconds = Unit::Seconds;
        let ours = self.registry.sub_registry_with_prefix("anteroom");
        ours.register("sign_ins", "Attempts to sign in", self.sign_ins.clone());
        let help = "Well-formed attempts to sign up, including the first administrator";
        ours.register("sign_ups", help, self.sign_ups.clone());
        let waiting = self.hashes_waiting.clone();
        ours.register("hashing_waiting", "Passwords waiting for a thread", waiting);
        ours.register("hashing_running", "Threads at work", self.hashes_running.clone());
        let help = "Passwords rejected because too many wait; the response was 503 busy";
        ours.register("hashing_refused", help, self.hashes_refused.clone());
        ours.register_with_unit(
            "hashing_duration",
            "Time a thread works on one password, without the wait before it",
            seconds.clone(),
            self.hash_seconds.clone(),
        );
        let help = "Sessions that were not ended; timed-out sessions count until they are swept, half a \
                    minute at most";
        ours.register("sessions_live", help, self.live.clone());
        ours.register_with_unit(
            "store_call_duration",
            "Calls of the sessions and the accounts store; touch and sweep are background writes of \
             activity and deletions of ended sessions",
            seconds,
            self.store_seconds.clone(),
        );
        self.register_background();
    }

    fn register_background(&mut self) {
        let ours = self.registry.sub_registry_with_prefix("anteroom");
        ours.register(
            "sessions_swept",
            "Sessions and records cleared by sweeps",
            self.swept.clone(),
        );
        let help = "Sessions whose activity was written to the store";
        ours.register("sessions_touched", help, self.touched.clone());
        let attempts = self.webhook_attempts.clone();
        ours.register("webhook_attempts", "Events sent to the webhook", attempts);
        let help = "Events not yet delivered to the webhook, counted every 15 seconds";
        ours.register("webhook_pending", help, self.webhook_pending.clone());
        let attempts = self.mail_attempts.clone();
        ours.register("mail_attempts", "Attempts to hand a message to the mail server", attempts);
        let help = "Messages not yet accepted by the mail server, counted every 15 seconds";
        ours.register("mail_pending", help, self.mail_pending.clone());
        let help = "Messages given up during the last week, counted every 15 seconds";
        ours.register("mail_failed", help, self.mail_failed.clone());
    }

    fn register_cache(&mut self) {
        let ours = self.registry.sub_registry_with_prefix("anteroom");
        ours.register("cache_lookups", "Session tokens looked up in memory", self.lookups.clone());
        let changes = self.invalidations.clone();
        let help = "Changes reported by the stores, each of which drops a session, a user or all entries \
                    from the cache";
        ours.register("cache_invalidations", help, changes);
        let (left, without) = (self.lease_left.clone(), self.without_lease.clone());
        let help = "Time until the lease expires: between 0.07 and 0.1 in normal operation, 0 while every \
                    request asks the stores";
        ours.register_with_unit("lease_left", help, Unit::Seconds, left);
        let help = "Time without a lease, since the start";
        ours.register_with_unit("lease_absent", help, Unit::Seconds, without);
    }

    /// Creates the series with value 0, so that `rate()` sees their first event.
    fn begin_at_zero(&self) {
        for outcome in CheckOutcome::WITHOUT_REASON {
            drop(self.checks.get_or_create(&labels_of(outcome)));
        }
        for outcome in CacheOutcome::ALL {
            drop(self.lookups.get_or_create(&[("outcome", outcome.as_str())]));
        }
        for outcome in SignInOutcome::ALL {
            drop(self.sign_ins.get_or_create(&[("outcome", outcome.as_str())]));
        }
        for outcome in SignUpOutcome::ALL {
            drop(self.sign_ups.get_or_create(&[("outcome", outcome.as_str())]));
        }
        for outcome in WebhookOutcome::ALL {
            drop(self.webhook_attempts.get_or_create(&[("outcome", outcome.as_str())]));
        }
        for outcome in MailOutcome::ALL {
            drop(self.mail_attempts.get_or_create(&[("outcome", outcome.as_str())]));
        }
        for what in ["ended", "forgotten"] {
            drop(self.swept.get_or_create(&[("what", what)]));
        }
    }

    pub(super) fn request(&self, method: &str, route: Option<&str>, status: u16, took: Duration) {
        let known = METHODS.into_iter().find(|known| *known == method);
        let method = ("method", known.unwrap_or("other").to_owned());
        let route = ("route", route.unwrap_or("unmatched").to_owned());
        let counted = [method.clone(), route.clone(), ("status", status.to_string())];
        self.requests.get_or_create(&counted).inc();
        self.request_seconds.get_or_create(&[method, route]).observe(took.as_secs_f64());
    }

    pub(super) fn check(&self, outcome: CheckOutcome) {
        self.checks.get_or_create(&labels_of(outcome)).inc();
    }

    pub(super) fn lease(&self, left: Duration, without: Duration, changes: u64) {
        self.lease_left.set(left.as_secs_f64());
        // Both arguments are totals, but a counter can only be increased.
        self.without_lease.inc_by((without.as_secs_f64() - self.without_lease.get()).max(0.0));
        self.invalidations.inc_by(changes.saturating_sub(self.invalidations.get()));
    }

    pub(super) fn live_sessions(&self, users: u64, anonymous: u64) {
        for (kind, count) in [("user", users), ("anonymous", anonymous)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.live.get_or_create(&[("kind", kind)]).set(count);
        }
    }
}

fn labels_of(outcome: CheckOutcome) -> Labels<2> {
    [("outcome", outcome.as_str()), ("reason", outcome.reason())]
}
