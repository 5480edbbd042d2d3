//! The second step of a sign-in: a code turns a pending session into a session.

use super::pending::{digest_of, keeps_passkey, session_before};
use super::sent_forms::FormTurn;
use super::{
    Dependencies, new_session, note_recovery_code, outcome_of_check, record_failed_check,
    run_to_completion, signed_in, with_count,
};
use crate::accounts::{
    Account, Accounts, Assertion, BrowserBinding, Factor, FactorCheck, PasskeyCheck,
    PasskeyCheckError, PasswordCheckError, PendingPurpose, PendingSession, TypedCode, User,
};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::mail::Mail;
use crate::metrics::{Metrics, SignInOutcome};
use crate::sessions::{
    Client, LimitPolicy, NewSession, SessionPasskey, Sessions, StartError, StartedSession, Token,
    device_name,
};
use crate::throttle::Network;

/// The factor that was proven.
struct Proven {
    factor: Factor,
    passkey: Option<SessionPasskey>,
    count_went_back: bool,
}

/// Finishes sign-ins with a second factor.
#[derive(Clone)]
pub struct SecondFactor {
    accounts: Accounts,
    sessions: Sessions,
    audit: AuditTrail,
    mail: Mail,
    metrics: Metrics,
}

/// A second step.
#[derive(Debug)]
pub struct SecondFactorRequest {
    /// The token of the pending session.
    pub token: Token,
    /// The proof.
    pub proof: SecondProof,
    /// The client of the request.
    pub client: Client,
    /// The lock of the submitted form.
    pub form: FormTurn,
    /// The language of the request, for mail.
    pub language: &'static str,
}

/// The proof of the second step.
#[derive(Debug)]
pub enum SecondProof {
    /// A code.
    Code(TypedCode),
    /// A passkey.
    Passkey(Box<Assertion>),
}

/// Why the second step failed.
#[derive(Debug, thiserror::Error)]
pub enum SecondFactorError {
    /// There is no pending session: never begun, expired, used, or void after too many codes.
    #[error("no sign-in waits for a second factor")]
    NotPending,
    /// The code was not accepted.
    #[error(transparent)]
    Code(#[from] PasswordCheckError),
    /// The passkey was not accepted.
    #[error("the passkey was not accepted")]
    Passkey,
    /// The user has as many sessions as allowed, and the policy refuses.
    #[error("the user has as many live sessions as allowed")]
    LimitReached,
}

impl From<StoreError> for SecondFactorError {
    fn from(error: StoreError) -> Self {
        Self::Code(error.into())
    }
}

impl SecondFactor {
    /// Creates the use case. Every attempt is counted in the metrics.
    #[must_use]
    pub fn new(on: &Dependencies) -> Self {
        let Dependencies { accounts, sessions, audit, mail, metrics } = on.clone();
        Self { accounts, sessions, audit, mail, metrics }
    }

    /// The pending session of a token, and its account, whatever it waits for.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn pending(
        &self,
        token: &Token,
    ) -> Result<Option<(PendingSession, Account)>, StoreError> {
        self.accounts.pending(&digest_of(token)).await
    }

    /// Whether the second step of this account may be a passkey.
    #[must_use]
    pub fn offers_passkey(&self, account: &Account) -> bool {
        account.factors.passkeys && self.accounts.passkeys_are_on()
    }

    /// Checks a code or a passkey and starts the session.
    ///
    /// # Errors
    /// [`SecondFactorError`]; no session has started.
    pub async fn with_proof(
        &self,
        request: SecondFactorRequest,
    ) -> Result<(User, StartedSession), SecondFactorError> {
        let finished = self.finish(request).await;
        if let Some(outcome) = outcome_of(finished.as_ref().err()) {
            self.metrics.sign_in(outcome);
        }
        finished
    }

    async fn finish(
        &self,
        request: SecondFactorRequest,
    ) -> Result<(User, StartedSession), SecondFactorError> {
        let SecondFactorRequest { token, proof, client, form, language } = request;
        let found = self.pending(&token).await?;
        let (pending, account) = found
            .filter(|(pending, _)| pending.purpose == PendingPurpose::Code)
            .ok_or(SecondFactorError::NotPending)?;
        // Otherwise a code would be used up for a session that cannot start.
        if !self.has_space(&pending).await? {
            return Err(SecondFactorError::LimitReached);
        }
        let proven = match proof {
            SecondProof::Code(code) => self.prove_code(&pending, &account, code, &client).await?,
            SecondProof::Passkey(assertion) => {
                self.prove_passkey(&pending, *assertion, &client).await?
            }
        };
        let this = self.clone();
        run_to_completion(async move {
            if !this.accounts.take_pending(&pending.digest).await? {
                return Err(SecondFactorError::NotPending);
            }
            let device = device_name(&client.user_agent);
            note_recovery_code(&this.accounts, &this.mail, &account.user, proven.factor).await;
            let (user, started) = this.start(account, &pending, (proven, client), form).await?;
            this.mail.note_use(&user, language, &device).await;
            Ok((user, started))
        })
        .await?
    }

    /// Whether one more session may start. Only the policy that refuses has to be asked.
    async fn has_space(&self, pending: &PendingSession) -> Result<bool, StoreError> {
        if self.sessions.policy().limit.policy != LimitPolicy::Refuse {
            return Ok(true);
        }
        let (_, previous) = session_before(&self.sessions, pending).await;
        let replaced = previous.map(|session| session.id);
        let live = self.sessions.list(pending.user).await?;
        let others = live.iter().filter(|session| Some(session.id) != replaced).count();
        Ok(u32::try_from(others).is_ok_and(|others| others < self.sessions.policy().limit.most))
    }

    async fn prove_code(
        &self,
        pending: &PendingSession,
        account: &Account,
        code: TypedCode,
        client: &Client,
    ) -> Result<Proven, SecondFactorError> {
        let from = client.ip_address.map(Network::of);
        let check = FactorCheck { code, from, pending: Some(pending.digest) };
        let proven = self.accounts.prove_factor(account, &check).await;
        if let Err(error) = &proven {
            let failed = Event::new(Kind::LoginFailed, &By::anonymous(client.clone()));
            let failed = failed.about(account.user.id);
            record_failed_check(&self.audit, &failed, error, "wrong_code").await;
        }
        Ok(Proven { factor: proven?, passkey: None, count_went_back: false })
    }

    /// Neither counted by the throttle nor for the pending session: nobody guesses a signature.
    async fn prove_passkey(
        &self,
        pending: &PendingSession,
        assertion: Assertion,
        client: &Client,
    ) -> Result<Proven, SecondFactorError> {
        let bindings = vec![BrowserBinding::pending(&pending.digest)];
        let check = PasskeyCheck { assertion, bindings, user: Some(pending.user) };
        match self.accounts.prove_passkey(&check).await {
            Ok(proven) => {
                let passkey = Some(SessionPasskey { id: proven.id, is_alone: false });
                let count_went_back = proven.count_went_back;
                Ok(Proven { factor: Factor::Passkey, passkey, count_went_back })
            }
            Err(PasskeyCheckError::Refused(refused)) => {
                let failed = Event::new(Kind::LoginFailed, &By::anonymous(client.clone()));
                self.audit.record([failed.about(pending.user).outcome(refused.why.as_str())]).await;
                Err(SecondFactorError::Passkey)
            }
            Err(PasskeyCheckError::Store(error)) => Err(error.into()),
        }
    }

    async fn start(
        &self,
        account: Account,
        pending: &PendingSession,
        (proven, client): (Proven, Client),
        form: FormTurn,
    ) -> Result<(User, StartedSession), SecondFactorError> {
        let Proven { factor, passkey, count_went_back } = proven;
        let (previous_token, previous) = session_before(&self.sessions, pending).await;
        let browser = (client.clone(), previous_token);
        let beginning = new_session(&account, Some(factor), pending.remember_me, browser);
        let beginning = NewSession { passkey, ..beginning };
        let user = account.user;
        let started = match self.sessions.start(beginning).await {
            Ok(started) => started,
            Err(StartError::EpochMoved) => return Err(SecondFactorError::NotPending),
            Err(StartError::LimitReached) => {
                let event = Event::new(Kind::LoginFailed, &By::anonymous(client)).about(user.id);
                self.audit.record([event.outcome("session_limit_reached")]).await;
                return Err(SecondFactorError::LimitReached);
            }
            Err(StartError::Store(error)) => return Err(error.into()),
        };
        if !keeps_passkey(&self.accounts, &self.sessions, &started.session).await? {
            return Err(SecondFactorError::Passkey);
        }
        form.done(&user, &started.token, started.session.remember_me);
        let events = signed_in(user.id, &started, previous.as_deref(), client);
        let events = events.into_iter().map(|event| with_count(event, count_went_back));
        self.audit.record(events).await;
        Ok((user, started))
    }
}

/// A request without a pending session is no attempt.
fn outcome_of(error: Option<&SecondFactorError>) -> Option<SignInOutcome> {
    Some(match error {
        None => SignInOutcome::Ok,
        Some(SecondFactorError::NotPending) => return None,
        Some(SecondFactorError::LimitReached) => SignInOutcome::Limit,
        Some(SecondFactorError::Passkey) => SignInOutcome::Refused,
        Some(SecondFactorError::Code(error)) => outcome_of_check(error),
    })
}
