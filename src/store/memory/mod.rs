//! Session store in the memory of this process. Sessions are lost when it stops.
//!
//! Every call holds one lock for its whole duration, so every operation is atomic. No call scans
//! all sessions: its cost depends on the rows it touches.

mod children;
mod codes;
mod ended;
mod family;
mod feed;
mod interned;
mod live;
mod live_session;
mod sorted;
mod start;
mod tables;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use time::OffsetDateTime;

use self::tables::Tables;
use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::{
    Child, ChildStart, ChildStarted, ChildrenOf, CodeDigest, CodeKept, Compartment, Counted,
    Cursor, Cutoffs, Ended, Ending, EpochMove, HandoverCode, Keep, Keeping, Kept, LiveChild,
    Loaded, NewestSessions, Revocations, Rotation, Session, SessionId, SessionStore, Start,
    Started, Swept, TokenDigest, Touch,
};

/// The capacity of a [`MemoryStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryOptions {
    /// The maximum number of live sessions, and of ended ones. A start in a full store displaces a
    /// session past its timeout. If there is none, it displaces the anonymous session that has been
    /// idle longest, which ends as `session_limit` and counts as evicted. Otherwise it fails with
    /// [`StoreError::Full`]. As many children and as many hand-over codes are kept; one more fails
    /// with [`StoreError::Full`]. Beyond the maximum the oldest ended sessions are removed within
    /// their day: their tokens stay refused, but the reason is unknown.
    pub most_sessions: usize,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self { most_sessions: 1_000_000 }
    }
}

/// A session store in the memory of this process.
///
/// The epochs of users are kept until the process stops, even for users without sessions.
/// Otherwise a sign-in that began before an epoch was raised could succeed afterwards.
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(options: MemoryOptions) -> Self {
        Self { tables: Mutex::new(Tables::new(options)) }
    }

    /// A panic under the lock can at worst leave one operation half done: continuing is safe,
    /// refusing every request is not.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn start(&self, start: &Start) -> Result<Started, StoreError> {
        self.tables().start(start)
    }

    async fn load(&self, digest: &TokenDigest) -> Result<Loaded, StoreError> {
        Ok(self.tables().load(digest))
    }

    async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let tables = self.tables();
        Ok(tables.live.row(id).map(|row| tables.live.session(row)))
    }

    async fn token_of(&self, id: SessionId) -> Result<Option<TokenDigest>, StoreError> {
        Ok(self.tables().live.row(id).map(|row| row.digest))
    }

    async fn find_ended(&self, id: SessionId) -> Result<Option<Ended>, StoreError> {
        Ok(self.tables().ended.find(id))
    }

    async fn find_rotated(&self, digest: &TokenDigest) -> Result<Option<SessionId>, StoreError> {
        Ok(self.tables().ended.find_rotated(digest))
    }

    async fn touch(&self, touches: &[Touch]) -> Result<(), StoreError> {
        let mut tables = self.tables();
        for touch in touches {
            tables.live.touch(touch.id, touch.at, &touch.client);
        }
        Ok(())
    }

    async fn rotate(&self, rotation: &Rotation) -> Result<bool, StoreError> {
        Ok(self.tables().rotate(rotation))
    }

    async fn data(
        &self,
        id: SessionId,
        compartment: Compartment,
    ) -> Result<Option<Kept>, StoreError> {
        Ok(self.tables().live.data(id, compartment))
    }

    async fn keep(&self, keep: &Keep) -> Result<Keeping, StoreError> {
        Ok(self.tables().keep(keep))
    }

    async fn start_child(&self, start: &ChildStart) -> Result<ChildStarted, StoreError> {
        self.tables().start_child(start)
    }

    async fn find_child(&self, id: SessionId) -> Result<Option<LiveChild>, StoreError> {
        Ok(self.tables().find_child(id))
    }

    async fn children(&self, of: ChildrenOf) -> Result<Vec<Child>, StoreError> {
        Ok(self.tables().list_children(of))
    }

    async fn keep_code(
        &self,
        code: &HandoverCode,
        now: OffsetDateTime,
    ) -> Result<CodeKept, StoreError> {
        self.tables().keep_code(code, now)
    }

    async fn take_code(&self, digest: &CodeDigest) -> Result<Option<HandoverCode>, StoreError> {
        Ok(self.tables().take_code(digest))
    }

    async fn end(&self, ending: &Ending) -> Result<bool, StoreError> {
        Ok(self.tables().end_if(ending))
    }

    async fn raise_epoch(&self, epoch_move: &EpochMove) -> Result<u64, StoreError> {
        Ok(self.tables().raise_epoch(epoch_move))
    }

    async fn end_all(&self, ended: Ended) -> Result<u64, StoreError> {
        Ok(self.tables().end_all(ended))
    }

    async fn list(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let tables = self.tables();
        let rows = tables.live.of_user(user);
        let mut sessions: Vec<_> = rows.map(|row| tables.live.session(row)).collect();
        drop(tables);
        sessions.sort_by_key(|session| Reverse((session.last_seen_at, session.id)));
        Ok(sessions)
    }

    async fn list_all(
        &self,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let tables = self.tables();
        let rows = tables.live.after(after).take(limit);
        Ok(rows.map(|row| tables.live.session(row)).collect())
    }

    async fn list_newest(
        &self,
        before: Option<SessionId>,
        limit: u32,
    ) -> Result<NewestSessions, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let tables = self.tables();
        let rows = tables.live.before(before).take(limit);
        let sessions: Vec<Session> = rows.map(|row| tables.live.session(row)).collect();
        drop(tables);
        let next = sessions.last().filter(|_| sessions.len() == limit).map(|session| session.id);
        Ok(NewestSessions { sessions, next })
    }

    async fn count(&self) -> Result<Option<Counted>, StoreError> {
        Ok(Some(self.tables().live.count()))
    }

    async fn sweep(&self, cutoffs: &Cutoffs, most: u32) -> Result<Swept, StoreError> {
        Ok(self.tables().sweep(cutoffs, most))
    }

    async fn revocations_after(
        &self,
        after: Option<&Cursor>,
        most: u32,
    ) -> Result<Revocations, StoreError> {
        Ok(self.tables().feed.after(after, most)?)
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
