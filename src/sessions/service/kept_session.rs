//! The session that a change by its user keeps: it continues under a new token and epoch.

use tokio::sync::OwnedRwLockWriteGuard;

use super::Sessions;
use super::ended::EndScope;
use crate::accounts::{ChangeError, Changed, EpochReason, KeptSession, Proof, UserId};
use crate::failure::StoreError;
use crate::sessions::cache::Change;
use crate::sessions::{
    EndReason, EndedByStart, EpochMove, Loaded, ResumeError, Session, SessionId, StartedSession,
    Token,
};

/// Prepared by [`Sessions::prepare_kept_session`]. Holds the epoch lock until the change is done,
/// so that no request on this server ends or rotates the session in between. Dropping the guard
/// abandons the new token.
#[must_use]
pub(crate) struct KeptSessionGuard {
    sessions: Sessions,
    before: Session,
    old_token: Token,
    new_token: Token,
    record: KeptSession,
    lock: Option<OwnedRwLockWriteGuard<()>>,
}

/// The session cannot be kept.
#[derive(Debug)]
pub(crate) enum KeptSessionError {
    /// It has ended.
    Ended(EndReason),
    /// The store failed, or the epoch lock was not free within 3 s.
    Store(StoreError),
}

impl From<StoreError> for KeptSessionError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl KeptSessionGuard {
    /// The part that the change of the account passes to the stores.
    pub(crate) fn record(&self) -> KeptSession {
        self.record
    }

    /// The token under which the session continues once the change is done.
    pub(crate) fn token(&self) -> &Token {
        &self.new_token
    }

    /// Why the old token no longer opens the session.
    pub(crate) async fn end_reason(&self) -> Result<EndReason, StoreError> {
        self.sessions.end_reason(&self.old_token).await
    }

    /// Whether the session is live under its new token: then the change is done, even if the
    /// store's answer was lost.
    pub(crate) async fn is_committed(&self) -> bool {
        self.sessions.is_live_under(self.before.id, &self.new_token).await
    }

    /// The session under its new token, once the change is done. `None`: it was rotated or ended
    /// since; the change is done all the same.
    pub(crate) async fn commit(self) -> Option<StartedSession> {
        let Self { sessions, before, new_token, .. } = self;
        sessions.session_under(new_token, &before).await
    }
}

impl Sessions {
    /// Prepares the session of `token` to be kept by a change of its user. `proof`
    /// is what the change proves.
    ///
    /// # Errors
    /// [`KeptSessionError`]; nothing has changed.
    pub(crate) async fn prepare_kept_session(
        &self,
        session: &Session,
        token: &Token,
        proof: Proof,
    ) -> Result<KeptSessionGuard, KeptSessionError> {
        let new_token = Token::generate(&self.service().entropy).map_err(StoreError::from)?;
        // Before the lock too: a silent store must not make others queue for the lock.
        self.require_live(session.id, token).await?;
        let lock = self.service().epoch_lock.exclusive().await?;
        if !self.opens(session.id, token).await? {
            // Asking for the reason may wait for leases, which is done without the lock.
            drop(lock);
            return Err(KeptSessionError::Ended(self.end_reason(token).await?));
        }
        let record = KeptSession {
            session: session.id.as_uuid(),
            from: *token.digest().as_bytes(),
            to: *new_token.digest().as_bytes(),
            proof,
        };
        Ok(KeptSessionGuard {
            sessions: self.clone(),
            before: session.clone(),
            old_token: token.clone(),
            new_token,
            record,
            lock: Some(lock),
        })
    }

    /// Applies the outcome of a change of an account to its sessions, before it is acknowledged.
    /// Where they are in another store, that store gets the new epoch. Then cache entries are
    /// invalidated, subscribers notified and leases waited for. Releases the lock of `kept`.
    ///
    /// # Errors
    /// The error of the change, or [`ChangeError::Store`] when the sessions' store fails.
    pub(crate) async fn account_changed(
        &self,
        user: UserId,
        changed: Result<Changed, ChangeError>,
        kept: Option<&mut KeptSessionGuard>,
    ) -> Result<Changed, ChangeError> {
        // Also after an error: another request may have changed the account just before, and this
        // answer has to hold on every server.
        self.service().leases.invalidate(Change::User(user));
        let ended = match &changed {
            Ok(Changed { ended: Some(ended), .. }) => Ok(*ended),
            Ok(changed) => {
                let record = kept.as_ref().map(|kept| kept.record);
                self.raise_epoch(&self.epoch_move(user, changed, record)).await
            }
            Err(_) => Ok(0),
        };
        if let Some(kept) = kept {
            kept.lock = None;
        }
        // Also where the store failed: no session of an earlier epoch is accepted any more.
        self.ended(EndScope::User(user)).await;
        Ok(Changed { ended: Some(ended?), ..changed? })
    }

    /// Checks compare epochs, so a move that is lost here ends the sessions at their next check.
    fn epoch_move(
        &self,
        user: UserId,
        changed: &Changed,
        survivor: Option<KeptSession>,
    ) -> EpochMove {
        let reason = match &changed.account {
            None => EpochReason::AccountDeleted,
            Some(account) => account.epoch_reason.unwrap_or(EpochReason::RevokedByAdmin),
        };
        EpochMove { user, to: changed.epoch, reason, survivor, at: self.now() }
    }

    /// Checks in the store that this token opens the live session of this id.
    ///
    /// # Errors
    /// [`KeptSessionError`]; it may not act any more.
    pub(crate) async fn require_live(
        &self,
        id: SessionId,
        token: &Token,
    ) -> Result<(), KeptSessionError> {
        if self.opens(id, token).await? {
            Ok(())
        } else {
            Err(KeptSessionError::Ended(self.end_reason(token).await?))
        }
    }

    /// Whether this token opens the live session of this id.
    async fn opens(&self, id: SessionId, token: &Token) -> Result<bool, StoreError> {
        let loaded = self.store().load(&token.digest()).await?;
        Ok(matches!(loaded, Loaded::Live(live) if live.id == id))
    }

    /// As [`Self::opens`]; `false` also when the store fails.
    pub(in crate::sessions) async fn is_live_under(&self, id: SessionId, token: &Token) -> bool {
        self.opens(id, token).await.unwrap_or(false)
    }

    /// The session that was `before`, as it is under this token; `None` if it is not live under it.
    /// A store that fails now cannot undo the change. Without the token the user would be signed
    /// out by an outage, so `before` is returned then.
    pub(in crate::sessions) async fn session_under(
        &self,
        token: Token,
        before: &Session,
    ) -> Option<StartedSession> {
        let session = match self.resume(&token).await {
            Ok(session) if session.id == before.id => session,
            // If the drawn token was in use, it belongs to another session.
            Ok(_) | Err(ResumeError::Ended(_) | ResumeError::Unknown) => return None,
            Err(ResumeError::Store(_)) => before.clone(),
        };
        Some(StartedSession { token, session, displaced: EndedByStart::default() })
    }
}
