//! Limits of audit events that anonymous clients can cause, per class, network and minute.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Event, Kind};
use crate::clock::Clock;
use crate::throttle::{Network, NetworkThrottle};

/// Wrong passwords cost a hash each, which limits them too.
const PROOFS_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);
/// Refusals cost next to nothing, and ten of a kind say what a thousand would.
const REFUSALS_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

/// A token costs one signature, and each is recorded while there are few.
const TOKENS_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);

/// One limit per class, so that a flood of one class does not hide another.
pub(super) struct Limits {
    proofs: Limit,
    throttled: Limit,
    cross_origin: Limit,
    tokens: Limit,
}

struct Limit {
    throttle: NetworkThrottle,
    passed_over: AtomicU64,
    what: &'static str,
}

impl Limits {
    pub(super) fn new(clock: &Clock) -> Self {
        let limit = |per_minute, what| Limit {
            throttle: NetworkThrottle::per_minute(per_minute, clock.clone()),
            passed_over: AtomicU64::new(0),
            what,
        };
        Self {
            proofs: limit(PROOFS_PER_MINUTE, "wrong passwords"),
            throttled: limit(REFUSALS_PER_MINUTE, "throttled"),
            cross_origin: limit(REFUSALS_PER_MINUTE, "cross_origin_refused"),
            tokens: limit(TOKENS_PER_MINUTE, "token_issued"),
        }
    }

    /// Whether an event is to be recorded; otherwise it is counted.
    pub(super) fn admit(&self, event: &Event) -> bool {
        let limit = match event.kind {
            Kind::Throttled => &self.throttled,
            Kind::CrossOriginRefused => &self.cross_origin,
            Kind::LoginFailed => &self.proofs,
            Kind::TokenIssued => &self.tokens,
            Kind::Reauthenticated | Kind::PasswordChanged if !event.is_ok() => &self.proofs,
            _ => return true,
        };
        // Those whose address is not known share one allowance.
        let address = event.by.client.ip_address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let admitted = limit.throttle.count(&Network::of(address)).is_ok();
        if !admitted {
            limit.passed_over.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// Logs how many events were not recorded since the last call, and deletes expired counters.
    pub(super) fn sweep(&self) {
        for limit in [&self.proofs, &self.throttled, &self.cross_origin, &self.tokens] {
            limit.throttle.sweep();
            let events = limit.passed_over.swap(0, Ordering::Relaxed);
            if events > 0 {
                let what = limit.what;
                tracing::warn!(
                    what,
                    events,
                    "more audit events than the limit; counted instead of recorded"
                );
            }
        }
    }
}
