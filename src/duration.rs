//! Durations as operators write them: `45s`, `30m`, `12h`, `14d`, `2w`.

use std::fmt;
use std::time::Duration;

/// The units, longest first, in seconds.
const UNITS: [(char, u64); 5] =
    [('w', 7 * 24 * 60 * 60), ('d', 24 * 60 * 60), ('h', 60 * 60), ('m', 60), ('s', 1)];

/// Parses digits and one unit, from one second to 400 days. The error says what to write.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    parse_up_to(400, text)
}

/// Like [`parse`], with another maximum.
pub(crate) fn parse_up_to(days: u64, text: &str) -> Result<Duration, String> {
    let form = || "write a whole number and a unit (s, m, h, d or w), for example 30m".to_owned();
    let unit = text.chars().last().ok_or_else(form)?;
    let (_, seconds) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(form)?;
    let digits = text.strip_suffix(unit).ok_or_else(form)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(form());
    }
    let too_long = || format!("write {days}d or less");
    let count: u64 = digits.parse().map_err(|_| too_long())?;
    let duration = count.checked_mul(seconds).map(Duration::from_secs).ok_or_else(too_long)?;
    if duration.is_zero() {
        return Err("write 1s or more".to_owned());
    }
    if duration.as_secs() > days * 24 * 60 * 60 { Err(too_long()) } else { Ok(duration) }
}

/// Displays whole seconds in the longest unit that divides them, in the format of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenDuration(pub Duration);

impl fmt::Display for WrittenDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0.as_secs();
        let fits = |(_, seconds): &(char, u64)| whole != 0 && whole.is_multiple_of(*seconds);
        let (unit, seconds) = UNITS.into_iter().find(fits).unwrap_or(('s', 1));
        write!(f, "{}{unit}", whole / seconds)
    }
}
