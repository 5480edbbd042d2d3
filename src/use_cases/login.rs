//! Sign-in with a password.

use std::sync::Arc;

use super::pending::{SignIn, replaced_by_sign_in, second_step};
use super::sent_forms::FormTurn;
use super::{
    Dependencies, RequestingBrowser, new_session, outcome_of_check, record_failed_check,
    run_to_completion, send_confirmation, signed_in,
};
use crate::accounts::{
    Account, Accounts, Busy, Email, FailedSignIn, Password, PasswordCheck, PasswordCheckError,
    Status, User, UserId,
};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::mail::Mail;
use crate::metrics::{Metrics, SignInOutcome};
use crate::sessions::{
    Client, NewSession, Session, Sessions, StartError, StartedSession, TokenDigest, device_name,
};
use crate::throttle::Network;

/// How often a sign-in proves itself again when the sessions of its user were ended while the
/// password was hashed.
const MAX_PASSWORD_CHECKS: usize = 3;

/// Signs users in.
#[derive(Clone)]
pub struct Login {
    accounts: Accounts,
    sessions: Sessions,
    audit: AuditTrail,
    mail: Mail,
    metrics: Metrics,
}

/// A sign-in request.
#[derive(Debug)]
pub struct LoginRequest {
    /// The address.
    pub email: Email,
    /// The password.
    pub password: Password,
    /// Whether "remember me" was ticked.
    pub remember_me: bool,
    /// Who sent the request.
    pub from: RequestingBrowser,
    /// The lock of the submitted form.
    pub form: FormTurn,
}

/// Why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The password was not accepted.
    #[error(transparent)]
    PasswordCheck(#[from] PasswordCheckError),
    /// The user has as many sessions as allowed, and the policy refuses.
    #[error("the user has as many live sessions as allowed")]
    LimitReached,
    /// The password is right, but the address has to be confirmed first. The link was sent again.
    #[error("the address is not verified")]
    EmailUnverified,
}

impl From<StoreError> for LoginError {
    fn from(error: StoreError) -> Self {
        Self::PasswordCheck(error.into())
    }
}

impl Login {
    /// Creates the use case. Every attempt is counted in the metrics.
    #[must_use]
    pub fn new(on: &Dependencies) -> Self {
        let Dependencies { accounts, sessions, audit, mail, metrics } = on.clone();
        Self { accounts, sessions, audit, mail, metrics }
    }

    /// Signs a person in under a fresh token, or begins the second step. An unknown address takes as
    /// long as a wrong password, and fails alike.
    ///
    /// # Errors
    /// [`LoginError`]; no session has started, and the previous one continues.
    pub async fn with_password(&self, request: LoginRequest) -> Result<SignIn, LoginError> {
        let signed_in = self.sign_in(&request).await;
        // A pending sign-in is counted with its second step.
        if !matches!(signed_in, Ok(SignIn::Pending(_))) {
            self.metrics.sign_in(outcome_of(signed_in.as_ref().err()));
        }
        signed_in
    }

    async fn sign_in(&self, request: &LoginRequest) -> Result<SignIn, LoginError> {
        let LoginRequest { email, password, from: browser, .. } = request;
        let (client, language) = (&browser.client, browser.language);
        let from = client.ip_address.map(Network::of);
        let proof = PasswordCheck { password: password.clone(), from };
        for _ in 0..MAX_PASSWORD_CHECKS {
            let account = match self.accounts.authenticate(email, &proof).await {
                Ok(authenticated) => authenticated.account,
                Err(failed) => {
                    self.record_failure(client, &failed).await;
                    return Err(failed.error.into());
                }
            };
            if self.mail.awaits_confirmation(&account.user) {
                self.ask_for_verification(request, &account.user).await?;
                return Err(LoginError::EmailUnverified);
            }
            let (previous_token, previous) =
                self.replaced_session(request, account.user.id).await?;
            let step = (request.remember_me, previous_token);
            if let Some(pending) =
                second_step(&self.accounts, &self.sessions, &account, step).await?
            {
                // A right password without the second step may be a stolen one.
                let asked = Event::new(Kind::SecondFactorAsked, &By::anonymous(client.clone()));
                self.audit.record([asked.about(account.user.id)]).await;
                return Ok(SignIn::Pending(pending));
            }
            let browser = (client.clone(), previous_token);
            let beginning = new_session(&account, None, request.remember_me, browser);
            match self.start(&account, beginning, (previous, request.form.clone())).await? {
                Ok(started) => {
                    let device = device_name(&client.user_agent);
                    self.mail.note_use(&account.user, language, &device).await;
                    return Ok(SignIn::started(account.user, started));
                }
                // The password may be another by now: prove it again under the new epoch.
                Err(StartError::EpochMoved) => {}
                Err(StartError::LimitReached) => {
                    let event = failed_login(client, Some(&account.user));
                    self.audit.record([event.outcome("session_limit_reached")]).await;
                    return Err(LoginError::LimitReached);
                }
                Err(StartError::Store(error)) => return Err(error.into()),
            }
        }
        Err(PasswordCheckError::Busy(Busy::A_MOMENT).into())
    }

    /// Sends the link again: the password is right, and the owner may have lost it.
    async fn ask_for_verification(
        &self,
        request: &LoginRequest,
        user: &User,
    ) -> Result<(), StoreError> {
        let event = failed_login(&request.from.client, Some(user)).outcome("email_unverified");
        self.audit.record([event]).await;
        send_confirmation(&self.accounts, &self.mail, user, request.from.language).await
    }

    /// The session that ends when this one starts: the one that the same form started just before,
    /// or the one of the browser.
    async fn replaced_session(
        &self,
        request: &LoginRequest,
        user: UserId,
    ) -> Result<(Option<TokenDigest>, Option<Arc<Session>>), StoreError> {
        if let Some(earlier) = request.form.earlier().filter(|earlier| earlier.user == user)
            && let Ok(session) = self.sessions.resume_digest(&earlier.session).await
        {
            return Ok((Some(earlier.session), Some(Arc::new(session))));
        }
        replaced_by_sign_in(&self.accounts, &self.sessions, &request.from).await
    }

    async fn start(
        &self,
        account: &Account,
        beginning: NewSession,
        (previous, form): (Option<Arc<Session>>, FormTurn),
    ) -> Result<Result<StartedSession, StartError>, StoreError> {
        let (sessions, audit, user) =
            (self.sessions.clone(), self.audit.clone(), account.user.clone());
        run_to_completion(async move {
            let client = beginning.client.clone();
            let started = sessions.start(beginning).await?;
            form.done(&user, &started.token, started.session.remember_me);
            audit.record(signed_in(user.id, &started, previous.as_deref(), client)).await;
            Ok(started)
        })
        .await
    }

    /// The audit trail may say what the response must not.
    async fn record_failure(&self, client: &Client, failed: &FailedSignIn) {
        let user = failed.user.as_ref();
        let event = failed_login(client, user);
        let wrong = match user {
            Some(user) if user.status == Status::Disabled => "account_disabled",
            Some(_) => "wrong_password",
            None => "unknown_account",
        };
        record_failed_check(&self.audit, &event, &failed.error, wrong).await;
    }
}

/// Without the address: it may be a password that was typed into the wrong field.
fn failed_login(client: &Client, user: Option<&User>) -> Event {
    let event = Event::new(Kind::LoginFailed, &By::anonymous(client.clone()));
    Event { subject: user.map(|user| user.id), ..event }
}

fn outcome_of(error: Option<&LoginError>) -> SignInOutcome {
    match error {
        None => SignInOutcome::Ok,
        Some(LoginError::LimitReached) => SignInOutcome::Limit,
        Some(LoginError::EmailUnverified) => SignInOutcome::Unverified,
        Some(LoginError::PasswordCheck(error)) => outcome_of_check(error),
    }
}
