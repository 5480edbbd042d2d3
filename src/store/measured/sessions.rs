//! The port of the sessions, measured.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use super::outcome_of;
use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::metrics::Metrics;
use crate::sessions::{
    Compartment, Counted, Cursor, Cutoffs, Ended, Ending, EpochMove, Keep, Keeping, Kept, Loaded,
    NewestSessions, Revocations, Rotation, Session, SessionId, SessionStore, Start, Started, Swept,
    TokenDigest, Touch,
};

/// Times the calls of another store.
pub struct MeasuredSessions {
    inner: Arc<dyn SessionStore>,
    metrics: Metrics,
}

impl MeasuredSessions {
    /// Around this one.
    #[must_use]
    pub fn new(inner: Arc<dyn SessionStore>, metrics: Metrics) -> Self {
        Self { inner, metrics }
    }

    async fn timed<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let begun = Instant::now();
        let answer = call.await;
        let outcome = outcome_of(answer.as_ref().err());
        self.metrics.store_call("sessions", operation, outcome, begun.elapsed());
        answer
    }
}

#[async_trait]
impl SessionStore for MeasuredSessions {
    async fn start(&self, start: &Start) -> Result<Started, StoreError> {
        self.timed("start", self.inner.start(start)).await
    }

    async fn load(&self, digest: &TokenDigest) -> Result<Loaded, StoreError> {
        self.timed("load", self.inner.load(digest)).await
    }

    async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.timed("find", self.inner.find(id)).await
    }

    async fn find_ended(&self, id: SessionId) -> Result<Option<Ended>, StoreError> {
        self.timed("find_ended", self.inner.find_ended(id)).await
    }

    async fn find_rotated(&self, digest: &TokenDigest) -> Result<Option<SessionId>, StoreError> {
        self.timed("find_rotated", self.inner.find_rotated(digest)).await
    }

    async fn touch(&self, touches: &[Touch]) -> Result<(), StoreError> {
        self.timed("touch", self.inner.touch(touches)).await?;
        self.metrics.touched(touches.len());
        Ok(())
    }

    async fn rotate(&self, rotation: &Rotation) -> Result<bool, StoreError> {
        self.timed("rotate", self.inner.rotate(rotation)).await
    }

    async fn data(
        &self,
        id: SessionId,
        compartment: Compartment,
    ) -> Result<Option<Kept>, StoreError> {
        self.timed("data", self.inner.data(id, compartment)).await
    }

    async fn keep(&self, keep: &Keep) -> Result<Keeping, StoreError> {
        self.timed("keep", self.inner.keep(keep)).await
    }

    async fn end(&self, ending: &Ending) -> Result<bool, StoreError> {
        self.timed("end", self.inner.end(ending)).await
    }

    async fn raise_epoch(&self, epoch_move: &EpochMove) -> Result<u64, StoreError> {
        self.timed("raise_epoch", self.inner.raise_epoch(epoch_move)).await
    }

    async fn end_all(&self, ended: Ended) -> Result<u64, StoreError> {
        self.timed("end_all", self.inner.end_all(ended)).await
    }

    async fn list(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        self.timed("list", self.inner.list(user)).await
    }

    async fn list_all(
        &self,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        self.timed("list_all", self.inner.list_all(after, limit)).await
    }

    async fn list_newest(
        &self,
        before: Option<SessionId>,
        limit: u32,
    ) -> Result<NewestSessions, StoreError> {
        self.timed("list_newest", self.inner.list_newest(before, limit)).await
    }

    async fn count(&self) -> Result<Option<Counted>, StoreError> {
        self.timed("count", self.inner.count()).await
    }

    async fn sweep(&self, cutoffs: &Cutoffs, most: u32) -> Result<Swept, StoreError> {
        let swept = self.timed("sweep", self.inner.sweep(cutoffs, most)).await?;
        self.metrics.swept(swept.ended, swept.forgotten);
        Ok(swept)
    }

    async fn revocations_after(
        &self,
        after: Option<&Cursor>,
        most: u32,
    ) -> Result<Revocations, StoreError> {
        let read = self.inner.revocations_after(after, most);
        self.timed("revocations_after", read).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.timed("ready", self.inner.ready()).await
    }
}
