//! Timestamps of the API.

use serde::{Serialize, Serializer};
use time::OffsetDateTime;

/// An RFC 3339 timestamp in UTC and whole seconds, ending in `Z`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timestamp([u8; 20]);

impl Timestamp {
    pub(crate) fn of(at: OffsetDateTime) -> Self {
        // By hand, because each response has about six, and an interpreted format takes ten times
        // as long.
        let ((year, month, day), (hour, minute, second)) = (at.to_calendar_date(), at.to_hms());
        let year = year.unsigned_abs();
        let mut text = *b"0000-00-00T00:00:00Z";
        let numbers =
            [(0, year / 100), (2, year), (5, u8::from(month).into()), (8, day.into())].into_iter();
        let times = [(11, hour), (14, minute), (17, second)];
        for (offset, number) in numbers.chain(times.map(|(offset, n)| (offset, n.into()))) {
            let [tens, ones, ..] = [number / 10 % 10, number % 10].map(|d| d.to_le_bytes()[0]);
            (text[offset], text[offset + 1]) = (b'0' + tens, b'0' + ones);
        }
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
