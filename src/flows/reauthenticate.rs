//! Proving once more who one is, in a session that goes on.

use crate::accounts::{Accounts, AuthenticateError, Proof, UserId};
use crate::failure::StoreError;
use crate::sessions::{EndReason, ResumeError, Session, Sessions, StartedSession, Token};
use crate::throttle::Throttled;

/// Lets signed-in people prove themselves again.
#[derive(Clone)]
pub struct Reauthenticate {
    accounts: Accounts,
    sessions: Sessions,
}

/// Why the proof did not count.
#[derive(Debug, thiserror::Error)]
pub enum ReauthenticateError {
    /// The password is wrong.
    #[error("the password is wrong")]
    Refused,
    /// There were too many wrong passwords before; this one was not looked at.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// Too many passwords are being checked at once.
    #[error("too many sign-ins at once")]
    Busy,
    /// The session ended meanwhile.
    #[error("the session has ended: {}", .0.as_str())]
    Ended(EndReason),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AuthenticateError> for ReauthenticateError {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Refused => Self::Refused,
            AuthenticateError::Throttled(throttled) => Self::Throttled(throttled),
            AuthenticateError::Busy => Self::Busy,
            AuthenticateError::Store(error) => Self::Store(error),
        }
    }
}

impl From<ResumeError> for ReauthenticateError {
    fn from(error: ResumeError) -> Self {
        match error {
            ResumeError::Unknown => Self::Ended(EndReason::SignedOut),
            ResumeError::Ended(reason) => Self::Ended(reason),
            ResumeError::Store(error) => Self::Store(error),
        }
    }
}

impl Reauthenticate {
    /// Works with these rooms.
    #[must_use]
    pub fn new(accounts: Accounts, sessions: Sessions) -> Self {
        Self { accounts, sessions }
    }

    /// Checks the password and gives the session a new token. The change is refused if anything
    /// ended the session while the password was checked.
    ///
    /// # Errors
    /// [`ReauthenticateError`]; the session is as it was.
    pub async fn with_password(
        &self,
        user: UserId,
        (session, token): (&Session, &Token),
        proof: &Proof,
    ) -> Result<StartedSession, ReauthenticateError> {
        self.accounts.prove(user, proof).await?;
        let started = self.sessions.rotate(session, token, true).await?;
        tracing::info!(user.id = %user, session.id = %started.session.id, "reauthenticated");
        Ok(started)
    }
}
