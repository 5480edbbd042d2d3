//! Refusals that were logged lately, so that a flood does not fill the log.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use super::CounterKey;

/// A counter is logged at most once in this time.
const REPORT_INTERVAL: Duration = Duration::from_mins(1);
/// The most counters that are remembered.
const MAX_COUNTERS: usize = 1000;

#[derive(Default)]
pub(super) struct Reports(Mutex<Reported>);

#[derive(Default)]
struct Reported {
    counters: HashMap<CounterKey, OffsetDateTime>,
    /// When all of them were found to be recent. Scanning them for each refusal would make a flood
    /// more expensive.
    full_since: Option<OffsetDateTime>,
}

impl Reports {
    /// Whether a refusal by this counter is to be logged.
    pub(super) fn is_due(&self, key: &CounterKey, now: OffsetDateTime) -> bool {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |at: &OffsetDateTime| *at <= now && now - *at < REPORT_INTERVAL;
        if reported.counters.get(key).is_some_and(is_recent) {
            return false;
        }
        if reported.counters.len() >= MAX_COUNTERS {
            if reported.full_since.as_ref().is_some_and(is_recent) {
                return false;
            }
            reported.counters.retain(|_, at| is_recent(at));
        }
        let is_full = reported.counters.len() >= MAX_COUNTERS;
        reported.full_since = is_full.then_some(now);
        if !is_full {
            reported.counters.insert(key.clone(), now);
        }
        !is_full
    }
}
