//! How many people signed in lately, and how many failed to: counted from the trail.
//!
//! Each count is a walk along the index by kind that reads no event. A past span does not change
//! any more, so it is counted once and remembered; what goes on is counted each time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use super::{AuditStore, EventId, Kind};
use crate::clock::{from_unix_milliseconds, unix_milliseconds};
use crate::failure::StoreError;

const HOURS: i64 = 24;
const DAYS: i64 = 30;
/// How long after its end a span may still get an event: one that waits to be written, or that of a
/// server whose clock is behind.
const SETTLED: Duration = Duration::minutes(2);

/// The sign-ins of an hour or a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// When it began.
    pub begun_at: OffsetDateTime,
    /// Successful sign-ins.
    pub sign_ins: u64,
    /// Failed sign-ins.
    pub failures: u64,
}

/// The last 24 hours and the last 30 days, the present ones included, from the oldest to the
/// newest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignInActivity {
    /// Hours, in UTC.
    pub hours: Vec<Span>,
    /// Days, in UTC.
    pub days: Vec<Span>,
}

/// Kind, beginning in milliseconds, and length in hours.
type Counted = BTreeMap<(Kind, i64, i64), u64>;

/// The counts of past spans. One task counts at a time.
#[derive(Clone, Default)]
pub(super) struct PastSpans {
    turn: Arc<tokio::sync::Mutex<()>>,
    over: Arc<Mutex<Counted>>,
}

impl PastSpans {
    /// How many signed in and failed to, hour by hour and day by day.
    pub(super) async fn activity(
        &self,
        store: &dyn AuditStore,
        now: OffsetDateTime,
    ) -> Result<SignInActivity, StoreError> {
        let _turn = self.turn.lock().await;
        let activity = SignInActivity {
            hours: self.spans((store, now), (1, HOURS)).await?,
            days: self.spans((store, now), (24, DAYS)).await?,
        };
        let oldest = unix_milliseconds(now.saturating_sub(Duration::days(DAYS + 1)));
        self.over().retain(|(_, begun, _), _| *begun >= oldest);
        Ok(activity)
    }

    async fn spans(
        &self,
        (store, now): (&dyn AuditStore, OffsetDateTime),
        (hours, number): (i64, i64),
    ) -> Result<Vec<Span>, StoreError> {
        let length = Duration::hours(hours);
        let milliseconds = hours * 3_600_000;
        let present = unix_milliseconds(now).div_euclid(milliseconds) * milliseconds;
        let mut spans = Vec::new();
        for ago in (0..number).rev() {
            let begun_at = from_unix_milliseconds(present - ago * milliseconds);
            let count = async |kind| self.count((store, now), kind, begun_at, length).await;
            let (sign_ins, failures) = (count(Kind::Login).await?, count(Kind::LoginFailed).await?);
            spans.push(Span { begun_at, sign_ins, failures });
        }
        Ok(spans)
    }

    async fn count(
        &self,
        (store, now): (&dyn AuditStore, OffsetDateTime),
        kind: Kind,
        begun_at: OffsetDateTime,
        length: Duration,
    ) -> Result<u64, StoreError> {
        let key = (kind, unix_milliseconds(begun_at), length.whole_hours());
        let known = self.over().get(&key).copied();
        if let Some(count) = known {
            return Ok(count);
        }
        let end = begun_at.saturating_add(length);
        let range = (EventId::first_of(begun_at), EventId::first_of(end));
        let count = store.count(kind, range).await?;
        if now >= end.saturating_add(SETTLED) {
            self.over().insert(key, count);
        }
        Ok(count)
    }

    fn over(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
