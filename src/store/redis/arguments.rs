//! Values in the form that the scripts take.

use time::OffsetDateTime;

use super::{record, script};
use crate::failure::StoreError;
use crate::sessions::{Compartment, Cutoffs, LimitPolicy, Session, SessionId, TimeoutRule};

/// The answer of a script that no script gives.
pub(super) fn unexpected() -> StoreError {
    StoreError::Corrupt("the answer of a script")
}

pub(super) fn bytes_of(id: SessionId) -> [u8; 16] {
    *id.as_uuid().as_bytes()
}

pub(super) fn named(policy: LimitPolicy) -> &'static [u8] {
    match policy {
        LimitPolicy::EvictIdle => script::LIMIT_EVICTS_IDLE.as_bytes(),
        LimitPolicy::EvictOldest => script::LIMIT_EVICTS_OLDEST.as_bytes(),
        LimitPolicy::Refuse => script::LIMIT_REFUSES.as_bytes(),
    }
}

pub(super) fn name_of(compartment: Compartment) -> &'static [u8] {
    match compartment {
        Compartment::Visitor => b"v",
        Compartment::Application => b"a",
    }
}

pub(super) fn flag(is: bool) -> &'static [u8] {
    if is { b"1" } else { b"0" }
}

pub(super) fn milliseconds(at: OffsetDateTime) -> String {
    record::milliseconds(at).to_string()
}

/// The idle timeout of each rule in milliseconds, limited to what Lua counts exactly.
pub(super) fn idle_timeouts(cutoffs: &Cutoffs) -> [String; 3] {
    TimeoutRule::ALL.map(|rule| {
        let idle = cutoffs.idle_timeout(rule).as_millis();
        u64::try_from(idle).unwrap_or(u64::MAX).min(1 << 47).to_string()
    })
}

/// The earliest time at which a timeout may end the session. The sweep checks for later activity.
pub(super) fn due(session: &Session, cutoffs: &Cutoffs) -> record::Time {
    let idle = time::Duration::try_from(cutoffs.idle_timeout(session.rule));
    let goes_idle = session.last_seen_at.saturating_add(idle.unwrap_or(time::Duration::MAX));
    record::time(goes_idle.min(session.expires_at))
}
