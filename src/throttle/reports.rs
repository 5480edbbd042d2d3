//! What was logged lately, so that a flood does not fill the log.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use super::CounterKey;

/// A counter is named in the log at most once in this time.
const QUIET: Duration = Duration::from_mins(1);
/// And at most this many of them.
const MOST: usize = 1000;

#[derive(Default)]
pub(super) struct Reports(Mutex<Told>);

#[derive(Default)]
struct Told {
    counters: HashMap<CounterKey, OffsetDateTime>,
    /// When they were found to be all fresh. Looking through them for each refusal would make a
    /// flood dearer.
    full_since: Option<OffsetDateTime>,
}

impl Reports {
    /// Whether the refusal by this counter is news.
    pub(super) fn is_due(&self, key: &CounterKey, now: OffsetDateTime) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |at: &OffsetDateTime| *at <= now && now - *at < QUIET;
        if told.counters.get(key).is_some_and(is_fresh) {
            return false;
        }
        if told.counters.len() >= MOST {
            if told.full_since.as_ref().is_some_and(is_fresh) {
                return false;
            }
            told.counters.retain(|_, at| is_fresh(at));
        }
        let is_full = told.counters.len() >= MOST;
        told.full_since = is_full.then_some(now);
        if !is_full {
            told.counters.insert(key.clone(), now);
        }
        !is_full
    }
}
