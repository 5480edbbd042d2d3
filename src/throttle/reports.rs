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
pub(super) struct Reports(Mutex<HashMap<CounterKey, OffsetDateTime>>);

impl Reports {
    /// Whether the refusal by this counter is news.
    pub(super) fn is_due(&self, key: &CounterKey, now: OffsetDateTime) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |at: &OffsetDateTime| *at <= now && now - *at < QUIET;
        if told.get(key).is_some_and(is_fresh) {
            return false;
        }
        if told.len() >= MOST {
            told.retain(|_, at| is_fresh(at));
        }
        if told.len() >= MOST {
            return false;
        }
        told.insert(key.clone(), now);
        true
    }
}
