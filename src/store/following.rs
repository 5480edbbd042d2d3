//! Sessions in this server's memory that obey the orders in the accounts database.
//!
//! Before every call the orders given since the last one are carried out, so that what a command
//! or another server decided counts here at the very next request.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::RwLock;

use super::memory::MemoryStore;
use super::sql::{Order, SqlDatabase};
use crate::accounts::{Epoch, UserId};
use crate::failure::StoreError;
use crate::sessions::{
    Compartment, Counted, Cursor, Cutoffs, EndReason, Ended, Ending, EpochMove, Keep, Keeping,
    Kept, Loaded, NewestSessions, Revocations, Rotation, Session, SessionId, SessionStore, Start,
    Started, Swept, TokenDigest, Touch,
};

const RAISES_REMEMBERED: usize = 256;

/// A [`MemoryStore`] that follows the orders of a database. Cheap to clone.
#[derive(Clone)]
pub struct FollowingStore {
    memory: Arc<MemoryStore>,
    database: SqlDatabase,
    /// The newest order that was carried out.
    position: Arc<RwLock<i64>>,
    /// How many sessions the latest raises ended, for whoever asks after the order was obeyed.
    raises: Arc<Mutex<VecDeque<(UserId, Epoch, u64)>>>,
}

impl FollowingStore {
    /// Follows the orders of `database` from now on; `memory` is empty.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn start(memory: MemoryStore, database: SqlDatabase) -> Result<Self, StoreError> {
        let position = Arc::new(RwLock::new(database.newest_order().await?));
        Ok(Self { memory: Arc::new(memory), database, position, raises: Arc::default() })
    }

    /// The memory, with every order given so far carried out.
    async fn current(&self) -> Result<&MemoryStore, StoreError> {
        let seen = *self.position.read().await;
        if self.database.orders_after(seen).await?.is_empty() {
            return Ok(&self.memory);
        }
        let mut position = self.position.write().await;
        for ordered in self.database.orders_after(*position).await? {
            // Orders are cleared away after two days: whoever slept longer than that cannot know
            // which of its sessions were to end.
            if ordered.position != *position + 1 {
                let ended = Ended { reason: EndReason::RevokedByAdmin, at: at_of(&ordered.order) };
                self.memory.end_all(ended).await?;
            }
            self.carry_out(&ordered.order).await?;
            *position = ordered.position;
        }
        Ok(&self.memory)
    }

    async fn carry_out(&self, order: &Order) -> Result<(), StoreError> {
        match order {
            Order::RaiseEpoch(epoch_move) => {
                let ended = self.memory.raise_epoch(epoch_move).await?;
                let mut raises = self.raises.lock().unwrap_or_else(PoisonError::into_inner);
                raises.push_back((epoch_move.user, epoch_move.to, ended));
                if raises.len() > RAISES_REMEMBERED {
                    raises.pop_front();
                }
            }
            Order::EndOne(id, ended) => {
                let ending = Ending { id: *id, of: None, unseen_since: None, ended: *ended };
                self.memory.end(&ending).await?;
            }
            Order::EndAll(ended) => {
                self.memory.end_all(*ended).await?;
            }
        }
        Ok(())
    }
}

fn at_of(order: &Order) -> time::OffsetDateTime {
    match order {
        Order::RaiseEpoch(epoch_move) => epoch_move.at,
        Order::EndOne(_, ended) | Order::EndAll(ended) => ended.at,
    }
}

#[async_trait]
impl SessionStore for FollowingStore {
    async fn start(&self, start: &Start) -> Result<Started, StoreError> {
        self.current().await?.start(start).await
    }

    async fn load(&self, digest: &TokenDigest) -> Result<Loaded, StoreError> {
        self.current().await?.load(digest).await
    }

    async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.current().await?.find(id).await
    }

    async fn find_ended(&self, id: SessionId) -> Result<Option<Ended>, StoreError> {
        self.current().await?.find_ended(id).await
    }

    async fn find_rotated(&self, digest: &TokenDigest) -> Result<Option<SessionId>, StoreError> {
        self.current().await?.find_rotated(digest).await
    }

    async fn touch(&self, touches: &[Touch]) -> Result<(), StoreError> {
        self.current().await?.touch(touches).await
    }

    async fn rotate(&self, rotation: &Rotation) -> Result<bool, StoreError> {
        self.current().await?.rotate(rotation).await
    }

    async fn data(
        &self,
        id: SessionId,
        compartment: Compartment,
    ) -> Result<Option<Kept>, StoreError> {
        self.current().await?.data(id, compartment).await
    }

    async fn keep(&self, keep: &Keep) -> Result<Keeping, StoreError> {
        self.current().await?.keep(keep).await
    }

    async fn end(&self, ending: &Ending) -> Result<bool, StoreError> {
        self.current().await?.end(ending).await
    }

    /// The change that raised the epoch gave the order in its own transaction, so any call may
    /// have carried it out already.
    async fn raise_epoch(&self, epoch_move: &EpochMove) -> Result<u64, StoreError> {
        let ended = self.current().await?.raise_epoch(epoch_move).await?;
        let raises = self.raises.lock().unwrap_or_else(PoisonError::into_inner);
        let obeyed = raises
            .iter()
            .find(|(user, to, _)| *user == epoch_move.user && *to == epoch_move.to)
            .map_or(0, |(_, _, ended)| *ended);
        Ok(ended + obeyed)
    }

    async fn end_all(&self, ended: Ended) -> Result<u64, StoreError> {
        self.current().await?.end_all(ended).await
    }

    async fn list(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        self.current().await?.list(user).await
    }

    async fn list_all(
        &self,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        self.current().await?.list_all(after, limit).await
    }

    async fn list_newest(
        &self,
        before: Option<SessionId>,
        limit: u32,
    ) -> Result<NewestSessions, StoreError> {
        self.current().await?.list_newest(before, limit).await
    }

    async fn count(&self) -> Result<Option<Counted>, StoreError> {
        self.current().await?.count().await
    }

    async fn sweep(&self, cutoffs: &Cutoffs, most: u32) -> Result<Swept, StoreError> {
        self.current().await?.sweep(cutoffs, most).await
    }

    async fn revocations_after(
        &self,
        after: Option<&Cursor>,
        most: u32,
    ) -> Result<Revocations, StoreError> {
        self.current().await?.revocations_after(after, most).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.current().await.map(drop)
    }
}
