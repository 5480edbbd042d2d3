//! Ending sessions, and answering once nobody accepts them any more.

use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::cache::{Change, Rule, is_kept};
use crate::sessions::{EndReason, Ended, Ending, Loaded, Session, SessionId, Sessions, Token};

impl Sessions {
    /// Ends the session that went on when this token was rotated away. Its browser asked to sign
    /// out while the answer with the new token was still on its way: the sign-out wins. The
    /// session that ended, if one did.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn sign_out_rotated(&self, token: &Token) -> Result<Option<Session>, StoreError> {
        let Some(id) = self.store().find_rotated(&token.digest()).await? else { return Ok(None) };
        let session = self.store().find(id).await?;
        // Also where it is over already: whoever ended it may be waiting still.
        let revoked = self.revoke(id, None, EndReason::SignedOut).await?;
        Ok(session.filter(|_| revoked))
    }

    /// Ends one session, of `of` if given. `false`: there is no such live session.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown whether the session ended.
    pub async fn revoke(
        &self,
        id: SessionId,
        of: Option<UserId>,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        let shared = self.room().turns.shared().await?;
        let revoked = self.end(id, of, reason).await;
        drop(shared);
        self.outlast_leases(id, revoked).await
    }

    /// Ends a session if its token still opens it under the same epoch: whoever changes the account
    /// may have taken it along meanwhile. `false`: it is another by now, or over.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown whether the session ended.
    pub async fn revoke_unchanged(
        &self,
        session: &Session,
        token: &Token,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        let shared = self.room().turns.shared().await?;
        let loaded = self.store().load(&token.digest()).await?;
        if !matches!(&loaded, Loaded::Live(live) if live.owner == session.owner) {
            drop(shared);
            self.is_over(session.id);
            return self.outlast_leases(session.id, Ok(false)).await;
        }
        let revoked = self.end(session.id, None, reason).await;
        drop(shared);
        self.outlast_leases(session.id, revoked).await
    }

    /// For those who hold a turn.
    async fn end(
        &self,
        id: SessionId,
        of: Option<UserId>,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        let ended = Ended { reason, at: self.now() };
        let ending = Ending { id, of, unseen_since: None, ended };
        let revoked = self.store().end(&ending).await;
        self.is_over(id);
        if let Some(user) = of {
            self.wake_list(user);
        }
        revoked
    }

    /// Whatever came of ending a session or of changing its token: it is not remembered any more,
    /// and whoever watches it looks.
    pub(in crate::sessions) fn is_over(&self, id: SessionId) {
        self.room().leases.forget(Change::Session(id));
        self.room().watchers.wake(id);
    }

    /// Answers once nobody accepts what ended. Where nothing did, whoever did it before may be
    /// waiting still.
    async fn outlast_leases(
        &self,
        id: SessionId,
        revoked: Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        let is_done = matches!(revoked, Ok(true));
        if is_done || is_kept(Rule::WaitWhereNothingChanged) {
            self.room().leases.outlast().await;
        }
        if is_done {
            self.note_outlasted([id]);
        }
        revoked
    }

    /// Wakes every watcher: something may have ended their sessions, and nobody knows whose.
    pub(in crate::sessions) fn wake_all(&self) {
        self.room().watchers.wake_all();
    }

    /// Wakes whoever watches a session of this user, or their list: a change of the account may
    /// have ended some.
    pub fn wake_user(&self, user: UserId) {
        self.room().watchers.wake_user(user);
    }

    /// Wakes whoever watches the list of this user: a session of theirs started or ended.
    pub fn wake_list(&self, user: UserId) {
        self.room().watchers.wake_list(user);
    }

    /// Ends every session there is, anonymous ones too.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn revoke_all(&self, reason: EndReason) -> Result<u64, StoreError> {
        let count = self.store().end_all(Ended { reason, at: self.now() }).await;
        self.room().leases.forget(Change::Everything);
        self.room().watchers.wake_all();
        self.room().leases.outlast().await;
        count
    }
}
