//! A new password: every other session of the user ends, this one goes on under a new token.

use super::settle::settle;
use crate::accounts::{
    Accounts, AuthenticateError, Change, ChangeError, EpochRaise, EpochReason, NewPasswordError,
    Password, PasswordChange, User, WeakPassword,
};
use crate::failure::StoreError;
use crate::sessions::{EndReason, Session, Sessions, StartedSession, Token};

/// Lets people change their own password.
#[derive(Clone)]
pub struct ChangePassword {
    accounts: Accounts,
    sessions: Sessions,
}

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The current password is wrong, or was changed by somebody else meanwhile.
    #[error("the current password is wrong")]
    Refused,
    /// The new password may not be used.
    #[error(transparent)]
    Weak(WeakPassword),
    /// Too many passwords are being checked at once.
    #[error("too many sign-ins at once")]
    Busy,
    /// This session ended meanwhile.
    #[error("the session has ended: {}", .0.as_str())]
    Ended(EndReason),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AuthenticateError> for ChangePasswordError {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Refused => Self::Refused,
            AuthenticateError::Busy => Self::Busy,
            AuthenticateError::Store(error) => Self::Store(error),
        }
    }
}

impl From<NewPasswordError> for ChangePasswordError {
    fn from(error: NewPasswordError) -> Self {
        match error {
            NewPasswordError::Weak(weak) => Self::Weak(weak),
            NewPasswordError::Busy => Self::Busy,
            NewPasswordError::Store(error) => Self::Store(error),
        }
    }
}

impl From<ChangeError> for ChangePasswordError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Store(error) => Self::Store(error),
            // Somebody else changed the account first: the proof was of the password before.
            ChangeError::NotFound
            | ChangeError::Moved
            | ChangeError::SurvivorGone
            | ChangeError::EmailTaken
            | ChangeError::LastAdministrator => Self::Refused,
        }
    }
}

impl ChangePassword {
    /// Works with these rooms.
    #[must_use]
    pub fn new(accounts: Accounts, sessions: Sessions) -> Self {
        Self { accounts, sessions }
    }

    /// Changes the password of `user`, whose session `session` is under the token `old`.
    ///
    /// # Errors
    /// [`ChangePasswordError`]; nothing has changed, unless the session was ended by somebody else
    /// right after its own change.
    pub async fn with_proof(
        &self,
        user: &User,
        (session, old): (&Session, &Token),
        current: &Password,
        new: &Password,
    ) -> Result<StartedSession, ChangePasswordError> {
        let proven = self.accounts.prove(user.id, current).await?;
        let to = self.accounts.hash_new_password(new, (&user.email, &user.name)).await?;
        let (survivor, token) = self.sessions.survivor(session, old, true)?;
        let raise = EpochRaise { reason: EpochReason::PasswordChanged, survivor: Some(survivor) };
        let change = Change {
            password: Some(PasswordChange { from: Some(proven.hash), to }),
            raise: Some(raise),
            ..Change::default()
        };
        let decide = move |_: &_| Some(change.clone());
        let settled = settle(&self.accounts, &self.sessions, user.id, Some(survivor), decide).await;
        match settled {
            Ok(_) => {}
            Err(ChangeError::SurvivorGone) => {
                return Err(ChangePasswordError::Ended(self.sessions.why_gone(old).await?));
            }
            // Perhaps only the reply is lost: the session went on in the step of the change, so
            // that its new token proves it done, and nobody else can hand that over.
            Err(ChangeError::Store(_)) if self.sessions.went_on(session.id, &token).await => {}
            Err(error) => return Err(error.into()),
        }
        tracing::info!(user.id = %user.id, session.id = %session.id, "password changed");
        let survived = self.sessions.survived(token, session, EndReason::PasswordChanged).await;
        survived.map_err(ChangePasswordError::Ended)
    }
}
