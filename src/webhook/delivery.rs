//! What is delivered, and the port to where it waits.

use async_trait::async_trait;
use serde::Serialize;
use time::OffsetDateTime;

use crate::audit::{EventBody, EventId, Recorded};
use crate::failure::StoreError;

/// A delivery that is ours until the claim runs out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// The event.
    pub id: EventId,
    /// What is sent.
    pub body: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryFailure {
    /// The receiver answered with something else than 2xx.
    Status(u16),
    /// There was no answer in time.
    Timeout,
    /// No connection could be made.
    Unreachable,
    /// The receiver could not prove who it is.
    Tls,
    /// The connection broke, or what came over it was no answer.
    Broken,
}

impl DeliveryFailure {
    const WORDS: [Self; 4] = [Self::Timeout, Self::Unreachable, Self::Tls, Self::Broken];

    /// A word of the API, for example `timeout`.
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

    /// The status that came back, if any did.
    #[must_use]
    pub fn status(self) -> Option<u16> {
        if let Self::Status(status) = self { Some(status) } else { None }
    }

    /// In the form in which stores keep it.
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
    /// When it is tried again; `None` for never.
    pub again_at: Option<OffsetDateTime>,
}

/// How the deliveries stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryState {
    /// How many are still to be made.
    pub pending: u64,
    /// How many were given up during the last week.
    pub failed: u64,
    /// When the last one was made.
    pub last_success: Option<OffsetDateTime>,
    /// When the last attempt failed, and why.
    pub last_failure: Option<(OffsetDateTime, DeliveryFailure)>,
    /// When the next attempt is due.
    pub next_attempt: Option<OffsetDateTime>,
}

/// What a sweep leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryRetention {
    /// What was given up since then.
    pub given_up_since: OffsetDateTime,
    /// What waits since then; `None` for all that waits.
    pub waiting_since: Option<OffsetDateTime>,
}

/// Where deliveries wait. Every backend promises:
/// - **One is claimed by one**: while a claim lasts, nobody else gets it.
/// - **One that waits behind others does not wait for them**: what is due first comes first, and
///   what failed is due later.
/// - **A failure is an error, never an absence.**
#[async_trait]
pub trait DeliveryStore: Send + Sync {
    /// Claims what is due at `now` and nobody has claimed, at most so many, and counts an attempt
    /// for each.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; what it claimed nevertheless comes back with the end
    /// of the claim.
    async fn claim(
        &self,
        now: OffsetDateTime,
        until: OffsetDateTime,
        most: u32,
    ) -> Result<Vec<ClaimedDelivery>, StoreError>;

    /// Crosses off what the receiver has.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then the receiver is told again.
    async fn delivered(&self, id: EventId, at: OffsetDateTime) -> Result<(), StoreError>;

    /// Puts back what the receiver did not take, unless somebody else has begun another attempt.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it comes back with the end of the claim.
    async fn put_back(
        &self,
        claimed: &ClaimedDelivery,
        failed: &FailedAttempt,
    ) -> Result<(), StoreError>;

    /// How the deliveries stand.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn state(&self) -> Result<DeliveryState, StoreError>;

    /// Clears away what is not to be left, at most so many of a kind. Whether nothing more is to be
    /// cleared away.
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

/// What is sent of an event: its kind as `type`, its time as `timestamp`, and all of it as `data`.
///
/// # Errors
/// [`StoreError`] when it cannot be written as JSON.
pub fn body(recorded: &Recorded) -> Result<String, StoreError> {
    let told = EventBody::from(recorded.clone());
    let body = Body { kind: told.kind, timestamp: told.time.clone(), data: told };
    serde_json::to_string(&body).map_err(StoreError::backend)
}
