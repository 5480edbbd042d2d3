//! Sign-in with a passkey alone.

use super::pending::{digest_of, keeps_passkey, replaced_by_sign_in};
use super::{
    Dependencies, RequestingBrowser, new_session, run_to_completion, send_confirmation, signed_in,
    with_count,
};
use crate::accounts::{
    Account, Accounts, Assertion, BrowserBinding, Factor, PasskeyCheck, PasskeyCheckError,
    ProvenPasskey, Status, User,
};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::mail::Mail;
use crate::metrics::{Metrics, SignInOutcome};
use crate::sessions::{
    Client, NewSession, SessionPasskey, Sessions, StartError, StartedSession, TokenDigest,
    device_name,
};

/// How often a sign-in begins again when the sessions of its user were ended meanwhile.
const MOST_STARTS: usize = 3;

/// Signs users in with a passkey, which proves as much as a password and a second factor.
#[derive(Clone)]
pub struct PasskeySignIn {
    accounts: Accounts,
    sessions: Sessions,
    audit: AuditTrail,
    mail: Mail,
    metrics: Metrics,
}

/// A sign-in with a passkey.
#[derive(Debug)]
pub struct PasskeySignInRequest {
    /// The answer of the browser.
    pub assertion: Assertion,
    /// The binding of the browser, if a challenge was given to it while nobody was signed in.
    pub browser: Option<BrowserBinding>,
    /// Whether "remember me" was ticked.
    pub remember_me: bool,
    /// Who sent the request.
    pub from: RequestingBrowser,
}

/// Why a sign-in with a passkey failed.
#[derive(Debug, thiserror::Error)]
pub enum PasskeySignInError {
    /// The passkey or its challenge is wrong, or its owner is disabled.
    #[error("the passkey was not accepted")]
    Refused,
    /// Nobody has this passkey: the id of its credential, for the browser to forget it.
    #[error("nobody has this passkey")]
    Unknown(String),
    /// The user has as many sessions as allowed, and the policy refuses.
    #[error("the user has as many live sessions as allowed")]
    LimitReached,
    /// The passkey is right, but the address has to be confirmed first. The link was sent again.
    #[error("the address is not verified")]
    EmailUnverified,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PasskeySignIn {
    /// Creates the use case. Every attempt is counted in the metrics.
    #[must_use]
    pub fn new(on: &Dependencies) -> Self {
        let Dependencies { accounts, sessions, audit, mail, metrics } = on.clone();
        Self { accounts, sessions, audit, mail, metrics }
    }

    /// Signs a person in under a fresh token.
    ///
    /// # Errors
    /// [`PasskeySignInError`]; no session has started, and the previous one continues.
    pub async fn sign_in(
        &self,
        request: PasskeySignInRequest,
    ) -> Result<(User, StartedSession), PasskeySignInError> {
        let signed_in = self.prove_and_start(request).await;
        self.metrics.sign_in(outcome_of(signed_in.as_ref().err()));
        signed_in
    }

    async fn prove_and_start(
        &self,
        request: PasskeySignInRequest,
    ) -> Result<(User, StartedSession), PasskeySignInError> {
        let PasskeySignInRequest { assertion, browser, from, .. } = &request;
        // The challenge may also be that of a second step.
        let token = from.previous_token.as_ref();
        let pending = token.map(|token| BrowserBinding::pending(&digest_of(token)));
        let bindings = browser.iter().copied().chain(pending).collect();
        let check = PasskeyCheck { assertion: assertion.clone(), bindings, user: None };
        let proven = match self.accounts.prove_passkey(&check).await {
            Ok(proven) => proven,
            Err(PasskeyCheckError::Refused(refused)) => {
                let failed = Event::new(Kind::LoginFailed, &By::anonymous(from.client.clone()));
                let failed = Event { subject: refused.user, ..failed };
                self.audit.record([failed.outcome(refused.why.as_str())]).await;
                return Err(if refused.is_unknown() {
                    PasskeySignInError::Unknown(assertion.credential_name())
                } else {
                    PasskeySignInError::Refused
                });
            }
            Err(PasskeyCheckError::Store(error)) => return Err(error.into()),
        };
        let user = &proven.account.user;
        if self.mail.awaits_confirmation(user) {
            self.ask_for_verification(&request, user).await?;
            return Err(PasskeySignInError::EmailUnverified);
        }
        let this = self.clone();
        run_to_completion(async move { this.start(request, proven).await }).await?
    }

    async fn ask_for_verification(
        &self,
        request: &PasskeySignInRequest,
        user: &User,
    ) -> Result<(), StoreError> {
        self.record_failure(&request.from.client, user, "email_unverified").await;
        send_confirmation(&self.accounts, &self.mail, user, request.from.language).await
    }

    async fn record_failure(&self, client: &Client, user: &User, outcome: &'static str) {
        let failed = Event::new(Kind::LoginFailed, &By::anonymous(client.clone()));
        self.audit.record([failed.about(user.id).outcome(outcome)]).await;
    }

    async fn start(
        &self,
        request: PasskeySignInRequest,
        proven: ProvenPasskey,
    ) -> Result<(User, StartedSession), PasskeySignInError> {
        let ProvenPasskey { id, account, count_went_back } = proven;
        let passkey = SessionPasskey { id, is_alone: true };
        let (previous_token, previous) =
            replaced_by_sign_in(&self.accounts, &self.sessions, &request.from).await?;
        let start = (passkey, previous_token);
        let (account, started) = self.start_session(&request, account, start).await?;
        let RequestingBrowser { client, language, .. } = request.from;
        let user = account.user;
        if !keeps_passkey(&self.accounts, &self.sessions, &started.session).await? {
            self.record_failure(&client, &user, "unknown_passkey").await;
            return Err(PasskeySignInError::Refused);
        }
        let device = device_name(&client.user_agent);
        let events = signed_in(user.id, &started, previous.as_deref(), client);
        let events = events.into_iter().map(|event| with_count(event, count_went_back));
        self.audit.record(events).await;
        self.mail.note_use(&user, language, &device).await;
        Ok((user, started))
    }

    /// Starts the session, under the epoch that the account has now.
    async fn start_session(
        &self,
        request: &PasskeySignInRequest,
        mut account: Account,
        (passkey, previous_token): (SessionPasskey, Option<TokenDigest>),
    ) -> Result<(Account, StartedSession), PasskeySignInError> {
        for _ in 0..MOST_STARTS {
            let user = &account.user;
            if user.status != Status::Active {
                self.record_failure(&request.from.client, user, "account_disabled").await;
                return Err(PasskeySignInError::Refused);
            }
            let browser = (request.from.client.clone(), previous_token);
            let factor = Some(Factor::Passkey);
            let beginning = new_session(&account, factor, request.remember_me, browser);
            let beginning = NewSession { passkey: Some(passkey), ..beginning };
            match self.sessions.start(beginning).await {
                Ok(started) => return Ok((account, started)),
                Err(StartError::LimitReached) => {
                    self.record_failure(&request.from.client, user, "session_limit_reached").await;
                    return Err(PasskeySignInError::LimitReached);
                }
                Err(StartError::Store(error)) => return Err(error.into()),
                Err(StartError::EpochMoved) => {
                    let found = self.accounts.find(user.id).await?;
                    account = found.ok_or(PasskeySignInError::Refused)?;
                }
            }
        }
        Err(PasskeySignInError::Refused)
    }
}

fn outcome_of(error: Option<&PasskeySignInError>) -> SignInOutcome {
    match error {
        None => SignInOutcome::Ok,
        Some(PasskeySignInError::Refused | PasskeySignInError::Unknown(_)) => {
            SignInOutcome::Refused
        }
        Some(PasskeySignInError::LimitReached) => SignInOutcome::Limit,
        Some(PasskeySignInError::EmailUnverified) => SignInOutcome::Unverified,
        Some(PasskeySignInError::Store(_)) => SignInOutcome::Unavailable,
    }
}
