//! The retry schedule: exponential backoff with jitter.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_hours(4);
/// Eleven doublings take less than six hours, five waits of four hours the rest of a day.
const MOST_ATTEMPTS: u32 = 18;

/// How long to wait after this attempt, the first being 1; `None` after the last. Each wait is
/// twice the one before, and by chance up to a fifth shorter or longer, so that what failed
/// together does not come back together.
pub(crate) fn wait_after(attempt: u32, chance: u8) -> Option<Duration> {
    if attempt >= MOST_ATTEMPTS {
        return None;
    }
    let doublings = attempt.saturating_sub(1).min(16);
    let wait = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    Some(wait.mul_f64(0.8 + 0.4 * f64::from(chance) / 255.0))
}
