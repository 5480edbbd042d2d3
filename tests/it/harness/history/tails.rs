//! How long after an end was asked for, and how long before it was answered, its session was let
//! in for the last time.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use super::judge::sights;
use super::lives::Lives;
use super::{Record, Token};

/// One acknowledged end of a session that was let in after it was asked for, or before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// From the request for the end to its answer.
    pub took: Duration,
    /// From the request for the end to the beginning of the last check that was let in; nothing
    /// where all of them began before.
    pub let_in_for: Duration,
    /// From the beginning of the last check that was let in to the answer: what was left of the
    /// promise. `None`: a check that began after the answer was let in.
    pub left: Option<Duration>,
}

/// The tails of all acknowledged ends of tokens that were let in at all. Records sorted by their
/// beginnings, as [`History::records`](super::History::records) gives them.
pub fn tails(records: &[Record]) -> Vec<Tail> {
    let lives = Lives::of(records);
    let mut last: HashMap<&Token, Duration> = HashMap::new();
    for sight in sights(records).iter().filter(|sight| sight.refusal.is_none()) {
        let begun = records[sight.record].begun;
        let last = last.entry(sight.token).or_insert(begun);
        *last = begun.max(*last);
    }
    let mut tails = Vec::new();
    for (token, life) in &lives.tokens {
        let Some(last) = last.get(token) else { continue };
        let first = life.ends.iter().filter_map(|end| Some((end.answered?, end.begun))).min();
        let Some((answered, begun)) = first else { continue };
        tails.push(Tail {
            took: answered.saturating_sub(begun),
            let_in_for: last.saturating_sub(begun),
            left: answered.checked_sub(*last),
        });
    }
    tails
}

/// Durations, by how many are below.
pub struct Spread(Vec<Duration>);

impl Spread {
    pub fn of(durations: impl IntoIterator<Item = Duration>) -> Self {
        let mut durations: Vec<_> = durations.into_iter().collect();
        durations.sort();
        Self(durations)
    }

    /// The duration that `share` of them, between 0 and 1, do not exceed; nothing of none.
    pub fn at(&self, share: f64) -> Duration {
        let last = self.0.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a share of a number of measurements is a number of measurements"
        )]
        let place = (last as f64 * share).ceil() as usize;
        self.0.get(place.min(last)).copied().unwrap_or_default()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [half, most, nearly, all] = [0.5, 0.9, 0.99, 1.0].map(|share| self.at(share));
        write!(f, "{} of them: p50 {half:.1?}, p90 {most:.1?}, ", self.len())?;
        write!(f, "p99 {nearly:.1?}, max {all:.1?}")
    }
}
