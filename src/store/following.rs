//! Sessions in the memory of this server, kept in step with the orders in the accounts database.
//!
//! Before every call the new orders are applied, so that a command or another server ends a
//! session here from the next request on.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::RwLock;

use super::intercept::{Intercepted, Interceptor, StoreCall, StoreFailure};
use super::memory::MemoryStore;
use super::sql::{SessionOrder, SqlDatabase};
use crate::accounts::{Epoch, UserId};
use crate::failure::StoreError;
use crate::sessions::{EndReason, Ended, Ending, EpochMove, SessionStore};

const RAISES_REMEMBERED: usize = 256;

/// A [`MemoryStore`] that applies the orders of a database before every call.
pub type FollowingStore = Intercepted<dyn SessionStore, OrderFollower>;

impl FollowingStore {
    /// Follows the orders of `database` from now on; `memory` is empty.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn start(memory: MemoryStore, database: SqlDatabase) -> Result<Self, StoreError> {
        let inner: Arc<dyn SessionStore> = Arc::new(memory);
        let applied = RwLock::new(database.newest_order().await?);
        let raises = Mutex::default();
        let follower = OrderFollower { memory: Arc::clone(&inner), database, applied, raises };
        Ok(Self::new(inner, follower))
    }
}

/// Applies the orders of a database to a store.
pub struct OrderFollower {
    memory: Arc<dyn SessionStore>,
    database: SqlDatabase,
    /// The position of the last order applied.
    applied: RwLock<i64>,
    /// How many sessions the latest raises ended: the call that raised the epoch often finds its
    /// own order applied already.
    raises: Mutex<VecDeque<(UserId, Epoch, u64)>>,
}

impl Interceptor for OrderFollower {
    async fn intercept<T: Send, E: StoreFailure>(
        &self,
        _name: StoreCall,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        self.apply_new_orders().await?;
        call.await
    }

    fn raised(&self, epoch_move: &EpochMove, ended: u64) -> u64 {
        let raises = self.raises.lock().unwrap_or_else(PoisonError::into_inner);
        let by_order = raises
            .iter()
            .find(|(user, to, _)| *user == epoch_move.user && *to == epoch_move.to)
            .map_or(0, |(_, _, ended)| *ended);
        ended + by_order
    }
}

impl OrderFollower {
    async fn apply_new_orders(&self) -> Result<(), StoreError> {
        let seen = *self.applied.read().await;
        if self.database.orders_after(seen).await?.is_empty() {
            return Ok(());
        }
        let mut applied = self.applied.write().await;
        for ordered in self.database.orders_after(*applied).await? {
            // Orders are deleted after two days. A gap means that this server was suspended for
            // longer and cannot know which of its sessions were to end.
            if ordered.position != *applied + 1 {
                let ended = Ended { reason: EndReason::RevokedByAdmin, at: at_of(&ordered.order) };
                self.memory.end_all(ended).await?;
            }
            self.apply(&ordered.order).await?;
            *applied = ordered.position;
        }
        Ok(())
    }

    async fn apply(&self, order: &SessionOrder) -> Result<(), StoreError> {
        match order {
            SessionOrder::RaiseEpoch(epoch_move) => {
                let ended = self.memory.raise_epoch(epoch_move).await?;
                let mut raises = self.raises.lock().unwrap_or_else(PoisonError::into_inner);
                raises.push_back((epoch_move.user, epoch_move.to, ended));
                if raises.len() > RAISES_REMEMBERED {
                    raises.pop_front();
                }
            }
            SessionOrder::EndOne(id, ended) => {
                let ending = Ending { id: *id, of: None, unseen_since: None, ended: *ended };
                self.memory.end(&ending).await?;
            }
            SessionOrder::EndOfPasskey(user, passkey, ended) => {
                let all = self.memory.list(*user).await?.into_iter();
                for session in all.filter(|session| session.is_of(*passkey)) {
                    let (id, ended) = (session.id, *ended);
                    let ending = Ending { id, of: None, unseen_since: None, ended };
                    self.memory.end(&ending).await?;
                }
            }
            SessionOrder::EndAll(ended) => {
                self.memory.end_all(*ended).await?;
            }
        }
        Ok(())
    }
}

fn at_of(order: &SessionOrder) -> time::OffsetDateTime {
    match order {
        SessionOrder::RaiseEpoch(epoch_move) => epoch_move.at,
        SessionOrder::EndOne(_, ended)
        | SessionOrder::EndOfPasskey(_, _, ended)
        | SessionOrder::EndAll(ended) => ended.at,
    }
}
