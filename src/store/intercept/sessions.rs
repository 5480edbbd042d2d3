//! Forwards the session store port.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{Intercepted, Interceptor, StoreCall};
use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::{
    Child, ChildStart, ChildStarted, ChildrenOf, CodeDigest, CodeKept, Compartment, Counted,
    Cursor, Cutoffs, Ended, Ending, EpochMove, HandoverCode, Keep, Keeping, Kept, LiveChild,
    Loaded, NewestSessions, Revocations, Rotation, Session, SessionId, SessionStore, Start,
    Started, Swept, TokenDigest, Touch,
};

impl<I: Interceptor> Intercepted<dyn SessionStore, I> {
    async fn forward<T: Send>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let name = StoreCall { store: "sessions", operation };
        self.interceptor.intercept(name, call).await
    }
}

#[async_trait]
impl<I: Interceptor> SessionStore for Intercepted<dyn SessionStore, I> {
    async fn start(&self, start: &Start) -> Result<Started, StoreError> {
        self.forward("start", self.inner.start(start)).await
    }

    async fn load(&self, digest: &TokenDigest) -> Result<Loaded, StoreError> {
        self.forward("load", self.inner.load(digest)).await
    }

    async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.forward("find", self.inner.find(id)).await
    }

    async fn token_of(&self, id: SessionId) -> Result<Option<TokenDigest>, StoreError> {
        self.forward("token_of", self.inner.token_of(id)).await
    }

    async fn find_ended(&self, id: SessionId) -> Result<Option<Ended>, StoreError> {
        self.forward("find_ended", self.inner.find_ended(id)).await
    }

    async fn find_rotated(&self, digest: &TokenDigest) -> Result<Option<SessionId>, StoreError> {
        self.forward("find_rotated", self.inner.find_rotated(digest)).await
    }

    async fn touch(&self, touches: &[Touch]) -> Result<(), StoreError> {
        self.forward("touch", self.inner.touch(touches)).await?;
        self.interceptor.touched(touches.len());
        Ok(())
    }

    async fn rotate(&self, rotation: &Rotation) -> Result<bool, StoreError> {
        self.forward("rotate", self.inner.rotate(rotation)).await
    }

    async fn data(
        &self,
        id: SessionId,
        compartment: Compartment,
    ) -> Result<Option<Kept>, StoreError> {
        self.forward("data", self.inner.data(id, compartment)).await
    }

    async fn keep(&self, keep: &Keep) -> Result<Keeping, StoreError> {
        self.forward("keep", self.inner.keep(keep)).await
    }

    async fn start_child(&self, start: &ChildStart) -> Result<ChildStarted, StoreError> {
        self.forward("start_child", self.inner.start_child(start)).await
    }

    async fn find_child(&self, id: SessionId) -> Result<Option<LiveChild>, StoreError> {
        self.forward("find_child", self.inner.find_child(id)).await
    }

    async fn children(&self, of: ChildrenOf) -> Result<Vec<Child>, StoreError> {
        self.forward("children", self.inner.children(of)).await
    }

    async fn keep_code(
        &self,
        code: &HandoverCode,
        now: OffsetDateTime,
    ) -> Result<CodeKept, StoreError> {
        self.forward("keep_code", self.inner.keep_code(code, now)).await
    }

    async fn take_code(&self, digest: &CodeDigest) -> Result<Option<HandoverCode>, StoreError> {
        self.forward("take_code", self.inner.take_code(digest)).await
    }

    async fn end(&self, ending: &Ending) -> Result<bool, StoreError> {
        self.forward("end", self.inner.end(ending)).await
    }

    async fn raise_epoch(&self, epoch_move: &EpochMove) -> Result<u64, StoreError> {
        let ended = self.forward("raise_epoch", self.inner.raise_epoch(epoch_move)).await?;
        Ok(self.interceptor.raised(epoch_move, ended))
    }

    async fn end_all(&self, ended: Ended) -> Result<u64, StoreError> {
        self.forward("end_all", self.inner.end_all(ended)).await
    }

    async fn list(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        self.forward("list", self.inner.list(user)).await
    }

    async fn list_all(
        &self,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        self.forward("list_all", self.inner.list_all(after, limit)).await
    }

    async fn list_newest(
        &self,
        before: Option<SessionId>,
        limit: u32,
    ) -> Result<NewestSessions, StoreError> {
        self.forward("list_newest", self.inner.list_newest(before, limit)).await
    }

    async fn count(&self) -> Result<Option<Counted>, StoreError> {
        self.forward("count", self.inner.count()).await
    }

    async fn sweep(&self, cutoffs: &Cutoffs, most: u32) -> Result<Swept, StoreError> {
        let swept = self.forward("sweep", self.inner.sweep(cutoffs, most)).await?;
        self.interceptor.swept(&swept);
        Ok(swept)
    }

    async fn revocations_after(
        &self,
        after: Option<&Cursor>,
        most: u32,
    ) -> Result<Revocations, StoreError> {
        let read = self.inner.revocations_after(after, most);
        self.forward("revocations_after", read).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.forward("ready", self.inner.ready()).await
    }
}
