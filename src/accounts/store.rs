//! Where accounts are kept: the port, and what every backend promises.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{
    AddError, Addition, Change, ChangeError, Changed, Email, Epoch, EpochReason, Factors,
    ImportedCosts, InvitationDigest, Letter, PasswordHash, User, UserId,
};
use crate::failure::StoreError;

/// An account as the store has it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The person.
    pub user: User,
    /// The epoch under which sessions of this account are live.
    pub epoch: Epoch,
    /// Why the epoch was raised last; `None` while it never was.
    pub epoch_reason: Option<EpochReason>,
    /// Its second factors.
    pub factors: Factors,
    /// Whether a sign-up made it that waits for its address to be confirmed.
    pub signed_up_by_mail: bool,
}

/// An account with what proves its owner.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account.
    pub account: Account,
    /// The hash of its password.
    pub hash: PasswordHash,
}

/// Which accounts to list.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Only accounts whose address or name contains this text, whatever its case.
    pub query: Option<String>,
    /// Only accounts after this one, in the order of their ids.
    pub after: Option<UserId>,
    /// At most this many.
    pub limit: u32,
}

/// Some of the accounts that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountPage {
    /// At most as many as were asked for.
    pub accounts: Vec<Account>,
    /// After which account to go on; `None` where there are no more. A search looks at a
    /// limited number of accounts, so a short page need not be the last.
    pub next: Option<UserId>,
}

/// How many accounts there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountCount {
    /// All of them.
    pub all: u64,
    /// Those that may sign in and are administrators.
    pub administrators: u64,
    /// Those that may not sign in.
    pub disabled: u64,
}

/// A link to set the password of an account.
#[derive(Clone, Copy, Debug)]
pub struct Invitation {
    /// Whose account.
    pub user: UserId,
    /// The digest of its secret.
    pub digest: InvitationDigest,
    /// Until when it works.
    pub expires_at: OffsetDateTime,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Another account has one of the addresses, or two of the accounts have the same.
    #[error("an address was taken meanwhile; run the import again")]
    EmailTaken,
    /// The accounts cannot be read or used.
    #[error(transparent)]
    Source(Box<dyn std::error::Error + Send + Sync>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Accounts to import, in batches.
pub trait ImportSource: Send {
    /// Goes back to the first account.
    ///
    /// # Errors
    /// [`ImportError`]; then nothing is imported.
    fn rewind(&mut self) -> Result<(), ImportError>;

    /// The next accounts; none after the last.
    ///
    /// # Errors
    /// [`ImportError`]; then nothing is imported.
    fn next_accounts(&mut self) -> Result<Vec<(User, PasswordHash)>, ImportError>;

    /// The time.
    fn now(&self) -> OffsetDateTime;

    /// The costs of the hashes of all accounts since the first.
    fn costs(&self) -> &ImportedCosts;
}

/// Where accounts live. Every backend promises:
/// - **One address, one account**, decided in the step that writes it.
/// - **An epoch only rises**, in the same step as the change that raises it; where the sessions
///   are kept in the same database, they end in that step too, and the survivor goes on in it.
/// - **Groups change in one step**: an addition and a removal apply to the groups of that moment.
/// - **The last active administrator who has a password stays**: no change leaves none, however many
///   run at once.
/// - **A failure is an error, never an absence.**
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Adds an account, as [`Addition`] says, in one step.
    ///
    /// # Errors
    /// [`AddError`]; nothing was added.
    async fn add(
        &self,
        user: &User,
        hash: &PasswordHash,
        addition: &Addition,
    ) -> Result<(), AddError>;

    /// Queues a letter to the account with its address, if there is one that is active and may have
    /// another letter. Whether there is one cannot be told from the time that this takes. The
    /// account, if there is one.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn write_to(&self, letter: &Letter) -> Result<Option<User>, StoreError>;

    /// The address that an account is to have once its owner has confirmed it.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn pending_email(&self, user: UserId) -> Result<Option<Email>, StoreError>;

    /// The account of this id.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn find(&self, id: UserId) -> Result<Option<Account>, StoreError>;

    /// The account of this id, with its hash.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn credentials(&self, id: UserId) -> Result<Option<Credentials>, StoreError>;

    /// The account of this address, with its hash.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn credentials_by_email(&self, email: &Email) -> Result<Option<Credentials>, StoreError>;

    /// Accounts in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn list(&self, listing: &Listing) -> Result<AccountPage, StoreError>;

    /// How many accounts there are. It costs what a look at each row of an index costs.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn count(&self) -> Result<AccountCount, StoreError>;

    /// Keeps an invitation, in place of the one that the account had. `false`: there is no such
    /// account.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown which of the two works.
    async fn invite(&self, invitation: &Invitation) -> Result<bool, StoreError>;

    /// The account of an invitation, and until when that works; `None` once used or void.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn invited(
        &self,
        digest: &InvitationDigest,
    ) -> Result<Option<(Account, OffsetDateTime)>, StoreError>;

    /// Whether an active administrator exists who has a password.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn has_administrator(&self) -> Result<bool, StoreError>;

    /// Replaces a hash by one of the same password under newer parameters. `false`: the account
    /// has another hash by now, or is gone.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn upgrade_hash(
        &self,
        id: UserId,
        from: &PasswordHash,
        to: &PasswordHash,
    ) -> Result<bool, StoreError>;

    /// Adds every account of a source in one step, which may ask for them more than once, and keeps
    /// what their hashes cost. How many accounts.
    ///
    /// # Errors
    /// [`ImportError`]; nothing was added.
    async fn import(&self, source: &mut dyn ImportSource) -> Result<u64, ImportError>;

    /// The costs of imported hashes, of which some may be replaced by now.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn imported_costs(&self) -> Result<ImportedCosts, StoreError>;

    /// Which of these addresses have an account.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn taken(&self, emails: &[Email]) -> Result<Vec<Email>, StoreError>;

    /// Which of these addresses a mailed link can still give back to an account at this time.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn reserved(
        &self,
        emails: &[Email],
        at: OffsetDateTime,
    ) -> Result<Vec<Email>, StoreError>;

    /// Accounts with their hashes after this one, in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, or a record is corrupt.
    async fn export(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Credentials>, StoreError>;

    /// Changes an account that the change still fits, and raises the epoch if asked to.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing was changed.
    async fn change(
        &self,
        id: UserId,
        change: &Change,
        at: OffsetDateTime,
    ) -> Result<Changed, ChangeError>;

    /// Raises the epoch of every account: to `at_least`, or by one where it is that high already.
    /// How many those are.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then none was raised, or it is unknown.
    async fn raise_epochs(
        &self,
        at_least: Epoch,
        reason: EpochReason,
        at: OffsetDateTime,
    ) -> Result<u64, StoreError>;

    /// Whether the store answers.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    async fn ready(&self) -> Result<(), StoreError>;
}
