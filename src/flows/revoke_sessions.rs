//! Ending all sessions of a user, or all but the one that asks.

use super::settle::settle;
use crate::accounts::{Accounts, Change, ChangeError, EpochRaise, EpochReason, UserId};
use crate::failure::StoreError;
use crate::sessions::{EndReason, Session, Sessions, StartedSession, Token};

/// Ends sessions in numbers.
#[derive(Clone)]
pub struct RevokeSessions {
    accounts: Accounts,
    sessions: Sessions,
}

/// Why sessions were not ended.
#[derive(Debug, thiserror::Error)]
pub enum RevokeSessionsError {
    /// There is no such account.
    #[error("no such account")]
    NotFound,
    /// This session has ended meanwhile; it can end no others.
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

impl RevokeSessions {
    /// Works with these rooms.
    #[must_use]
    pub fn new(accounts: Accounts, sessions: Sessions) -> Self {
        Self { accounts, sessions }
    }

    /// Ends every session of `user` but `session`, which goes on under a new token. How many
    /// ended, and the session under its new token.
    ///
    /// # Errors
    /// [`RevokeSessionsError`] says what has ended.
    pub async fn others(
        &self,
        user: UserId,
        session: &Session,
        old: &Token,
    ) -> Result<(u64, StartedSession), RevokeSessionsError> {
        let (survivor, token) = self.sessions.survivor(session, old, false)?;
        let raise = EpochRaise { reason: EpochReason::RevokedByUser, survivor: Some(survivor) };
        let revoked = match self.raise(user, raise).await {
            Err(ChangeError::SurvivorGone) => {
                return Err(RevokeSessionsError::Ended(self.sessions.why_gone(old).await?));
            }
            revoked => revoked?,
        };
        let survived = self.sessions.survived(token, session, EndReason::RevokedByUser).await;
        survived.map(|started| (revoked, started)).map_err(RevokeSessionsError::Ended)
    }

    /// Ends every session of `user`. How many ended.
    ///
    /// # Errors
    /// [`RevokeSessionsError`]; then it is unknown whether they ended.
    pub async fn all(&self, user: UserId, reason: EpochReason) -> Result<u64, RevokeSessionsError> {
        Ok(self.raise(user, EpochRaise { reason, survivor: None }).await?)
    }

    async fn raise(&self, user: UserId, raise: EpochRaise) -> Result<u64, ChangeError> {
        let survivor = raise.survivor;
        let change = Change { raise: Some(raise), ..Change::default() };
        let decide = move |_: &_| Some(change.clone());
        let changed = settle(&self.accounts, &self.sessions, user, survivor, decide).await?;
        let revoked = changed.ended.unwrap_or(0);
        tracing::info!(user.id = %user, revoked, "sessions revoked");
        Ok(revoked)
    }
}
