//! A new password: every other session of the user ends, this one goes on under a new token.

use std::iter;

use super::credential_change::{ends, finish_credential_change};
use super::detached::run_to_completion;
use super::proofs;
use super::sent_forms::FormTurn;
use crate::accounts::{
    Accounts, AuthenticateError, Busy, Change, ChangeError, EpochRaise, EpochReason,
    NewPasswordError, Password, PasswordChange, PasswordCheck, User, WeakPassword,
};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::sessions::{EndReason, KeptSessionError, Session, Sessions, StartedSession, Token};
use crate::throttle::Throttled;

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
    /// The current password is wrong, or was changed by somebody else meanwhile.
    #[error("the current password is wrong")]
    Refused,
    /// The new password may not be used.
    #[error(transparent)]
    Weak(WeakPassword),
    /// There were too many wrong passwords before; this one was not looked at.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// Too many passwords are being checked at once.
    #[error(transparent)]
    Busy(#[from] Busy),
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
            AuthenticateError::Throttled(throttled) => Self::Throttled(throttled),
            AuthenticateError::Busy(busy) => Self::Busy(busy),
            AuthenticateError::Store(error) => Self::Store(error),
        }
    }
}

impl From<NewPasswordError> for ChangePasswordError {
    fn from(error: NewPasswordError) -> Self {
        match error {
            NewPasswordError::Weak(weak) => Self::Weak(weak),
            NewPasswordError::Busy(busy) => Self::Busy(busy),
            NewPasswordError::Store(error) => Self::Store(error),
        }
    }
}

impl From<KeptSessionError> for ChangePasswordError {
    fn from(error: KeptSessionError) -> Self {
        match error {
            KeptSessionError::Ended(reason) => Self::Ended(reason),
            KeptSessionError::Store(error) => Self::Store(error),
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
            | ChangeError::KeptSessionEnded
            | ChangeError::InvitationGone
            | ChangeError::EmailTaken
            | ChangeError::LastAdministrator => Self::Refused,
        }
    }
}

impl ChangePassword {
    /// Works with these rooms.
    #[must_use]
    pub fn new(accounts: Accounts, sessions: Sessions, audit: AuditTrail) -> Self {
        Self { accounts, sessions, audit }
    }

    /// Changes the password of `user`, whose session `session` is under the token `old`.
    ///
    /// The session under its new token; `None` where somebody ended it since.
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
        proofs::record_failure(&self.audit, &event, proven.as_ref().err()).await;
        let proven = proven?;
        let to = self.accounts.hash_new_password(new, (&user.email, &user.name)).await?;
        let mut kept = self.sessions.prepare_kept_session(session, old, true).await?;
        let raise =
            EpochRaise { reason: EpochReason::PasswordChanged, survivor: Some(kept.record()) };
        let change = Change {
            password: Some(PasswordChange { from: Some(proven.hash), to }),
            raise: Some(raise),
            ..Change::default()
        };
        let decide = move |_: &_| Some(change.clone());
        let (this, by, id, done) = (self.clone(), by.clone(), user.id, event.clone());
        let (form, owner, remember_me) = (form.clone(), user.clone(), session.remember_me);
        let (kept, changed) = run_to_completion(async move {
            let Self { accounts, sessions, audit } = this;
            let changed =
                finish_credential_change(&accounts, &sessions, id, Some(&mut kept), decide).await;
            if let Ok(changed) = &changed {
                form.done(&owner, kept.token(), remember_me);
                let ended = ends(changed, id, EpochReason::PasswordChanged, &by);
                audit.record(iter::once(done).chain(ended)).await;
            }
            (kept, changed)
        })
        .await?;
        match changed {
            Ok(_) => {}
            Err(ChangeError::KeptSessionEnded) => {
                return Err(ChangePasswordError::Ended(kept.end_reason().await?));
            }
            // Perhaps only the reply is lost: the session went on in the step of the change, so
            // that its new token proves it done, and nobody else can hand that over.
            Err(ChangeError::Store(_)) if kept.is_committed().await => {
                self.audit.record([event]).await;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(kept.commit().await)
    }
}
