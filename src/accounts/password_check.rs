//! The proof by password, and the one way to have it looked at.
//!
//! Every password that anybody offers for an account goes through [`Accounts::judge`], which has it
//! counted before it is compared. A new way to test a password has no other one to call.

use tracing::Instrument as _;

use super::hashing::Place;
use super::{
    Account, Accounts, Busy, Credentials, Email, HashError, Password, Status, User, UserId, Verdict,
};
use crate::failure::StoreError;
use crate::throttle::{AccountKey, AttemptError, Network, Throttled};

/// A password that somebody offers.
#[derive(Clone, Debug)]
pub struct PasswordCheck {
    /// As typed.
    pub password: Password,
    /// Where it comes from; `None` where nobody knows, which counts as one place.
    pub from: Option<Network>,
}

/// Somebody who proved an account to be theirs.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The account as it was **before** the password was compared. A session that starts under its
    /// epoch is void if the account changed meanwhile.
    pub account: Account,
}

/// Why nobody was authenticated.
#[derive(Debug, thiserror::Error)]
pub enum PasswordCheckError {
    /// Unknown, disabled or a wrong password: nobody is told which.
    #[error("the address or the password is wrong")]
    Refused,
    /// There were too many before, and this one was not looked at.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// Too many passwords are being checked: ask to try again.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The store, or what hashing needs, failed. Nothing is known about the password.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A sign-in that failed. Only for the audit trail: the client must not learn of the account.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct FailedSignIn {
    /// The user with this address; `None` if there is none or the store was not asked.
    pub user: Option<User>,
    /// Why it failed.
    #[source]
    pub error: PasswordCheckError,
}

impl<E: Into<PasswordCheckError>> From<E> for FailedSignIn {
    fn from(error: E) -> Self {
        Self { user: None, error: error.into() }
    }
}

impl Accounts {
    /// Checks whether an address and a password belong together. Every refusal costs one hash,
    /// counts once and says the same. A hash of old parameters is replaced.
    ///
    /// # Errors
    /// [`FailedSignIn`]; nobody is authenticated.
    pub async fn authenticate(
        &self,
        email: &Email,
        proof: &PasswordCheck,
    ) -> Result<Authenticated, FailedSignIn> {
        let place = self.0.hasher.place()?;
        let found = self.0.store.credentials_by_email(email).await?;
        let user = found.as_ref().map(|found| found.account.user.clone());
        let judged = self.judge(place, Some(email), found, proof).await;
        let (credentials, outdated) = judged.map_err(|error| FailedSignIn { user, error })?;
        if outdated {
            self.upgrade_hash(&credentials, &proof.password).await;
        }
        Ok(Authenticated { account: credentials.account })
    }

    /// Finds out whether somebody who is signed in knows the password. The hash that was proven is
    /// left as it is, so that a change of password can name it.
    ///
    /// # Errors
    /// [`PasswordCheckError`]; nothing is proven.
    pub async fn prove(
        &self,
        id: UserId,
        proof: &PasswordCheck,
    ) -> Result<Credentials, PasswordCheckError> {
        let place = self.0.hasher.place()?;
        let found = self.0.store.credentials(id).await?;
        let email = found.as_ref().map(|found| found.account.user.email.clone());
        Ok(self.judge(place, email.as_ref(), found, proof).await?.0)
    }

    /// Counts, then compares. The place in the queue is taken before anything else: whoever is sent
    /// away for want of one asks no store and is not counted, and no more are counted at once than
    /// there are places.
    async fn judge(
        &self,
        place: Place,
        email: Option<&Email>,
        found: Option<Credentials>,
        proof: &PasswordCheck,
    ) -> Result<(Credentials, bool), PasswordCheckError> {
        let span = match &found {
            Some(found) => tracing::error_span!("verify", user.id = %found.account.user.id),
            None => tracing::Span::none(),
        };
        let judging = async {
            let key = email
                .map_or_else(AccountKey::of_nobody, |email| AccountKey::of_address(email.as_str()));
            let attempt = self.0.throttle.password(key, proof.from, place.clone()).await?;
            let judged = self.verify(place, found, &proof.password).await;
            match &judged {
                Ok(_) => attempt.succeeded().await,
                Err(PasswordCheckError::Refused) => attempt.stands(),
                // Nothing was learned about the password: the attempt gives itself back.
                Err(_) => drop(attempt),
            }
            judged
        };
        judging.instrument(span).await
    }

    /// Compares, then looks at the status, so that a disabled account costs its hash as well. Says
    /// too whether the hash is outdated.
    async fn verify(
        &self,
        place: Place,
        found: Option<Credentials>,
        password: &Password,
    ) -> Result<(Credentials, bool), PasswordCheckError> {
        let hash = found.as_ref().map(|credentials| &credentials.hash);
        let verdict = self.0.hasher.verify(place, password, hash).await?;
        match (found, verdict) {
            (Some(credentials), Verdict::Match { outdated })
                if credentials.account.user.status == Status::Active =>
            {
                Ok((credentials, outdated))
            }
            _ => Err(PasswordCheckError::Refused),
        }
    }

    /// Replaces a hash of old parameters. It waits for the next sign-in if it does not work now.
    async fn upgrade_hash(&self, proven: &Credentials, password: &Password) {
        let id = proven.account.user.id;
        let upgraded = async {
            let hash = self.0.hasher.hash(password).await?;
            Ok::<_, PasswordCheckError>(self.0.store.upgrade_hash(id, &proven.hash, &hash).await?)
        };
        if let Err(error) = upgraded.await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(user.id = %id, error, "a password hash keeps its old parameters");
        }
    }
}

impl From<HashError> for PasswordCheckError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy(busy) => Self::Busy(busy),
            HashError::NoEntropy(error) => Self::Store(error.into()),
            HashError::TooLong | HashError::Failed => Self::Store(StoreError::backend(error)),
        }
    }
}

impl From<AttemptError> for PasswordCheckError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Throttled(throttled) => Self::Throttled(throttled),
            AttemptError::Busy => Self::Busy(Busy::A_MOMENT),
            AttemptError::Store(error) => Self::Store(error),
        }
    }
}
