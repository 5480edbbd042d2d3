//! Sessions that timeouts ended, until somebody records it.

use std::sync::{Mutex, PoisonError};

use crate::sessions::TimedOut;

/// How many are noted at most. They are taken every second; more in between are not told of.
const MOST: usize = 10_000;

/// The ends that were noticed and not yet taken.
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
