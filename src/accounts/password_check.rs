//! Password checks of accounts.
//!
//! Every check goes through [`Accounts::count_and_check`], which counts the attempt before it compares. There
//! is no other function for it, so no caller can skip the throttle.

use tracing::Instrument as _;

use super::hashing::{Expected, HashSlot};
use super::{
    Account, Accounts, Busy, Credentials, Email, HashError, Password, PasswordMatch, Status, User,
    UserId,
};
use crate::failure::StoreError;
use crate::throttle::{AccountKey, AttemptError, Network, Throttled};

/// A password to check.
#[derive(Clone, Debug)]
pub struct PasswordCheck {
    /// As typed.
    pub password: Password,
    /// The network of the client; all unknown ones (`None`) count as one.
    pub from: Option<Network>,
}

/// A successful password check.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The account as it was **before** the password was compared. A session that starts under its
    /// epoch is void if the account changed since.
    pub account: Account,
}

/// Why a password check failed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordCheckError {
    /// Unknown account, disabled account or wrong password: clients must not learn which.
    #[error("the address or the password is wrong")]
    Refused,
    /// There were too many attempts before; this one was not checked.
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
    /// Checks whether an address and a password belong together. Every refusal costs the same,
    /// counts once and says the same. A hash of old parameters or of another system is replaced.
    ///
    /// # Errors
    /// [`FailedSignIn`]; there is no authentication.
    pub async fn authenticate(
        &self,
        email: &Email,
        proof: &PasswordCheck,
    ) -> Result<Authenticated, FailedSignIn> {
        let slot = self.0.hasher.reserve_slot()?;
        let found = self.0.store.credentials_by_email(email).await?;
        let user = found.as_ref().map(|found| found.account.user.clone());
        let result = self.count_and_check(slot, Some(email), found, proof).await;
        let (credentials, outdated) = result.map_err(|error| FailedSignIn { user, error })?;
        if outdated {
            self.upgrade_hash(&credentials, &proof.password).await;
        }
        Ok(Authenticated { account: credentials.account })
    }

    /// Checks the password of a signed-in user. The hash is not upgraded, so that a change of
    /// password can name it.
    ///
    /// # Errors
    /// [`PasswordCheckError`]; nothing is proven.
    pub async fn prove(
        &self,
        id: UserId,
        proof: &PasswordCheck,
    ) -> Result<Credentials, PasswordCheckError> {
        let slot = self.0.hasher.reserve_slot()?;
        let found = self.0.store.credentials(id).await?;
        let email = found.as_ref().map(|found| found.account.user.email.clone());
        Ok(self.count_and_check(slot, email.as_ref(), found, proof).await?.0)
    }

    /// Counts, then compares. The slot is reserved first: a request without a slot reads no store
    /// and is not counted, and the slots bound how many are counted at once.
    async fn count_and_check(
        &self,
        slot: HashSlot,
        email: Option<&Email>,
        found: Option<Credentials>,
        proof: &PasswordCheck,
    ) -> Result<(Credentials, bool), PasswordCheckError> {
        let span = match &found {
            Some(found) => tracing::error_span!("verify", user.id = %found.account.user.id),
            None => tracing::Span::none(),
        };
        let checking = async {
            let key = email
                .map_or_else(AccountKey::anonymous, |email| AccountKey::of_address(email.as_str()));
            let attempt = self.0.throttle.password(key, proof.from, slot.clone()).await?;
            let result = self.verify(slot, found, &proof.password).await;
            match &result {
                // The password alone must not clear the counts of wrong codes.
                Ok((found, _)) if found.account.factors.any() => drop(attempt),
                Ok(_) => attempt.succeeded().await,
                Err(PasswordCheckError::Refused) => attempt.keep_counted(),
                // The password was not checked: dropping the attempt releases it.
                Err(_) => drop(attempt),
            }
            result
        };
        checking.instrument(span).await
    }

    /// Compares; a disabled account costs as much as a wrong password. Says too whether the hash is
    /// outdated.
    async fn verify(
        &self,
        slot: HashSlot,
        found: Option<Credentials>,
        password: &Password,
    ) -> Result<(Credentials, bool), PasswordCheckError> {
        let is_active = |found: &Credentials| found.account.user.status == Status::Active;
        let imported = self.0.store.imported_costs().await?;
        let expected = Expected {
            hash: found.as_ref().map(|found| &found.hash),
            is_active: found.as_ref().is_some_and(is_active),
            imported: &imported,
        };
        match (self.0.hasher.verify(slot, password, expected).await?, found) {
            (PasswordMatch::Yes { outdated }, Some(found)) => Ok((found, outdated)),
            _ => Err(PasswordCheckError::Refused),
        }
    }

    /// Replaces an outdated hash. It waits for the next sign-in if it does not work now.
    async fn upgrade_hash(&self, proven: &Credentials, password: &Password) {
        let id = proven.account.user.id;
        let upgraded = async {
            let hash = self.0.hasher.hash(password).await?;
            Ok::<_, PasswordCheckError>(self.0.store.upgrade_hash(id, &proven.hash, &hash).await?)
        };
        if let Err(error) = upgraded.await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(user.id = %id, error, "could not upgrade a password hash; will retry");
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
