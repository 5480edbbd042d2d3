//! Signing in with a password.

use crate::accounts::{Accounts, AuthenticateError, Email, Password, Proof, Role, User};
use crate::failure::StoreError;
use crate::metrics::{Metrics, SignInOutcome};
use crate::sessions::{Beginning, Client, Owner, Sessions, StartError, StartedSession, Token};
use crate::throttle::{Network, Throttled};

/// How often a sign-in proves itself again when the sessions of its user were ended while the
/// password was hashed.
const PROOFS: usize = 3;

/// Signs people in.
#[derive(Clone)]
pub struct Login {
    accounts: Accounts,
    sessions: Sessions,
    metrics: Metrics,
}

/// What somebody offers to be signed in.
#[derive(Debug)]
pub struct LoginRequest {
    /// The address; `None` when what was typed is none.
    pub email: Option<Email>,
    /// The password.
    pub password: Password,
    /// Whether "remember me" was ticked.
    pub remember_me: bool,
    /// Where it comes from.
    pub client: Client,
    /// The token that the browser brought.
    pub brought: Option<Token>,
}

/// Why somebody was not signed in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Unknown, disabled or wrong: one and the same.
    #[error("the address or the password is wrong")]
    Refused,
    /// There were too many wrong passwords before; this one was not looked at.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// Too many passwords are being checked at once.
    #[error("too many sign-ins at once")]
    Busy,
    /// The user has as many sessions as allowed, and the policy refuses.
    #[error("the user has as many live sessions as allowed")]
    LimitReached,
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AuthenticateError> for LoginError {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Refused => Self::Refused,
            AuthenticateError::Throttled(throttled) => Self::Throttled(throttled),
            AuthenticateError::Busy => Self::Busy,
            AuthenticateError::Store(error) => Self::Store(error),
        }
    }
}

impl Login {
    /// Works with these rooms.
    #[must_use]
    pub fn new(accounts: Accounts, sessions: Sessions) -> Self {
        Self { accounts, sessions, metrics: Metrics::off() }
    }

    /// The same, and every attempt is counted.
    #[must_use]
    pub fn counted_in(self, metrics: &Metrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// Signs a person in under a fresh token. An unknown address takes as long as a wrong
    /// password, and fails alike.
    ///
    /// # Errors
    /// [`LoginError`]; no session has started, and the one that was brought goes on.
    pub async fn with_password(
        &self,
        request: LoginRequest,
    ) -> Result<(User, StartedSession), LoginError> {
        let signed_in = self.sign_in(request).await;
        self.metrics.sign_in(outcome_of(signed_in.as_ref().err()));
        signed_in
    }

    async fn sign_in(&self, request: LoginRequest) -> Result<(User, StartedSession), LoginError> {
        let LoginRequest { email, password, client, .. } = &request;
        let from = client.ip_address.map(Network::of);
        let proof = Proof { password: password.clone(), from };
        for _ in 0..PROOFS {
            let account = self.accounts.authenticate(email.as_ref(), &proof).await?.account;
            let beginning = Beginning {
                owner: Owner::User { id: account.user.id, epoch: account.epoch },
                administrator: account.user.role == Role::Admin,
                remember_me: request.remember_me,
                client: client.clone(),
                brought: request.brought.clone(),
            };
            match self.sessions.start(beginning).await {
                Ok(started) => {
                    tracing::info!(
                        user.id = %account.user.id,
                        session.id = %started.session.id,
                        "signed in"
                    );
                    return Ok((account.user, started));
                }
                // The password may be another by now: prove it again under the new epoch.
                Err(StartError::EpochMoved) => {}
                Err(StartError::LimitReached) => return Err(LoginError::LimitReached),
                Err(StartError::Store(error)) => return Err(LoginError::Store(error)),
            }
        }
        Err(LoginError::Busy)
    }
}

fn outcome_of(error: Option<&LoginError>) -> SignInOutcome {
    match error {
        None => SignInOutcome::Ok,
        Some(LoginError::Refused) => SignInOutcome::Refused,
        Some(LoginError::Throttled(_)) => SignInOutcome::Throttled,
        Some(LoginError::Busy) => SignInOutcome::Busy,
        Some(LoginError::LimitReached) => SignInOutcome::Limit,
        Some(LoginError::Store(_)) => SignInOutcome::Unavailable,
    }
}
