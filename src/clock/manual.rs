//! The clock of tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;

use super::{Clock, Source, from_unix_milliseconds, unix_milliseconds};

impl From<&ManualClock> for Clock {
    fn from(clock: &ManualClock) -> Self {
        Self(Source::Manual(clock.clone()))
    }
}

/// A clock that only moves when a test moves it. Clones share the time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock at this time.
    #[must_use]
    pub fn at(at: OffsetDateTime) -> Self {
        Self(Arc::new(AtomicI64::new(unix_milliseconds(at))))
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        from_unix_milliseconds(self.0.load(Ordering::SeqCst))
    }

    /// Moves the time forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 4);
        self.0.fetch_add(by, Ordering::SeqCst);
    }

    /// Sets the time, forward or back.
    pub fn set(&self, at: OffsetDateTime) {
        self.0.store(unix_milliseconds(at), Ordering::SeqCst);
    }
}
