//! Sessions that timeouts ended, until the audit trail records them.

use std::sync::{Mutex, PoisonError};

use crate::sessions::TimedOut;

/// The most ends kept. They are taken every second; more than this in between are not recorded.
const MOST: usize = 10_000;

/// The ends since the last [`RecentlyEnded::take`].
#[derive(Default)]
pub(in crate::sessions) struct RecentlyEnded(Mutex<Vec<TimedOut>>);

impl RecentlyEnded {
    pub(in crate::sessions) fn note(&self, end: Option<TimedOut>) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() < MOST {
            noted.extend(end);
        }
    }

    pub(in crate::sessions) fn take(&self) -> Vec<TimedOut> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
