//! Where events are kept: the port, and what every backend promises.

use std::net::IpAddr;

use async_trait::async_trait;

use super::{EventId, Kind, Recorded};
use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::SessionId;

/// The events of a walk: one index for each variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Along {
    /// All there are.
    Everything,
    /// Those about this account.
    Subject(UserId),
    /// Those done by this account.
    Actor(UserId),
    /// Those of this session.
    Session(SessionId),
    /// Those from this address.
    Network(IpAddr),
    /// Those of this kind.
    Kind(Kind),
}

/// Some of the events along an index, from the newest to the oldest.
#[derive(Clone, Copy, Debug)]
pub struct AuditWalk {
    /// Which.
    pub along: Along,
    /// Only those before this one.
    pub before: Option<EventId>,
    /// At most this many.
    pub limit: u32,
}

/// Where events live. Every backend promises:
/// - **Appended events stay as they are**: nothing here changes or takes away an event. The
///   store itself deletes events that are past their [`super::Retention`].
/// - **An append is all or nothing**, and durable once it is acknowledged.
/// - **A walk costs what it shows**, however many events there are.
/// - **A failure is an error, never an absence.**
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Adds events, in this order.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown whether they were added.
    async fn append(&self, events: &[Recorded]) -> Result<(), StoreError>;

    /// Events, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn walk(&self, walk: &AuditWalk) -> Result<Vec<Recorded>, StoreError>;

    /// How many events of a kind there are from one id on and below another; from a million on it
    /// need not count any further.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn count(&self, kind: Kind, range: (EventId, EventId)) -> Result<u64, StoreError>;

    /// The settings of the last [`AuditStore::keep_settings`]; `None` before the first time.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn last_settings(&self) -> Result<Option<String>, StoreError>;

    /// Keeps the settings of this start for the next one to compare with, in place of the last.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn keep_settings(&self, settings: &str) -> Result<(), StoreError>;
}
