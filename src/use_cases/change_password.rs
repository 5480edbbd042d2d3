//! Changes a password: ends the other sessions of the user and rotates the token of this one.

use std::iter;

use super::credential_change::{commit_kept, ends, finish_credential_change};
use super::sent_forms::FormTurn;
use super::{Dependencies, record_failed_check, run_to_completion};
use crate::accounts::{
    Accounts, Change, ChangeError, EpochRaise, EpochReason, LetterKind, NewPasswordError, Password,
    PasswordChange, PasswordCheck, PasswordCheckError, Proof, User, WeakPassword,
};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::mail::Mail;
use crate::sessions::{EndReason, KeptSessionError, Session, Sessions, StartedSession, Token};

/// Lets people change their own password.
#[derive(Clone)]
pub struct ChangePassword {
    accounts: Accounts,
    sessions: Sessions,
    audit: AuditTrail,
    mail: Mail,
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

impl From<KeptSessionError> for ChangePasswordError {
    fn from(error: KeptSessionError) -> Self {
        match error {
            KeptSessionError::Ended(reason) => Self::Ended(reason),
            KeptSessionError::Store(error) => error.into(),
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
            | ChangeError::LinkGone
            | ChangeError::TooManyLetters
            | ChangeError::FactorGone
            | ChangeError::CredentialTaken
            | ChangeError::EmailTaken
            | ChangeError::Groups(_)
            | ChangeError::LastAdministrator => PasswordCheckError::Refused.into(),
        }
    }
}

impl ChangePassword {
    /// Creates the use case.
    #[must_use]
    pub fn new(on: &Dependencies) -> Self {
        let Dependencies { accounts, sessions, audit, mail, .. } = on.clone();
        Self { accounts, sessions, audit, mail }
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
            record_failed_check(&self.audit, &event, error, "wrong_password").await;
        }
        let proven = proven?;
        let to = self.accounts.hash_new_password(new, (&user.email, &user.name)).await?;
        let mut kept = self.sessions.prepare_kept_session(session, old, Proof::Password).await?;
        let raise =
            EpochRaise { reason: EpochReason::PasswordChanged, survivor: Some(kept.record()) };
        let letter = self.mail.letter(LetterKind::PasswordChanged, user);
        let change = Change {
            password: Some(PasswordChange { from: Some(proven.hash), to }),
            raise: Some(raise),
            letters: letter.map_err(StoreError::from)?.into_iter().collect(),
            ..Change::default()
        };
        let decide = move |_: &_| Some(change.clone());
        let (this, by, id, done) = (self.clone(), by.clone(), user.id, event.clone());
        let (form, owner, remember_me) = (form.clone(), user.clone(), session.remember_me);
        let (kept, changed) = run_to_completion(async move {
            let Self { accounts, sessions, audit, mail } = this;
            let changed =
                finish_credential_change(&accounts, &sessions, id, Some(&mut kept), decide).await;
            mail.wake();
            if let Ok(changed) = &changed {
                form.done(&owner, kept.token(), remember_me);
                let ended = ends(changed, id, EpochReason::PasswordChanged, &by);
                audit.record(iter::once(done).chain(ended)).await;
            }
            (kept, changed)
        })
        .await?;
        commit_kept(kept, changed, (&self.audit, [event])).await
    }
}
