//! The only source of time.
//!
//! Code that checks an age or a deadline holds a [`Clock`], so that tests can move time instead of
//! sleeping. Times are UTC in whole milliseconds.

#[cfg(any(test, feature = "testing"))]
mod manual;
mod timestamp;

use std::fmt;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use time::OffsetDateTime;

#[cfg(any(test, feature = "testing"))]
pub use manual::ManualClock;
pub(crate) use timestamp::Timestamp;

/// The tolerated difference between clocks. A timestamp further in the future is from a wrong
/// clock.
pub(crate) const SKEW: time::Duration = time::Duration::seconds(5);

/// Wall clock time in UTC, in whole milliseconds. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    #[cfg(any(test, feature = "testing"))]
    Manual(ManualClock),
    /// The time at the start of a simulation, the start, and the speed.
    #[cfg(test)]
    Simulated(OffsetDateTime, tokio::time::Instant, f64),
}

impl Clock {
    /// The clock of the operating system.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// The current time in whole milliseconds.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "this is the Clock")]
            Source::System => whole_milliseconds(OffsetDateTime::now_utc()),
            #[cfg(any(test, feature = "testing"))]
            Source::Manual(clock) => clock.now(),
            #[cfg(test)]
            Source::Simulated(at, start, pace) => {
                whole_milliseconds(*at + start.elapsed().mul_f64(*pace))
            }
        }
    }

    /// The clock of a simulated machine.
    #[cfg(test)]
    pub(crate) fn simulated(at: OffsetDateTime, start: tokio::time::Instant, pace: f64) -> Self {
        Self(Source::Simulated(at, start, pace))
    }
}

impl Clock {
    /// The time since the machine started, including suspension. It is never set, and tests do not
    /// move it. Leases use it.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        #[cfg(test)]
        if let Source::Simulated(_, start, pace) = &self.0 {
            return Duration::from_secs(1) + start.elapsed().mul_f64(*pace);
        }
        let now = clock_gettime(UPTIME_CLOCK);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        at_test_pace(Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or(0)))
    }
}

#[cfg(not(all(feature = "testing", debug_assertions)))]
const fn at_test_pace(uptime: Duration) -> Duration {
    uptime
}

/// Tests run programs with a slow or fast clock.
#[cfg(all(feature = "testing", debug_assertions))]
fn at_test_pace(uptime: Duration) -> Duration {
    static PACE: std::sync::LazyLock<Option<f64>> =
        std::sync::LazyLock::new(|| std::env::var("TEST_CLOCK_PACE").ok()?.parse().ok());
    PACE.map_or(uptime, |pace| uptime.mul_f64(pace))
}

#[cfg(target_os = "linux")]
const UPTIME_CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const UPTIME_CLOCK: ClockId = ClockId::Monotonic;

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Source::System => f.write_str("Clock(system)"),
            #[cfg(any(test, feature = "testing"))]
            Source::Manual(_) => f.write_str("Clock(manual)"),
            #[cfg(test)]
            Source::Simulated(..) => f.write_str("Clock(simulated)"),
        }
    }
}

/// Milliseconds since 1970, the stored form of a time.
#[must_use]
pub fn unix_milliseconds(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// The inverse of [`unix_milliseconds`]. A number outside of the calendar becomes 1970, so that
/// every deadline has passed.
#[must_use]
pub fn from_unix_milliseconds(milliseconds: i64) -> OffsetDateTime {
    // In two steps, because 128-bit numbers are slow and every session check converts several
    // times.
    let rest = u16::try_from(milliseconds.rem_euclid(1000)).unwrap_or(0);
    OffsetDateTime::from_unix_timestamp(milliseconds.div_euclid(1000))
        .and_then(|at| at.replace_millisecond(rest))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn whole_milliseconds(at: OffsetDateTime) -> OffsetDateTime {
    from_unix_milliseconds(unix_milliseconds(at))
}
