//! Checks the password again within a session, and rotates its token.

use super::sent_forms::FormTurn;
use super::{record_failed_check, run_to_completion};
use crate::accounts::{Accounts, PasswordCheck, PasswordCheckError, User};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::sessions::{EndReason, ResumeError, Session, Sessions, StartedSession, Token};

/// Lets signed-in people prove themselves again.
#[derive(Clone)]
pub struct Reauthenticate {
    accounts: Accounts,
    sessions: Sessions,
    audit: AuditTrail,
}

/// Why a user could not authenticate again.
#[derive(Debug, thiserror::Error)]
pub enum ReauthenticateError {
    /// The password was not accepted.
    #[error(transparent)]
    PasswordCheck(#[from] PasswordCheckError),
    /// The session ended during the check.
    #[error("the session has ended: {}", .0.as_str())]
    Ended(EndReason),
}

impl From<StoreError> for ReauthenticateError {
    fn from(error: StoreError) -> Self {
        Self::PasswordCheck(error.into())
    }
}

impl From<ResumeError> for ReauthenticateError {
    fn from(error: ResumeError) -> Self {
        match error {
            ResumeError::Unknown => Self::Ended(EndReason::SignedOut),
            ResumeError::Ended(reason) => Self::Ended(reason),
            ResumeError::Store(error) => error.into(),
        }
    }
}

impl Reauthenticate {
    /// Creates the use case.
    #[must_use]
    pub fn new(accounts: Accounts, sessions: Sessions, audit: AuditTrail) -> Self {
        Self { accounts, sessions, audit }
    }

    /// Checks the password and gives the session a new token. The change is refused if anything
    /// ended the session while the password was checked.
    ///
    /// # Errors
    /// [`ReauthenticateError`]; the session is as it was.
    pub async fn with_password(
        &self,
        user: &User,
        (session, token): (&Session, &Token),
        proof: &PasswordCheck,
        (by, form): (&By, &FormTurn),
    ) -> Result<StartedSession, ReauthenticateError> {
        let event = Event::new(Kind::Reauthenticated, by).about(user.id);
        let proven = self.accounts.prove(user.id, proof).await;
        if let Err(error) = &proven {
            record_failed_check(&self.audit, &event, error).await;
        }
        proven?;
        let (this, session, token) = (self.clone(), session.clone(), token.clone());
        let (user, form) = (user.clone(), form.clone());
        run_to_completion(async move {
            let started = this.sessions.rotate(&session, &token, true).await?;
            form.done(&user, &started.token, started.session.remember_me);
            this.audit.record([event]).await;
            Ok(started)
        })
        .await?
    }
}
