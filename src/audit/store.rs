//! Where events are kept: the port, and what every backend promises.

use async_trait::async_trait;

use super::{EventId, Kind, Recorded};
use crate::accounts::UserId;
use crate::failure::StoreError;

/// Which events to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuditListing {
    /// Only events about this account or done by it.
    pub user: Option<UserId>,
    /// Only events of this kind.
    pub kind: Option<Kind>,
    /// Only events before this one.
    pub before: Option<EventId>,
    /// At most this many.
    pub limit: u32,
}

/// Where events live. Every backend promises:
/// - **What is appended stays as it is**: nothing here changes or takes away an event. Only what is
///   past its [`super::Retention`] goes, which the store sees to by itself.
/// - **An append is all or nothing**, and durable once it is acknowledged.
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
    async fn list(&self, listing: &AuditListing) -> Result<Vec<Recorded>, StoreError>;

    /// What [`AuditStore::keep_settings`] kept last; `None` before the first time.
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
