//! The store as one server reaches it.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use time::OffsetDateTime;

use super::world::Process;
use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::cache::Change;
use crate::sessions::{
    Child, ChildStart, ChildStarted, ChildrenOf, CodeDigest, CodeKept, Compartment, Cursor,
    Cutoffs, Ended, Ending, EpochMove, HandoverCode, Keep, Keeping, Kept, LiveChild, Loaded,
    NewestSessions, Revocations, Rotation, Session, SessionId, SessionStore, Start, Started, Swept,
    TokenDigest, Touch,
};

/// The store in memory, which answers at once, at the other end of a long way.
pub(super) struct Reached(pub(super) Arc<Process>);

/// The answer of the store in memory to this call.
macro_rules! at_once {
    ($call:expr) => {
        $call.now_or_never().unwrap()
    };
}

/// Passes a call on that changes nothing which is remembered.
macro_rules! passed_on {
    ($this:ident, $world:ident => $call:expr) => {
        $this.0.ask(move |$world| (at_once!($call), Vec::new())).await?
    };
}

#[async_trait]
impl SessionStore for Reached {
    async fn start(&self, start: &Start) -> Result<Started, StoreError> {
        let start = start.clone();
        let started = self.0.ask(move |world| {
            let started = at_once!(world.store.start(&start));
            let changes = match &started {
                Ok(Started::Started { evicted, replaced }) => {
                    evicted.iter().chain(replaced).map(|id| Change::Session(*id)).collect()
                }
                _ => Vec::new(),
            };
            (started, changes)
        });
        started.await?
    }

    async fn load(&self, digest: &TokenDigest) -> Result<Loaded, StoreError> {
        let digest = *digest;
        passed_on!(self, world => world.store.load(&digest))
    }

    async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        passed_on!(self, world => world.store.find(id))
    }

    async fn token_of(&self, id: SessionId) -> Result<Option<TokenDigest>, StoreError> {
        passed_on!(self, world => world.store.token_of(id))
    }

    async fn find_ended(&self, id: SessionId) -> Result<Option<Ended>, StoreError> {
        passed_on!(self, world => world.store.find_ended(id))
    }

    async fn find_rotated(&self, digest: &TokenDigest) -> Result<Option<SessionId>, StoreError> {
        let digest = *digest;
        passed_on!(self, world => world.store.find_rotated(&digest))
    }

    async fn touch(&self, touches: &[Touch]) -> Result<(), StoreError> {
        let touches = touches.to_vec();
        passed_on!(self, world => world.store.touch(&touches))
    }

    /// Tells also where nothing changed, as every store does that is seen before it tells.
    async fn rotate(&self, rotation: &Rotation) -> Result<bool, StoreError> {
        let rotation = *rotation;
        let rotated = self.0.ask(move |world| {
            (at_once!(world.store.rotate(&rotation)), vec![Change::Token(rotation.from)])
        });
        rotated.await?
    }

    async fn data(&self, id: SessionId, part: Compartment) -> Result<Option<Kept>, StoreError> {
        passed_on!(self, world => world.store.data(id, part))
    }

    async fn keep(&self, keep: &Keep) -> Result<Keeping, StoreError> {
        let keep = keep.clone();
        passed_on!(self, world => world.store.keep(&keep))
    }

    async fn start_child(&self, start: &ChildStart) -> Result<ChildStarted, StoreError> {
        let start = start.clone();
        let started = self.0.ask(move |world| {
            let started = at_once!(world.store.start_child(&start));
            let changes = match &started {
                Ok(ChildStarted::Started { replaced: Some(id) }) => vec![Change::Session(*id)],
                _ => Vec::new(),
            };
            (started, changes)
        });
        started.await?
    }

    async fn find_child(&self, id: SessionId) -> Result<Option<LiveChild>, StoreError> {
        passed_on!(self, world => world.store.find_child(id))
    }

    async fn children(&self, of: ChildrenOf) -> Result<Vec<Child>, StoreError> {
        passed_on!(self, world => world.store.children(of))
    }

    async fn keep_code(
        &self,
        code: &HandoverCode,
        now: OffsetDateTime,
    ) -> Result<CodeKept, StoreError> {
        let code = code.clone();
        passed_on!(self, world => world.store.keep_code(&code, now))
    }

    async fn take_code(&self, digest: &CodeDigest) -> Result<Option<HandoverCode>, StoreError> {
        let digest = *digest;
        passed_on!(self, world => world.store.take_code(&digest))
    }

    /// As [`Reached::rotate`].
    async fn end(&self, ending: &Ending) -> Result<bool, StoreError> {
        let ending = *ending;
        let ended = self.0.ask(move |world| {
            (at_once!(world.store.end(&ending)), vec![Change::Session(ending.id)])
        });
        ended.await?
    }

    async fn raise_epoch(&self, raise: &EpochMove) -> Result<u64, StoreError> {
        let raise = *raise;
        let raised = self.0.ask(move |world| {
            (at_once!(world.store.raise_epoch(&raise)), vec![Change::User(raise.user)])
        });
        raised.await?
    }

    async fn end_all(&self, ended: Ended) -> Result<u64, StoreError> {
        let all = self
            .0
            .ask(move |world| (at_once!(world.store.end_all(ended)), vec![Change::Everything]));
        all.await?
    }

    async fn list(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        passed_on!(self, world => world.store.list(user))
    }

    async fn list_all(
        &self,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        passed_on!(self, world => world.store.list_all(after, limit))
    }

    async fn list_newest(
        &self,
        before: Option<SessionId>,
        limit: u32,
    ) -> Result<NewestSessions, StoreError> {
        passed_on!(self, world => world.store.list_newest(before, limit))
    }

    async fn sweep(&self, cutoffs: &Cutoffs, most: u32) -> Result<Swept, StoreError> {
        let cutoffs = *cutoffs;
        passed_on!(self, world => world.store.sweep(&cutoffs, most))
    }

    async fn revocations_after(
        &self,
        after: Option<&Cursor>,
        most: u32,
    ) -> Result<Revocations, StoreError> {
        let after = after.cloned();
        passed_on!(self, world => world.store.revocations_after(after.as_ref(), most))
    }

    async fn ready(&self) -> Result<(), StoreError> {
        passed_on!(self, world => world.store.ready())
    }
}
