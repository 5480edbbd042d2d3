//! The store of counters: the trait, and the guarantees of every backend.

use std::time::Duration;

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{AccountKey, Counter, CounterKey, Network};
use crate::failure::StoreError;

/// The most networks that are remembered for an account: the newest.
pub const KNOWN_NETWORKS: u32 = 32;

/// A counter refused an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The counter with the longest wait.
    pub key: CounterKey,
    /// After this long all of the counters allow an attempt, if there is none before.
    pub wait: Duration,
}

/// The counts that an attempt releases.
#[derive(Clone, Debug, Default)]
pub struct Release {
    /// Counters that go back by one step.
    pub give_back: Vec<Counter>,
    /// Counters that are reset.
    pub clear: Vec<CounterKey>,
    /// A network from which the owner of an account signed in.
    pub remember: Option<(AccountKey, Network)>,
}

/// The store of counters. Every backend guarantees:
/// - **All or none**: an attempt counts in all its counters, or one refuses it and it counts in
///   none.
/// - **Never too many**: concurrent attempts cannot move a counter beyond its window.
/// - **An acknowledged count survives a restart.**
/// - **A refusal writes nothing.**
/// - **A counter expires by itself** once its time has passed.
#[async_trait]
pub trait ThrottleStore: Send + Sync {
    /// The counter that would refuse an attempt; `None`: none of them. It only reads.
    async fn refusal(
        &self,
        counters: &[Counter],
        now: OffsetDateTime,
    ) -> Result<Option<Refusal>, StoreError>;

    /// Counts an attempt, or returns why it was refused. Call [`ThrottleStore::refusal`] first,
    /// which takes no write lock.
    async fn reserve(
        &self,
        counters: &[Counter],
        now: OffsetDateTime,
    ) -> Result<Option<Refusal>, StoreError>;

    /// Releases the counts of an attempt in one step. An expired counter has nothing to release.
    async fn release(&self, release: &Release, now: OffsetDateTime) -> Result<(), StoreError>;

    /// Whether the owner of the account signed in from this network since then.
    async fn is_known(
        &self,
        account: &AccountKey,
        network: Network,
        since: OffsetDateTime,
    ) -> Result<bool, StoreError>;

    /// Deletes expired counters and networks not seen since `known_since`, at most `most` of each.
    /// `true`: none is left.
    async fn sweep(
        &self,
        now: OffsetDateTime,
        known_since: OffsetDateTime,
        most: u32,
    ) -> Result<bool, StoreError>;
}
