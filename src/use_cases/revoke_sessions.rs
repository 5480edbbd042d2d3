//! Revokes one session, all sessions of a user, or all but the current one.

use super::credential_change::{ends, finish_credential_change};
use super::run_to_completion;
use crate::accounts::{Accounts, Change, ChangeError, EpochRaise, EpochReason, Proof, UserId};
use crate::audit::{AuditTrail, By, Event};
use crate::failure::StoreError;
use crate::sessions::{
    EndReason, KeptSessionError, KeptSessionGuard, LiveChild, Session, SessionId, Sessions,
    StartedSession, Token,
};

/// Ends sessions that others asked for: one, those of a user, or all but the one that asks.
#[derive(Clone)]
pub struct RevokeSessions {
    accounts: Accounts,
    sessions: Sessions,
    audit: AuditTrail,
}

/// Why sessions were not ended.
#[derive(Debug, thiserror::Error)]
pub enum RevokeSessionsError {
    /// There is no such account.
    #[error("no such account")]
    NotFound,
    /// The current session has ended; it can end no others.
    #[error("the session has ended: {}", .0.as_str())]
    Ended(EndReason),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ChangeError> for RevokeSessionsError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Store(error) => Self::Store(error),
            ChangeError::NotFound => Self::NotFound,
            error => Self::Store(StoreError::backend(error)),
        }
    }
}

impl From<KeptSessionError> for RevokeSessionsError {
    fn from(error: KeptSessionError) -> Self {
        match error {
            KeptSessionError::Ended(reason) => Self::Ended(reason),
            KeptSessionError::Store(error) => Self::Store(error),
        }
    }
}

impl RevokeSessions {
    /// Creates the use case.
    #[must_use]
    pub fn new(accounts: Accounts, sessions: Sessions, audit: AuditTrail) -> Self {
        Self { accounts, sessions, audit }
    }

    /// Ends one session, of `of` if given. `false`: there is no such live session.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown whether the session ended.
    pub async fn one(
        &self,
        id: SessionId,
        of: Option<UserId>,
        reason: EndReason,
        by: &By,
    ) -> Result<bool, StoreError> {
        let (this, by) = (self.clone(), by.clone());
        run_to_completion(async move {
            let child = this.sessions.find_child(id).await?;
            let revoked = this.sessions.revoke_with_owner(id, of, reason).await?;
            if revoked.ended {
                let event = Event::session_ended(id, reason, &by);
                let event = match &child {
                    Some(LiveChild { child, parent }) => Event {
                        subject: parent.owner.user(),
                        ..event
                            .with("origin", child.origin.as_str())
                            .with("parent", child.parent.to_string())
                    },
                    None => Event { subject: revoked.owner, ..event },
                };
                this.audit.record([event]).await;
            }
            Ok(revoked.ended)
        })
        .await?
    }

    /// Ends every session of `user` but `session`, which goes on under a new token. How many
    /// ended, and the session under its new token; `None` if it ended since.
    ///
    /// # Errors
    /// [`RevokeSessionsError`] says what has ended.
    pub async fn others(
        &self,
        user: UserId,
        (session, old): (&Session, &Token),
        by: &By,
    ) -> Result<(u64, Option<StartedSession>), RevokeSessionsError> {
        let kept = self.sessions.prepare_kept_session(session, old, Proof::Nothing).await?;
        let raise =
            EpochRaise { reason: EpochReason::RevokedByUser, survivor: Some(kept.record()) };
        let (kept, revoked) = self.raise(user, raise, Some(kept), by).await?;
        let revoked = match (revoked, &kept) {
            (Err(ChangeError::KeptSessionEnded), Some(kept)) => {
                return Err(RevokeSessionsError::Ended(kept.end_reason().await?));
            }
            (revoked, _) => revoked?,
        };
        let started = match kept {
            Some(kept) => kept.commit().await,
            None => None,
        };
        Ok((revoked, started))
    }

    /// Ends every session of `user`. How many ended.
    ///
    /// # Errors
    /// [`RevokeSessionsError`]; then it is unknown whether they ended.
    pub async fn all(
        &self,
        user: UserId,
        reason: EpochReason,
        by: &By,
    ) -> Result<u64, RevokeSessionsError> {
        let (_, revoked) =
            self.raise(user, EpochRaise { reason, survivor: None }, None, by).await?;
        Ok(revoked?)
    }

    async fn raise(
        &self,
        user: UserId,
        raise: EpochRaise,
        mut kept: Option<KeptSessionGuard>,
        by: &By,
    ) -> Result<(Option<KeptSessionGuard>, Result<u64, ChangeError>), StoreError> {
        let reason = raise.reason;
        let change = Change { raise: Some(raise), ..Change::default() };
        let decide = move |_: &_| Some(change.clone());
        let (this, by) = (self.clone(), by.clone());
        run_to_completion(async move {
            let Self { accounts, sessions, audit } = this;
            let changed =
                finish_credential_change(&accounts, &sessions, user, kept.as_mut(), decide).await;
            if let Ok(changed) = &changed {
                audit.record(ends(changed, user, reason, &by)).await;
            }
            (kept, changed.map(|changed| changed.ended.unwrap_or(0)))
        })
        .await
    }
}
