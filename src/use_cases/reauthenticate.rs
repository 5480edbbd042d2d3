//! Checks the password or a second factor again within a session, and rotates its token.

use super::sent_forms::FormTurn;
use super::{Dependencies, note_recovery_code, record_failed_check, run_to_completion, with_count};
use crate::accounts::{
    Accounts, Assertion, BrowserBinding, Factor, FactorCheck, PasskeyCheck, PasskeyCheckError,
    PasswordCheck, PasswordCheckError, Proof, TypedCode, User, UserId,
};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::mail::Mail;
use crate::sessions::{EndReason, ResumeError, Session, Sessions, StartedSession, Token};
use crate::throttle::Network;

/// Lets signed-in people prove themselves again.
#[derive(Clone)]
pub struct Reauthenticate {
    accounts: Accounts,
    sessions: Sessions,
    audit: AuditTrail,
    mail: Mail,
}

/// Why a user could not authenticate again.
#[derive(Debug, thiserror::Error)]
pub enum ReauthenticateError {
    /// The password was not accepted.
    #[error(transparent)]
    PasswordCheck(#[from] PasswordCheckError),
    /// The passkey was not accepted.
    #[error("the passkey was not accepted")]
    Passkey,
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
    pub fn new(on: &Dependencies) -> Self {
        let Dependencies { accounts, sessions, audit, mail, .. } = on.clone();
        Self { accounts, sessions, audit, mail }
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

    /// The second factors of the account, which are worth more than the password. Passkeys are left
    /// out where they are off.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn factors(&self, user: UserId) -> Result<(bool, bool), StoreError> {
        let account = self.accounts.find(user).await?;
        let factors = account.map(|account| account.factors).unwrap_or_default();
        Ok((factors.any(), factors.passkeys && self.accounts.passkeys_are_on()))
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
        note_recovery_code(&self.accounts, &self.mail, user, factor).await;
        let event = event.with("factor", factor.as_str());
        self.rotate(user, (session, token), (Proof::Factor(factor), event), form).await
    }

    /// As [`Reauthenticate::with_password`], by a passkey of the account.
    ///
    /// # Errors
    /// [`ReauthenticateError`]; the session is as it was.
    pub async fn with_passkey(
        &self,
        user: &User,
        (session, token): (&Session, &Token),
        assertion: Assertion,
        (by, form): (&By, &FormTurn),
    ) -> Result<StartedSession, ReauthenticateError> {
        let event = Event::new(Kind::Reauthenticated, by).about(user.id);
        let bindings = vec![BrowserBinding::session(session.id.as_uuid())];
        let check = PasskeyCheck { assertion, bindings, user: Some(user.id) };
        let proven = match self.accounts.prove_passkey(&check).await {
            Ok(proven) => proven,
            Err(PasskeyCheckError::Refused(refused)) => {
                self.audit.record([event.outcome(refused.why.as_str())]).await;
                return Err(ReauthenticateError::Passkey);
            }
            Err(PasskeyCheckError::Store(error)) => return Err(error.into()),
        };
        let event = event.with("factor", Factor::Passkey.as_str());
        let event = with_count(event, proven.count_went_back);
        self.rotate(user, (session, token), (Proof::Factor(Factor::Passkey), event), form).await
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
