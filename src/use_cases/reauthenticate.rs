//! Checks the password or a second factor again within a session, and rotates its token.

use super::sent_forms::FormTurn;
use super::{record_failed_check, run_to_completion};
use crate::accounts::{
    Accounts, FactorCheck, PasswordCheck, PasswordCheckError, Proof, TypedCode, User, UserId,
};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::sessions::{EndReason, ResumeError, Session, Sessions, StartedSession, Token};
use crate::throttle::Network;

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
            record_failed_check(&self.audit, &event, error, "wrong_password").await;
        }
        proven?;
        self.rotate(user, (session, token), (Proof::Password, event), form).await
    }

    /// Whether the account has a second factor, so that a code is worth more than the password.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn has_factor(&self, user: UserId) -> Result<bool, StoreError> {
        let account = self.accounts.find(user).await?;
        Ok(account.is_some_and(|account| account.factors.any()))
    }

    /// As [`Reauthenticate::with_password`], by a code of a second factor.
    ///
    /// # Errors
    /// [`ReauthenticateError`]; the session is as it was.
    pub async fn with_code(
        &self,
        user: &User,
        (session, token): (&Session, &Token),
        code: TypedCode,
        (by, form): (&By, &FormTurn),
    ) -> Result<StartedSession, ReauthenticateError> {
        let event = Event::new(Kind::Reauthenticated, by).about(user.id);
        let account = self.accounts.find(user.id).await?;
        let account = account.ok_or(ReauthenticateError::Ended(EndReason::AccountDeleted))?;
        let from = by.client.ip_address.map(Network::of);
        let check = FactorCheck { code, from, pending: None };
        let proven = self.accounts.prove_factor(&account, &check).await;
        if let Err(error) = &proven {
            record_failed_check(&self.audit, &event, error, "wrong_code").await;
        }
        let factor = proven?;
        let event = event.with("factor", factor.as_str());
        self.rotate(user, (session, token), (Proof::Factor(factor), event), form).await
    }

    async fn rotate(
        &self,
        user: &User,
        (session, token): (&Session, &Token),
        (proof, event): (Proof, Event),
        form: &FormTurn,
    ) -> Result<StartedSession, ReauthenticateError> {
        let (this, session, token) = (self.clone(), session.clone(), token.clone());
        let (user, form) = (user.clone(), form.clone());
        run_to_completion(async move {
            let started = this.sessions.rotate(&session, &token, proof).await?;
            form.done(&user, &started.token, started.session.remember_me);
            this.audit.record([event]).await;
            Ok(started)
        })
        .await?
    }
}
