//! Ends sessions, and returns once no server accepts them.

use super::Sessions;
use super::ended::EndScope;
use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::cache::{Rule, is_kept};
use crate::sessions::{EndReason, Ended, Ending, LiveChild, Loaded, Session, SessionId, Token};

/// The outcome of a revocation by id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Revoked {
    /// Whether a live session ended.
    pub(crate) ended: bool,
    /// The user who owned the session, if any.
    pub(crate) owner: Option<UserId>,
}

impl Sessions {
    /// Ends the session that continued after this token was rotated away. Its browser signed out
    /// before it received the new token: the sign-out wins. Returns the session if it ended here.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn sign_out_rotated(
        &self,
        token: &Token,
    ) -> Result<Option<Session>, StoreError> {
        let Some(id) = self.store().find_rotated(&token.digest()).await? else { return Ok(None) };
        let session = self.store().find(id).await?;
        let owner = session.as_ref().and_then(|session| session.owner.user());
        // Also where it has ended already: the request that ended it may be waiting for leases.
        let revoked = self.revoke_as(id, None, owner, EndReason::SignedOut).await?;
        Ok(session.filter(|_| revoked))
    }

    /// Ends one session and its children, or one child. With `of`, only if it belongs to that user.
    /// `false`: no such live session or child. Returns once no server accepts any of them, at most
    /// 125 ms after the store's answer.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown whether the session ended.
    pub async fn revoke(
        &self,
        id: SessionId,
        of: Option<UserId>,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        self.revoke_as(id, of, of, reason).await
    }

    /// As [`Sessions::revoke`], for a session that the caller has read.
    ///
    /// # Errors
    /// As [`Sessions::revoke`].
    pub(crate) async fn revoke_session(
        &self,
        session: &Session,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        self.revoke_as(session.id, None, session.owner.user(), reason).await
    }

    /// As [`Sessions::revoke`], and says whose session it was.
    ///
    /// # Errors
    /// As [`Sessions::revoke`].
    pub(crate) async fn revoke_with_owner(
        &self,
        id: SessionId,
        of: Option<UserId>,
        reason: EndReason,
    ) -> Result<Revoked, StoreError> {
        let owner = match of {
            Some(user) => Some(user),
            None => self.store().find(id).await?.and_then(|session| session.owner.user()),
        };
        Ok(Revoked { ended: self.revoke_as(id, of, owner, reason).await?, owner })
    }

    async fn revoke_as(
        &self,
        id: SessionId,
        of: Option<UserId>,
        owner: Option<UserId>,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        let shared = self.service().epoch_lock.shared().await?;
        let revoked = self.end(id, of, reason).await;
        drop(shared);
        self.finish_revoke(id, owner, revoked).await
    }

    /// Ends a session if its token, or that of a child, still opens it under the same epoch. A change
    /// of the account may have kept it under a new token. `false`: it has another token or epoch,
    /// or has ended.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown whether the session ended.
    pub(crate) async fn revoke_unchanged(
        &self,
        session: &Session,
        token: &Token,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        let shared = self.service().epoch_lock.shared().await?;
        let loaded = self.store().load(&token.digest()).await?;
        let revoked = match &loaded {
            Loaded::Live(live) | Loaded::Child(LiveChild { parent: live, .. })
                if live.owner == session.owner =>
            {
                self.end(session.id, None, reason).await
            }
            _ => Ok(false),
        };
        drop(shared);
        self.finish_revoke(session.id, None, revoked).await
    }

    /// The caller holds the epoch lock, shared.
    async fn end(
        &self,
        id: SessionId,
        of: Option<UserId>,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        let ended = Ended { reason, at: self.now() };
        self.store().end(&Ending { id, of, unseen_since: None, ended }).await
    }

    /// Also waits where nothing changed: the request that ended the session may still be waiting.
    async fn finish_revoke(
        &self,
        id: SessionId,
        owner: Option<UserId>,
        revoked: Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        let scope = EndScope::Sessions { ids: &[id], owner };
        if matches!(revoked, Ok(true)) {
            self.ended(scope).await;
        } else {
            // Not noted as waited for: the session may be live.
            self.invalidate_and_notify(scope);
            if is_kept(Rule::WaitWhereNothingChanged) {
                self.service().leases.wait().await;
            }
        }
        revoked
    }

    /// Ends every session, anonymous ones too. Returns how many ended.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn revoke_all(&self, reason: EndReason) -> Result<u64, StoreError> {
        let count = self.store().end_all(Ended { reason, at: self.now() }).await;
        self.ended(EndScope::Everything).await;
        count
    }
}
