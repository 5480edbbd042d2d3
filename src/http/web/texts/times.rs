//! Times in words. Always UTC, because without a script a page does not know the time zone.

use time::{OffsetDateTime, UtcOffset};

use crate::http::web::texts::Texts;

impl Texts {
    /// A time to the minute, for example "21 Nov 2026, 10:42 UTC".
    #[must_use]
    pub(crate) fn exact_time(self, at: OffsetDateTime) -> String {
        let at = at.to_offset(UtcOffset::UTC);
        self.with_all(
            "time-exact",
            [
                ("year", at.year().into()),
                ("month", u8::from(at.month()).into()),
                ("day", at.day().into()),
                ("time", format!("{:02}:{:02}", at.hour(), at.minute()).into()),
            ],
        )
    }

    /// A day, for example "21 Nov 2026".
    #[must_use]
    pub(crate) fn day(self, at: OffsetDateTime) -> String {
        let at = at.to_offset(UtcOffset::UTC);
        self.with_all(
            "time-day",
            [
                ("year", at.year().into()),
                ("month", u8::from(at.month()).into()),
                ("day", at.day().into()),
            ],
        )
    }

    /// The error text for too many attempts, with the wait in seconds.
    #[must_use]
    pub(crate) fn too_many_attempts(self, seconds: u64) -> String {
        match seconds {
            ..=90 => self.with("too-many-attempts-seconds", "count", seconds),
            91..=5400 => self.with("too-many-attempts-minutes", "count", seconds.div_ceil(60)),
            _ => self.with("too-many-attempts-hours", "count", seconds.div_ceil(3600)),
        }
    }

    /// How long ago something was, for example "3 hours ago"; what lies ahead, by clocks that
    /// differ, counts as now.
    #[must_use]
    pub(crate) fn ago(self, at: OffsetDateTime, now: OffsetDateTime) -> String {
        let minutes = (now - at).whole_minutes();
        match minutes {
            ..2 => self.get("ago-now"),
            2..60 => self.with("ago-minutes", "count", minutes),
            60..1440 => self.with("ago-hours", "count", minutes / 60),
            _ => self.with("ago-days", "count", minutes / 1440),
        }
    }

    /// A length of time in its two largest parts, for example "1 day 3 hours"; one that is over is
    /// nothing.
    #[must_use]
    pub(crate) fn duration(self, length: time::Duration) -> String {
        let minutes = length.whole_minutes().max(0);
        let days = self.with("length-days", "count", minutes / 1440);
        let hours = self.with("length-hours", "count", minutes / 60 % 24);
        let rest = self.with("length-minutes", "count", minutes % 60);
        match minutes {
            ..60 => rest,
            60..1440 => format!("{hours} {rest}"),
            _ => format!("{days} {hours}"),
        }
    }

    /// The time of the last activity, for example "Active 3 hours ago"; what lies ahead, by clocks
    /// that differ, counts as now.
    #[must_use]
    pub(crate) fn active(self, at: OffsetDateTime, now: OffsetDateTime) -> String {
        let minutes = (now - at).whole_minutes();
        match minutes {
            ..2 => self.get("active-now"),
            2..60 => self.with("active-minutes-ago", "count", minutes),
            60..1440 => self.with("active-hours-ago", "count", minutes / 60),
            _ => self.with("active-days-ago", "count", minutes / 1440),
        }
    }
}

/// A time as `<time datetime>` and the JSON of the service write it: whole seconds, ending in `Z`.
#[must_use]
pub(crate) fn machine_time(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
