//! The accounts: who signs in, who is added, what changes.

use std::sync::Arc;

use tracing::Instrument as _;

use super::{
    Account, AccountStore, AddError, Change, ChangeError, Changed, Credentials, Email, Epoch,
    HashError, Hasher, Listing, Name, Password, PasswordHash, PasswordPolicy, Role, Status, User,
    UserId, Verdict, WeakPassword,
};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::failure::StoreError;

/// The people who have an account. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<AccountsOptions>);

/// What the accounts are made of.
pub struct AccountsOptions {
    /// Where accounts are kept.
    pub store: Arc<dyn AccountStore>,
    /// Who hashes passwords.
    pub hasher: Hasher,
    /// What a new password has to be.
    pub policy: PasswordPolicy,
    /// The time at which accounts are made and changed.
    pub clock: Clock,
    /// Where ids are drawn.
    pub entropy: Entropy,
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
pub enum AuthenticateError {
    /// Unknown, disabled or a wrong password: nobody is told which.
    #[error("the address or the password is wrong")]
    Refused,
    /// Too many passwords are being checked: ask to try again.
    #[error("too many passwords are being checked at once")]
    Busy,
    /// The store, or what hashing needs, failed. Nothing is known about the password.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a new password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum NewPasswordError {
    /// The policy refuses it.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// Too many passwords are being hashed: ask to try again.
    #[error("too many passwords are being checked at once")]
    Busy,
    /// What hashing needs failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an account was not added.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The policy refuses the password.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// Another account has this address.
    #[error("another account has this address")]
    EmailTaken,
    /// The account was to be the first administrator, and there is one.
    #[error("an administrator exists already")]
    AdministratorExists,
    /// Too many passwords are being hashed: ask to try again.
    #[error("too many passwords are being checked at once")]
    Busy,
    /// The store, or what hashing needs, failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Somebody who is to have an account.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// What the person signs in with.
    pub email: Email,
    /// Whether an administrator or the command line set the address.
    pub email_verified: bool,
    /// How the person wants to be called; may be empty.
    pub name: Name,
    /// What the person may do.
    pub role: Role,
    /// The password, as typed; held to the policy.
    pub password: Password,
}

impl Accounts {
    /// How often a change is decided anew when the account moved meanwhile.
    const TRIES: usize = 5;

    /// The accounts of this store.
    #[must_use]
    pub fn new(options: AccountsOptions) -> Self {
        Self(Arc::new(options))
    }

    /// What a new password has to be, for forms that say so beforehand.
    #[must_use]
    pub fn password_policy(&self) -> PasswordPolicy {
        self.0.policy
    }

    /// Finds out whether an address and a password belong together; `None` stands for an address
    /// that is none. Every refusal costs one hash and says the same. A hash of old parameters is
    /// replaced on the way.
    ///
    /// # Errors
    /// [`AuthenticateError`]; nobody is authenticated.
    pub async fn authenticate(
        &self,
        email: Option<&Email>,
        password: &Password,
    ) -> Result<Authenticated, AuthenticateError> {
        let found = match email {
            Some(email) => self.0.store.credentials_by_email(email).await?,
            None => None,
        };
        let (credentials, outdated) = self.verify(found, password).await?;
        if outdated {
            self.upgrade_hash(&credentials, password).await;
        }
        Ok(Authenticated { account: credentials.account })
    }

    /// Finds out whether somebody who is signed in knows the password. The hash that was proven is
    /// left as it is, so that a change of password can name it.
    ///
    /// # Errors
    /// [`AuthenticateError`]; nothing is proven.
    pub async fn prove(
        &self,
        id: UserId,
        password: &Password,
    ) -> Result<Credentials, AuthenticateError> {
        let found = self.0.store.credentials(id).await?;
        Ok(self.verify(found, password).await?.0)
    }

    /// Hashes a new password of the person with this address and name, if the policy allows it.
    ///
    /// # Errors
    /// [`NewPasswordError`]; there is no hash.
    pub async fn hash_new_password(
        &self,
        password: &Password,
        (email, name): (&Email, &Name),
    ) -> Result<PasswordHash, NewPasswordError> {
        let (policy, typed) = (self.0.policy, password.clone());
        let (email, name) = (email.clone(), name.clone());
        let check = move || policy.check(&typed, &[email.as_str(), name.as_str()]);
        self.0.hasher.run(check).await??;
        Ok(self.0.hasher.hash(password).await?)
    }

    /// Adds an account. With `only_first_administrator` it is added only while there is no active
    /// administrator.
    ///
    /// # Errors
    /// [`CreateError`]; nothing was added.
    pub async fn create(
        &self,
        new: NewUser,
        only_first_administrator: bool,
    ) -> Result<Account, CreateError> {
        let hash = self.hash_new_password(&new.password, (&new.email, &new.name)).await?;
        let created_at = self.0.clock.now();
        let id = self.0.entropy.id(created_at).map_err(StoreError::from)?;
        let user = User {
            id: UserId::from_uuid(id),
            email: new.email,
            email_verified: new.email_verified,
            name: new.name,
            role: new.role,
            status: Status::Active,
            created_at,
        };
        self.0.store.add(&user, &hash, only_first_administrator).await?;
        Ok(Account { user, epoch: Epoch::FIRST, epoch_reason: None })
    }

    /// Changes an account as `decide` says, which is asked again with the fresh account whenever
    /// that moved meanwhile, five times in all, and answers `None` when there is nothing to do.
    /// [`Change::seen`] is filled in here.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing was changed. [`ChangeError::Moved`] after the fifth time.
    pub async fn change(
        &self,
        id: UserId,
        decide: impl Fn(&Account) -> Option<Change> + Send,
    ) -> Result<Changed, ChangeError> {
        for _ in 0..Self::TRIES {
            let account = self.0.store.find(id).await?.ok_or(ChangeError::NotFound)?;
            let seen = account.epoch;
            let Some(change) = decide(&account) else {
                return Ok(Changed { account: Some(account), epoch: seen, ended: Some(0) });
            };
            let change = Change { seen, ..change };
            match self.0.store.change(id, &change, self.0.clock.now()).await {
                Err(ChangeError::Moved) => {}
                outcome => return outcome,
            }
        }
        Err(ChangeError::Moved)
    }

    /// The account of this id.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn find(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        self.0.store.find(id).await
    }

    /// The account of this address.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn find_by_email(&self, email: &Email) -> Result<Option<Account>, StoreError> {
        let found = self.0.store.credentials_by_email(email).await?;
        Ok(found.map(|credentials| credentials.account))
    }

    /// Accounts in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn list(&self, listing: &Listing) -> Result<Vec<Account>, StoreError> {
        self.0.store.list(listing).await
    }

    /// Whether an active administrator exists.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn has_administrator(&self) -> Result<bool, StoreError> {
        self.0.store.has_administrator().await
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.0.store.ready().await
    }

    /// Compares, then looks at the status, so that a disabled account costs its hash as well. Says
    /// too whether the hash is outdated.
    async fn verify(
        &self,
        found: Option<Credentials>,
        password: &Password,
    ) -> Result<(Credentials, bool), AuthenticateError> {
        let hash = found.as_ref().map(|credentials| &credentials.hash);
        let span = match &found {
            Some(found) => tracing::error_span!("verify", user.id = %found.account.user.id),
            None => tracing::Span::none(),
        };
        let verdict = self.0.hasher.verify(password, hash).instrument(span).await?;
        match (found, verdict) {
            (Some(credentials), Verdict::Match { outdated })
                if credentials.account.user.status == Status::Active =>
            {
                Ok((credentials, outdated))
            }
            _ => Err(AuthenticateError::Refused),
        }
    }

    /// Replaces a hash of old parameters. It waits for the next sign-in if it does not work now.
    async fn upgrade_hash(&self, proven: &Credentials, password: &Password) {
        let id = proven.account.user.id;
        let upgraded = async {
            let hash = self.0.hasher.hash(password).await?;
            Ok::<_, AuthenticateError>(self.0.store.upgrade_hash(id, &proven.hash, &hash).await?)
        };
        if let Err(error) = upgraded.await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(user.id = %id, error, "a password hash keeps its old parameters");
        }
    }
}

impl From<HashError> for AuthenticateError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            HashError::NoEntropy(error) => Self::Store(error.into()),
            HashError::TooLong | HashError::Failed => Self::Store(StoreError::backend(error)),
        }
    }
}

impl From<HashError> for NewPasswordError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            HashError::TooLong => Self::Weak(WeakPassword::TooLong),
            HashError::NoEntropy(error) => Self::Store(error.into()),
            HashError::Failed => Self::Store(StoreError::backend(error)),
        }
    }
}

impl From<NewPasswordError> for CreateError {
    fn from(error: NewPasswordError) -> Self {
        match error {
            NewPasswordError::Weak(error) => Self::Weak(error),
            NewPasswordError::Busy => Self::Busy,
            NewPasswordError::Store(error) => Self::Store(error),
        }
    }
}

impl From<AddError> for CreateError {
    fn from(error: AddError) -> Self {
        match error {
            AddError::EmailTaken => Self::EmailTaken,
            AddError::AdministratorExists => Self::AdministratorExists,
            AddError::Store(error) => Self::Store(error),
        }
    }
}
