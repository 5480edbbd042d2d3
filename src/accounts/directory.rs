//! The account service: creates, changes, finds and lists accounts.

use std::sync::Arc;

use super::hashing::HashSlot;
use super::{
    Account, AccountCount, AccountPage, AccountStore, AddError, Addition, Busy, Change,
    ChangeError, Changed, Email, Epoch, EpochReason, FactorStore, Factors, Groups, HashError,
    Hasher, Letter, Listing, Name, Password, PasswordHash, PasswordPolicy, RelyingParty, Role,
    SecondFactorPolicy, Status, User, UserId, WeakPassword,
};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::failure::StoreError;
use crate::throttle::{Attempt, AttemptError, Network, Throttle, Throttled};

/// The people who have an account. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(pub(super) Arc<AccountsOptions>);

/// The dependencies of [`Accounts`].
pub struct AccountsOptions {
    /// Where accounts are kept.
    pub store: Arc<dyn AccountStore>,
    /// Where second factors and pending sessions are kept.
    pub factors: Arc<dyn FactorStore>,
    /// The server to which passkeys belong; `None` where they are off.
    pub relying_party: Option<RelyingParty>,
    /// Who must have a second factor.
    pub second_factor: SecondFactorPolicy,
    /// Who hashes passwords.
    pub hasher: Hasher,
    /// The rules for new passwords.
    pub policy: PasswordPolicy,
    /// Who counts passwords that are offered, and sign-ups.
    pub throttle: Throttle,
    /// The time at which accounts are made and changed.
    pub clock: Clock,
    /// Where ids are drawn.
    pub entropy: Entropy,
}

/// Why a new password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum NewPasswordError {
    /// The policy refuses it.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// Too many passwords are being hashed: ask to try again.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The operating system or the hasher failed.
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
    /// There were too many sign-ups from this network.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// Too many passwords are being hashed: ask to try again.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The store, or what hashing needs, failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Somebody who is to have an account.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The address for sign-in.
    pub email: Email,
    /// Whether an administrator or the command line set the address.
    pub email_verified: bool,
    /// How the person wants to be called; may be empty.
    pub name: Name,
    /// The permissions.
    pub role: Role,
    /// The password, as typed; held to the policy.
    pub password: Password,
}

impl Accounts {
    /// Attempts of a change when the account changes concurrently.
    const TRIES: usize = 5;

    /// The accounts of this store.
    #[must_use]
    pub fn new(options: AccountsOptions) -> Self {
        Self(Arc::new(options))
    }

    /// Whether what is tried on one account is limited.
    #[must_use]
    pub fn limits_attempts(&self) -> bool {
        self.0.throttle.limits_accounts()
    }

    /// Counts that an address is asked for from this network, before it is known whether it is
    /// taken: the same limit as that of sign-ups, for the answer tells the same.
    ///
    /// # Errors
    /// [`AttemptError`]; it is not counted and may not be looked up.
    pub async fn count_address(&self, from: Option<Network>) -> Result<Attempt, AttemptError> {
        self.0.throttle.sign_up(from, ()).await
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
        self.hash_new_password_at(self.0.hasher.reserve_slot()?, password, (email, name)).await
    }

    pub(super) async fn hash_new_password_at(
        &self,
        slot: HashSlot,
        password: &Password,
        (email, name): (&Email, &Name),
    ) -> Result<PasswordHash, NewPasswordError> {
        let (policy, typed) = (self.0.policy, password.clone());
        let (email, name) = (email.clone(), name.clone());
        let check = move || policy.check(&typed, &[email.as_str(), name.as_str()]);
        self.0.hasher.run(slot.clone(), check).await??;
        Ok(self.0.hasher.hash_at(slot, password).await?)
    }

    /// Adds an account on behalf of the operator. With `only_first_administrator` it is
    /// added only while there is no active administrator.
    ///
    /// # Errors
    /// [`CreateError`]; nothing was added.
    pub async fn create(
        &self,
        new: NewUser,
        only_first_administrator: bool,
    ) -> Result<Account, CreateError> {
        let hash = self.hash_new_password(&new.password, (&new.email, &new.name)).await?;
        let addition = Addition { only_first_administrator, ..Addition::default() };
        self.add(new, &hash, addition).await
    }

    async fn add(
        &self,
        new: NewUser,
        hash: &PasswordHash,
        addition: Addition,
    ) -> Result<Account, CreateError> {
        let NewUser { email, email_verified, name, role, .. } = new;
        let user = self.new_user((email, email_verified), name, (role, Status::Active))?;
        self.add_account(user, hash, addition).await
    }

    pub(super) async fn add_account(
        &self,
        user: User,
        hash: &PasswordHash,
        addition: Addition,
    ) -> Result<Account, CreateError> {
        self.0.store.add(&user, hash, &addition).await?;
        let (factors, signed_up_by_mail) = (Factors::default(), addition.signed_up_by_mail);
        Ok(Account { user, epoch: Epoch::FIRST, epoch_reason: None, factors, signed_up_by_mail })
    }

    /// Somebody who has no account yet, under a new id.
    pub(super) fn new_user(
        &self,
        (email, email_verified): (Email, bool),
        name: Name,
        (role, status): (Role, Status),
    ) -> Result<User, StoreError> {
        let created_at = self.0.clock.now();
        let id = UserId::from_uuid(self.0.entropy.id(created_at)?);
        let groups = Groups::default();
        Ok(User { id, email, email_verified, name, role, groups, status, created_at })
    }

    /// Queues a letter to the account with its address, if there is one that may have it.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn write_to(&self, letter: &Letter) -> Result<Option<User>, StoreError> {
        self.0.store.write_to(letter).await
    }

    /// The address that an account is to have once its owner has confirmed it.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn pending_email(&self, user: UserId) -> Result<Option<Email>, StoreError> {
        self.0.store.pending_email(user).await
    }

    /// Changes an account as `decide` says, which is asked again with the fresh account whenever
    /// that moved meanwhile, five times in all, and answers `None` when there is nothing to do.
    /// [`Change::seen`] and [`Change::seen_user`] are filled in here.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing was changed. [`ChangeError::Moved`] after the fifth time.
    pub async fn change(
        &self,
        id: UserId,
        decide: impl Fn(&Account) -> Option<Change> + Send,
    ) -> Result<Changed, ChangeError> {
        for _ in 0..Self::TRIES {
            // Also where nothing changes or there is no account: a concurrent change may not have
            // reached all servers yet, and this call makes sure of it.
            let change = match self.0.store.find(id).await? {
                None => Change::default(),
                Some(account) => {
                    let decided = decide(&account).unwrap_or_default();
                    Change { seen: account.epoch, seen_user: Some(account.user), ..decided }
                }
            };
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
    pub async fn list(&self, listing: &Listing) -> Result<AccountPage, StoreError> {
        self.0.store.list(listing).await
    }

    /// How many accounts there are. Not for every request: it looks at each.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn count(&self) -> Result<AccountCount, StoreError> {
        self.0.store.count().await
    }

    /// Whether an active administrator exists who has a password.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn has_administrator(&self) -> Result<bool, StoreError> {
        self.0.store.has_administrator().await
    }

    /// Puts every account under an epoch that no session can have, whatever was handed out before
    /// the accounts were restored from a backup: epochs are raised one by one, and this is the number
    /// of seconds since 1970. How many accounts there are.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn outdate_sessions(&self) -> Result<u64, StoreError> {
        let now = self.0.clock.now();
        let at_least = Epoch::from_number(now.unix_timestamp());
        self.0.store.raise_epochs(at_least, EpochReason::RevokedByAdmin, now).await
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.0.store.ready().await
    }
}

impl From<HashError> for NewPasswordError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy(busy) => Self::Busy(busy),
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
            NewPasswordError::Busy(busy) => Self::Busy(busy),
            NewPasswordError::Store(error) => Self::Store(error),
        }
    }
}

impl From<AttemptError> for CreateError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Throttled(throttled) => Self::Throttled(throttled),
            AttemptError::Busy => Self::Busy(Busy::A_MOMENT),
            AttemptError::Store(error) => Self::Store(error),
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
