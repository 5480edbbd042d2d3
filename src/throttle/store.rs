//! Where counters are kept: the port, and what every backend promises.

use std::time::Duration;

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{AccountKey, Counter, CounterKey, Network};
use crate::failure::StoreError;

/// How many networks of an account are remembered, the newest.
pub const KNOWN_NETWORKS: u32 = 32;

/// A counter lets nothing through for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The counter with the longest wait.
    pub key: CounterKey,
    /// After this long all of the counters let an attempt through, if there is none meanwhile.
    pub wait: Duration,
}

/// What is taken back of an attempt.
#[derive(Clone, Debug, Default)]
pub struct Release {
    /// Counters that take back one step.
    pub give_back: Vec<Counter>,
    /// Counters that start afresh.
    pub clear: Vec<CounterKey>,
    /// A network from which the owner of an account came.
    pub remember: Option<(AccountKey, Network)>,
}

/// Where counters live. Every backend promises:
/// - **All or none**: an attempt counts in every counter that it names, or one refuses and it
///   counts in none.
/// - **Never too many**: however many attempts arrive at once, by however many connections, no
///   counter goes beyond its window.
/// - **An acknowledged count survives a restart.**
/// - **A refusal writes nothing.**
/// - **A counter goes away by itself** once its time has passed.
#[async_trait]
pub trait ThrottleStore: Send + Sync {
    /// Which of the counters would refuse an attempt; `None`: none of them. Reading only.
    async fn refusal(
        &self,
        counters: &[Counter],
        now: OffsetDateTime,
    ) -> Result<Option<Refusal>, StoreError>;

    /// Counts an attempt. What it answers is why it did not count, if it did not; ask
    /// [`ThrottleStore::refusal`] before, which takes nobody's turn to write.
    async fn reserve(
        &self,
        counters: &[Counter],
        now: OffsetDateTime,
    ) -> Result<Option<Refusal>, StoreError>;

    /// Takes back what an attempt was counted for, in one step. A counter whose time has passed
    /// has nothing to give back.
    async fn release(&self, release: &Release, now: OffsetDateTime) -> Result<(), StoreError>;

    /// Whether the owner of the account came from this network since then.
    async fn is_known(
        &self,
        account: &AccountKey,
        network: Network,
        since: OffsetDateTime,
    ) -> Result<bool, StoreError>;

    /// Deletes counters whose time has passed, and networks not seen since `known_since`, at most
    /// so many of each. `true`: there was no more to delete.
    async fn sweep(
        &self,
        now: OffsetDateTime,
        known_since: OffsetDateTime,
        most: u32,
    ) -> Result<bool, StoreError>;
}
