//! The one place that asks what time it is.
//!
//! Everything that judges an age or a deadline holds a [`Clock`], so that tests move time instead
//! of sleeping. Times are whole milliseconds of UTC: fine enough to keep two sign-ins in order.

mod timestamp;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use time::OffsetDateTime;

pub(crate) use timestamp::Timestamp;

/// How far apart clocks may be that are right. What is dated later than this from now was dated by a
/// wrong one.
pub(crate) const SKEW: time::Duration = time::Duration::seconds(5);

/// Tells the wall time, UTC, in whole milliseconds. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(ManualClock),
    /// At the start of a simulation, when that was, and how fast it goes.
    #[cfg(test)]
    Simulated(OffsetDateTime, tokio::time::Instant, f64),
}

impl Clock {
    /// The machine's own clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// The present instant, whole milliseconds.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "this is the Clock")]
            Source::System => whole_milliseconds(OffsetDateTime::now_utc()),
            Source::Manual(clock) => clock.now(),
            #[cfg(test)]
            Source::Simulated(at, start, pace) => {
                whole_milliseconds(*at + start.elapsed().mul_f64(*pace))
            }
        }
    }

    /// The clock of a machine in simulated time.
    #[cfg(test)]
    pub(crate) fn simulated(at: OffsetDateTime, start: tokio::time::Instant, pace: f64) -> Self {
        Self(Source::Simulated(at, start, pace))
    }
}

impl Clock {
    /// The time since the machine was started, in which it may have been suspended. Never set, and
    /// the same for every clock: leases are measured by it, and no test moves those.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        #[cfg(test)]
        if let Source::Simulated(_, start, pace) = &self.0 {
            return Duration::from_secs(1) + start.elapsed().mul_f64(*pace);
        }
        let now = clock_gettime(SINCE_THE_START);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        at_its_pace(Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or(0)))
    }
}

#[cfg(not(debug_assertions))]
const fn at_its_pace(uptime: Duration) -> Duration {
    uptime
}

/// In a build for tests a process may be started with a clock that is too slow or too fast.
#[cfg(debug_assertions)]
fn at_its_pace(uptime: Duration) -> Duration {
    static PACE: std::sync::LazyLock<Option<f64>> =
        std::sync::LazyLock::new(|| std::env::var("TEST_CLOCK_PACE").ok()?.parse().ok());
    PACE.map_or(uptime, |pace| uptime.mul_f64(pace))
}

#[cfg(target_os = "linux")]
const SINCE_THE_START: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const SINCE_THE_START: ClockId = ClockId::Monotonic;

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Source::System => f.write_str("Clock(system)"),
            Source::Manual(_) => f.write_str("Clock(manual)"),
            #[cfg(test)]
            Source::Simulated(..) => f.write_str("Clock(simulated)"),
        }
    }
}

impl From<&ManualClock> for Clock {
    fn from(clock: &ManualClock) -> Self {
        Self(Source::Manual(clock.clone()))
    }
}

/// A clock that stands still until a test moves it. Clones share one time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that shows `at`.
    #[must_use]
    pub fn at(at: OffsetDateTime) -> Self {
        Self(Arc::new(AtomicI64::new(unix_milliseconds(at))))
    }

    /// The time it shows.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        from_unix_milliseconds(self.0.load(Ordering::SeqCst))
    }

    /// Moves time forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 4);
        self.0.fetch_add(by, Ordering::SeqCst);
    }

    /// Sets the time, forward or back.
    pub fn set(&self, at: OffsetDateTime) {
        self.0.store(unix_milliseconds(at), Ordering::SeqCst);
    }
}

/// Milliseconds since 1970, the form in which stores keep a time.
#[must_use]
pub fn unix_milliseconds(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// The time that [`unix_milliseconds`] wrote. A number outside of the calendar gives 1970, which
/// every deadline counts as long past.
#[must_use]
pub fn from_unix_milliseconds(milliseconds: i64) -> OffsetDateTime {
    // In two steps, for numbers of 128 bits are slow and every check asks for several times.
    let rest = u16::try_from(milliseconds.rem_euclid(1000)).unwrap_or(0);
    OffsetDateTime::from_unix_timestamp(milliseconds.div_euclid(1000))
        .and_then(|at| at.replace_millisecond(rest))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn whole_milliseconds(at: OffsetDateTime) -> OffsetDateTime {
    from_unix_milliseconds(unix_milliseconds(at))
}
