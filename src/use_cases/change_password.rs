//! Changes a password: ends the other sessions of the user and rotates the token of this one.

use std::iter;

use super::credential_change::{ends, finish_credential_change};
use super::sent_forms::FormTurn;
use super::{record_failed_check, run_to_completion};
use crate::accounts::{
    Accounts, Change, ChangeError, EpochRaise, EpochReason, NewPasswordError, Password,
    PasswordChange, PasswordCheck, PasswordCheckError, User, WeakPassword,
};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::sessions::{EndReason, Session, Sessions, StartedSession, Token};

/// Lets people change their own password.
#[derive(Clone)]
pub struct ChangePassword {
    accounts: Accounts,
    sessions: Sessions,
    audit: AuditTrail,
}

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The current password was not accepted, or has changed since the check.
    #[error(transparent)]
    PasswordCheck(#[from] PasswordCheckError),
    /// The policy rejects the new password.
    #[error(transparent)]
    Weak(WeakPassword),
    /// The session ended before the change.
    #[error("the session has ended: {}", .0.as_str())]
    Ended(EndReason),
}

impl From<StoreError> for ChangePasswordError {
    fn from(error: StoreError) -> Self {
        Self::PasswordCheck(error.into())
    }
}

impl From<NewPasswordError> for ChangePasswordError {
    fn from(error: NewPasswordError) -> Self {
        match error {
            NewPasswordError::Weak(weak) => Self::Weak(weak),
            NewPasswordError::Busy(busy) => Self::PasswordCheck(busy.into()),
            NewPasswordError::Store(error) => error.into(),
        }
    }
}

impl From<ChangeError> for ChangePasswordError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Store(error) => error.into(),
            // The account changed since the check, which was of the earlier password.
            ChangeError::NotFound
            | ChangeError::Moved
            | ChangeError::KeptSessionEnded
            | ChangeError::InvitationGone
            | ChangeError::EmailTaken
            | ChangeError::LastAdministrator => PasswordCheckError::Refused.into(),
        }
    }
}

impl ChangePassword {
    /// Creates the use case.
    #[must_use]
    pub fn new(accounts: Accounts, sessions: Sessions, audit: AuditTrail) -> Self {
        Self { accounts, sessions, audit }
    }

    /// Changes the password of `user`, whose session `session` is under the token `old`.
    ///
    /// The session under its new token; `None` if it ended since.
    ///
    /// # Errors
    /// [`ChangePasswordError`]; nothing has changed.
    pub async fn with_proof(
        &self,
        user: &User,
        (session, old): (&Session, &Token),
        (current, new): (&PasswordCheck, &Password),
        (by, form): (&By, &FormTurn),
    ) -> Result<Option<StartedSession>, ChangePasswordError> {
        let event = Event::new(Kind::PasswordChanged, by).about(user.id);
        let proven = self.accounts.prove(user.id, current).await;
        if let Err(error) = &proven {
            record_failed_check(&self.audit, &event, error).await;
        }
        let proven = proven?;
        let to = self.accounts.hash_new_password(new, (&user.email, &user.name)).await?;
        let (survivor, token) = self.sessions.survivor(session, old, true)?;
        let raise = EpochRaise { reason: EpochReason::PasswordChanged, survivor: Some(survivor) };
        let change = Change {
            password: Some(PasswordChange { from: Some(proven.hash), to }),
            raise: Some(raise),
            ..Change::default()
        };
        let decide = move |_: &_| Some(change.clone());
        let (this, by, id, done) = (self.clone(), by.clone(), user.id, event.clone());
        let (form, owner, kept) = (form.clone(), user.clone(), token.clone());
        let remember_me = session.remember_me;
        let settled = run_to_completion(async move {
            let Self { accounts, sessions, audit } = this;
            let changed =
                finish_credential_change(&accounts, &sessions, id, Some(survivor), decide).await?;
            form.done(&owner, &kept, remember_me);
            let ended = ends(&changed, id, EpochReason::PasswordChanged, &by);
            audit.record(iter::once(done).chain(ended)).await;
            Ok(changed)
        })
        .await?;
        match settled {
            Ok(_) => {}
            Err(ChangeError::KeptSessionEnded) => {
                return Err(ChangePasswordError::Ended(self.sessions.why_gone(old).await?));
            }
            // Perhaps only the reply is lost: the session went on in the step of the change, so
            // that its new token proves it done, and nobody else can hand that over.
            Err(ChangeError::Store(_)) if self.sessions.went_on(session.id, &token).await => {
                self.audit.record([event]).await;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(self.sessions.survived(token, session).await)
    }
}
