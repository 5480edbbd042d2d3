//! A session store in memory. The sessions end when the process stops.
//!
//! Each call holds one lock until it is done, so each is one step. It has no limit of memory, and
//! some calls read every session: a store for production needs a limit and more indexes.

mod feed;
mod start;
mod tables;

use std::cmp::Reverse;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anteroom::sessions::{
    Child, ChildStart, ChildStarted, ChildrenOf, CodeDigest, CodeKept, Compartment, Cursor,
    Cutoffs, Ended, Ending, EpochMove, HandoverCode, Keep, Keeping, Kept, LiveChild, Loaded,
    NewestSessions, Revocations, Rotation, Session, SessionStore, Start, Started, Swept,
    TokenDigest, Touch,
};
use anteroom::{SessionId, StoreError, UserId};
use async_trait::async_trait;
use time::OffsetDateTime;

use tables::Tables;

/// The store.
#[derive(Default)]
pub(crate) struct OwnStore(Mutex<Tables>);

impl OwnStore {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SessionStore for OwnStore {
    async fn start(&self, start: &Start) -> Result<Started, StoreError> {
        Ok(self.tables().start(start))
    }

    async fn load(&self, digest: &TokenDigest) -> Result<Loaded, StoreError> {
        Ok(self.tables().load(digest))
    }

    async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        Ok(self.tables().live.get(&id).map(|row| row.session.clone()))
    }

    async fn token_of(&self, id: SessionId) -> Result<Option<TokenDigest>, StoreError> {
        Ok(self.tables().live.get(&id).map(|row| row.digest))
    }

    async fn find_ended(&self, id: SessionId) -> Result<Option<Ended>, StoreError> {
        Ok(self.tables().find_ended(id))
    }

    async fn find_rotated(&self, digest: &TokenDigest) -> Result<Option<SessionId>, StoreError> {
        Ok(self.tables().find_rotated(digest))
    }

    async fn touch(&self, touches: &[Touch]) -> Result<(), StoreError> {
        let mut tables = self.tables();
        for touch in touches {
            if let Some(row) = tables.live.get_mut(&touch.id)
                && row.session.last_seen_at < touch.at
            {
                row.session.last_seen_at = touch.at;
                row.session.came_from(&touch.client);
            }
        }
        Ok(())
    }

    async fn rotate(&self, rotation: &Rotation) -> Result<bool, StoreError> {
        Ok(self.tables().rotate(rotation).is_some())
    }

    async fn data(
        &self,
        id: SessionId,
        compartment: Compartment,
    ) -> Result<Option<Kept>, StoreError> {
        let tables = self.tables();
        let row = tables.live.get(&id);
        Ok(row.map(|row| row.data.get(&compartment).cloned().unwrap_or_default()))
    }

    async fn keep(&self, keep: &Keep) -> Result<Keeping, StoreError> {
        let mut tables = self.tables();
        let Some(row) = tables.live.get_mut(&keep.id) else { return Ok(Keeping::Gone) };
        let kept = row.data.entry(keep.compartment).or_default();
        if kept.version != keep.over {
            return Ok(Keeping::Moved);
        }
        *kept = Kept { version: keep.over + 1, data: keep.data.clone() };
        Ok(Keeping::Kept)
    }

    async fn start_child(&self, start: &ChildStart) -> Result<ChildStarted, StoreError> {
        Ok(self.tables().start_child(start))
    }

    async fn find_child(&self, id: SessionId) -> Result<Option<LiveChild>, StoreError> {
        Ok(self.tables().find_child(id))
    }

    async fn children(&self, of: ChildrenOf) -> Result<Vec<Child>, StoreError> {
        Ok(self.tables().children_of(&of))
    }

    async fn keep_code(
        &self,
        code: &HandoverCode,
        now: OffsetDateTime,
    ) -> Result<CodeKept, StoreError> {
        Ok(self.tables().keep_code(code, now))
    }

    async fn take_code(&self, digest: &CodeDigest) -> Result<Option<HandoverCode>, StoreError> {
        Ok(self.tables().codes.remove(digest))
    }

    async fn end(&self, ending: &Ending) -> Result<bool, StoreError> {
        Ok(self.tables().end_if(ending))
    }

    async fn raise_epoch(&self, epoch_move: &EpochMove) -> Result<u64, StoreError> {
        Ok(self.tables().raise_epoch(epoch_move))
    }

    async fn end_all(&self, ended: Ended) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let ids: Vec<SessionId> = tables.live.keys().copied().collect();
        let count = tables.end_each(ids, ended);
        tables.feed = feed::Feed::default();
        Ok(count)
    }

    async fn list(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let mut sessions: Vec<Session> = self.tables().of_user(user).cloned().collect();
        sessions.sort_by_key(|session| Reverse((session.last_seen_at, session.id)));
        Ok(sessions)
    }

    async fn list_all(
        &self,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        let tables = self.tables();
        let sessions = tables.live.values().map(|row| &row.session);
        let page = sessions.filter(|session| Some(session.id) > after).take(size(limit));
        Ok(page.cloned().collect())
    }

    async fn list_newest(
        &self,
        before: Option<SessionId>,
        limit: u32,
    ) -> Result<NewestSessions, StoreError> {
        let tables = self.tables();
        let newest = tables.live.values().rev().map(|row| &row.session);
        let page = newest.filter(|session| before.is_none_or(|before| session.id < before));
        let sessions: Vec<Session> = page.take(size(limit)).cloned().collect();
        let last = sessions.last().filter(|_| sessions.len() == size(limit));
        Ok(NewestSessions { next: last.map(|session| session.id), sessions })
    }

    async fn sweep(&self, cutoffs: &Cutoffs, most: u32) -> Result<Swept, StoreError> {
        Ok(self.tables().sweep(cutoffs, size(most)))
    }

    async fn revocations_after(
        &self,
        after: Option<&Cursor>,
        most: u32,
    ) -> Result<Revocations, StoreError> {
        self.tables().feed.after(after, size(most))
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn size(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use anteroom::testing::conformance;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn the_store_of_an_application_keeps_the_promises_of_the_session_store() {
        conformance::every_case(async || Arc::new(OwnStore::default()) as Arc<dyn SessionStore>)
            .await;
    }
}
