//! Sign-up: creates an account and starts its first session.

use super::pending::{SignIn, second_step};
use super::sent_forms::FormTurn;
use super::{
    Dependencies, RequestingBrowser, ended_by_start, new_session, record_throttled_sign_up,
    run_to_completion,
};
use crate::accounts::{
    Account, Accounts, CreateError, Email, Name, NewUser, Password, Role, SetupLink, User,
};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::mail::Mail;
use crate::metrics::{Metrics, SignUpOutcome};
use crate::sessions::{Client, Session, Sessions, StartError, StartedSession, Token, device_name};
use crate::throttle::Network;

/// Signs users up.
#[derive(Clone)]
pub struct Signup {
    pub(super) accounts: Accounts,
    pub(super) sessions: Sessions,
    link: SetupLink,
    pub(super) audit: AuditTrail,
    pub(super) mail: Mail,
    metrics: Metrics,
}

/// A sign-up request.
#[derive(Debug)]
pub struct SignupRequest {
    /// The address to sign in with.
    pub email: Email,
    /// How the person wants to be called; may be empty.
    pub name: Name,
    /// The password.
    pub password: Password,
    /// Who sent the request.
    pub from: RequestingBrowser,
    /// The lock of the submitted form.
    pub form: FormTurn,
}

/// Why a sign-up failed.
#[derive(Debug, thiserror::Error)]
pub enum SignupError {
    /// No account was made.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// The setup link is used, expired or no longer needed.
    #[error("the setup link does not work")]
    LinkRefused,
    /// The account exists, but its owner has to sign in.
    #[error("the account was made, but no session started")]
    NotStarted(#[from] StartError),
}

impl From<StoreError> for SignupError {
    fn from(error: StoreError) -> Self {
        Self::Create(CreateError::Store(error))
    }
}

impl Signup {
    /// Creates the use case; `link` is for the first administrator. Every attempt is counted in the
    /// metrics.
    #[must_use]
    pub fn new(on: &Dependencies, link: SetupLink) -> Self {
        let Dependencies { accounts, sessions, audit, mail, metrics } = on.clone();
        Self { accounts, sessions, link, audit, mail, metrics }
    }

    /// Whether an address has to be confirmed before its owner can sign in, so that
    /// [`Signup::by_mail`] is the way.
    #[must_use]
    pub fn is_by_mail(&self) -> bool {
        self.mail.requires_verification()
    }

    /// Makes an account and starts its first session.
    ///
    /// # Errors
    /// [`SignupError`] says whether the account was made.
    pub async fn with_password(&self, request: SignupRequest) -> Result<SignIn, SignupError> {
        let signed_up = self.make(request, Role::User).await;
        self.counted(signed_up)
    }

    /// Whether a setup link of this secret can still be used.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn link_works(&self, token: &str) -> Result<bool, StoreError> {
        Ok(self.link.works(token) && !self.accounts.has_administrator().await?)
    }

    /// Makes the first administrator and starts their first session. The link is used up once
    /// the account is made, and works again if it is not.
    ///
    /// # Errors
    /// [`SignupError`] says whether the account was made.
    pub async fn first_administrator(
        &self,
        token: &str,
        request: SignupRequest,
    ) -> Result<SignIn, SignupError> {
        let signed_up = self.by_link(token, request).await;
        self.counted(signed_up)
    }

    async fn by_link(&self, token: &str, request: SignupRequest) -> Result<SignIn, SignupError> {
        let claim = self.link.claim(token).ok_or(SignupError::LinkRefused)?;
        match self.make(request, Role::Admin).await {
            Err(SignupError::Create(CreateError::AdministratorExists)) => {
                claim.used_up();
                Err(SignupError::LinkRefused)
            }
            Err(SignupError::Create(error)) => Err(SignupError::Create(error)),
            made => {
                claim.used_up();
                made
            }
        }
    }

    async fn make(&self, request: SignupRequest, role: Role) -> Result<SignIn, SignupError> {
        let is_admin = role == Role::Admin;
        let new = NewUser {
            email: request.email,
            email_verified: is_admin,
            name: request.name,
            role,
            password: request.password,
        };
        let RequestingBrowser { client, previous_token, previous_session, language } = request.from;
        let (previous_token, form) = (previous_token.as_ref().map(Token::digest), request.form);
        let this = self.clone();
        run_to_completion(async move {
            let from = client.ip_address.map(Network::of);
            let made = if is_admin {
                this.accounts.set_up(new, from).await
            } else {
                let mail = this.mail.clone();
                let letter = move |user: &User| mail.letter_in(language, user);
                this.accounts.sign_up(new, from, letter).await
            };
            if let Err(error) = &made {
                let by = By::anonymous(client.clone());
                record_throttled_sign_up(&this.audit, error, &by).await;
            }
            let account = made?;
            this.mail.wake();
            let step = (false, previous_token);
            if let Some(pending) =
                second_step(&this.accounts, &this.sessions, &account, step).await?
            {
                this.record(&account, None, None, client).await;
                return Ok(SignIn::Pending(pending));
            }
            let device = device_name(&client.user_agent);
            this.mail.note_use(&account.user, language, &device).await;
            let browser = (client.clone(), previous_token);
            let started = this.sessions.start(new_session(&account, None, false, browser)).await;
            if let Ok(started) = &started {
                form.done(&account.user, &started.token, false);
            }
            this.record(&account, started.as_ref().ok(), previous_session.as_deref(), client).await;
            Ok(SignIn::started(account.user, started?))
        })
        .await?
    }

    /// The account was made whether a session started or not.
    async fn record(
        &self,
        Account { user, .. }: &Account,
        started: Option<&StartedSession>,
        previous: Option<&Session>,
        client: Client,
    ) {
        let by = match started {
            Some(started) => By::user(user.id, started.session.id, client),
            None => By::anonymous(client),
        };
        let mut events = Vec::new();
        if user.role == Role::Admin {
            events.push(Event::new(Kind::SetupUsed, &by).about(user.id));
        }
        events.push(Event::new(Kind::Signup, &by).about(user.id).with("role", user.role.as_str()));
        if let Some(started) = started {
            events.extend(ended_by_start(&started.displaced, previous, user.id, &by));
        }
        self.audit.record(events).await;
    }

    pub(super) fn counted<T>(&self, outcome: Result<T, SignupError>) -> Result<T, SignupError> {
        self.metrics.sign_up(outcome_of(outcome.as_ref().err()));
        outcome
    }
}

fn outcome_of(error: Option<&SignupError>) -> SignUpOutcome {
    match error {
        None => SignUpOutcome::Ok,
        Some(SignupError::Create(CreateError::Weak(_))) => SignUpOutcome::WeakPassword,
        Some(SignupError::Create(CreateError::EmailTaken)) => SignUpOutcome::EmailTaken,
        Some(SignupError::Create(CreateError::Throttled(_))) => SignUpOutcome::Throttled,
        Some(SignupError::Create(CreateError::Busy(_))) => SignUpOutcome::Busy,
        Some(SignupError::Create(CreateError::Store(_))) => SignUpOutcome::Unavailable,
        Some(SignupError::LinkRefused | SignupError::Create(CreateError::AdministratorExists)) => {
            SignUpOutcome::LinkRefused
        }
        Some(SignupError::NotStarted(_)) => SignUpOutcome::NotStarted,
    }
}
