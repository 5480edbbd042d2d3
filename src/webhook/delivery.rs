//! Deliveries, and the store of pending ones.

use async_trait::async_trait;
use serde::Serialize;
use time::OffsetDateTime;

use crate::audit::{EventBody, EventId, Recorded};
use crate::failure::StoreError;

/// A delivery that this server has claimed, until the claim expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// The event.
    pub id: EventId,
    /// The body to send.
    pub body: String,
    /// The number of this attempt, from 1.
    pub attempt: u32,
}

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryFailure {
    /// The receiver responded with another status than 2xx.
    Status(u16),
    /// There was no response in time.
    Timeout,
    /// No connection could be made.
    Unreachable,
    /// The TLS handshake failed.
    Tls,
    /// The connection broke, or the response was not HTTP.
    Broken,
}

impl DeliveryFailure {
    const WORDS: [Self; 4] = [Self::Timeout, Self::Unreachable, Self::Tls, Self::Broken];

    /// The name in the API, for example `timeout`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Status(_) => "refused",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::Broken => "broken",
        }
    }

    /// The status of the response, if there was one.
    #[must_use]
    pub fn status(self) -> Option<u16> {
        if let Self::Status(status) = self { Some(status) } else { None }
    }

    /// The text that stores keep.
    #[must_use]
    pub fn written(self) -> String {
        self.status().map_or_else(|| self.as_str().to_owned(), |status| status.to_string())
    }

    /// Reads what [`DeliveryFailure::written`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let word = Self::WORDS.into_iter().find(|failure| failure.as_str() == text);
        word.or_else(|| text.parse().ok().map(Self::Status))
    }
}

/// An attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailedAttempt {
    /// When.
    pub at: OffsetDateTime,
    /// Why.
    pub why: DeliveryFailure,
    /// When the next attempt is due; `None` for never.
    pub again_at: Option<OffsetDateTime>,
}

/// The state of all deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryState {
    /// How many are pending.
    pub pending: u64,
    /// How many were given up during the last week.
    pub failed: u64,
    /// When the last one succeeded.
    pub last_success: Option<OffsetDateTime>,
    /// When the last attempt failed, and why.
    pub last_failure: Option<(OffsetDateTime, DeliveryFailure)>,
    /// When the next attempt is due.
    pub next_attempt: Option<OffsetDateTime>,
}

/// The deliveries that a sweep keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryRetention {
    /// Deliveries given up since then.
    pub given_up_since: OffsetDateTime,
    /// Deliveries pending since then; `None` for all pending ones.
    pub waiting_since: Option<OffsetDateTime>,
}

/// The store of pending deliveries. Every backend guarantees:
/// - **Claims are exclusive**: while a claim lasts, no other server gets the delivery.
/// - **No head-of-line blocking**: deliveries come in the order in which they are due, and a failed
///   one is due later.
/// - **A failure is an error, never an absence.**
#[async_trait]
pub trait DeliveryStore: Send + Sync {
    /// Claims at most `most` deliveries that are due at `now` and unclaimed, and counts an attempt
    /// for each.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; deliveries claimed nevertheless are due again when the
    /// claim expires.
    async fn claim(
        &self,
        now: OffsetDateTime,
        until: OffsetDateTime,
        most: u32,
    ) -> Result<Vec<ClaimedDelivery>, StoreError>;

    /// Deletes a delivery that the receiver has accepted.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then the event is sent again.
    async fn delivered(&self, id: EventId, at: OffsetDateTime) -> Result<(), StoreError>;

    /// Schedules the next attempt of a failed one, unless another server has claimed it since.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is due again when the claim expires.
    async fn put_back(
        &self,
        claimed: &ClaimedDelivery,
        failed: &FailedAttempt,
    ) -> Result<(), StoreError>;

    /// The state of all deliveries.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn state(&self) -> Result<DeliveryState, StoreError>;

    /// Deletes deliveries that are not to be kept, at most `most` of a kind. `true`: none is left.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn sweep(&self, left: &DeliveryRetention, most: u32) -> Result<bool, StoreError>;
}

#[derive(Serialize)]
struct Body {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: EventBody,
}

/// The body of a delivery: the kind as `type`, the time as `timestamp`, the event as `data`.
///
/// # Errors
/// [`StoreError`] when it cannot be written as JSON.
pub fn body(recorded: &Recorded) -> Result<String, StoreError> {
    let told = EventBody::from(recorded.clone());
    let body = Body { kind: told.kind, timestamp: told.time.clone(), data: told };
    serde_json::to_string(&body).map_err(StoreError::backend)
}
