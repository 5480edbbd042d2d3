//! Where accounts are kept: the port, and what every backend promises.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{
    Email, Epoch, EpochRaise, EpochReason, GroupsChange, InvalidGroups, InvitationDigest, Name,
    PasswordHash, Role, Status, User, UserId,
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
}

/// An account with what proves its owner.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account.
    pub account: Account,
    /// The hash of its password.
    pub hash: PasswordHash,
}

/// The change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The epoch that the account had when this was decided.
    pub seen: Epoch,
    /// Whether all sessions of the user end with the change.
    pub raise: Option<EpochRaise>,
    /// A new name.
    pub name: Option<Name>,
    /// A new address, and whether it counts as verified.
    pub email: Option<(Email, bool)>,
    /// A new role.
    pub role: Option<Role>,
    /// Other groups.
    pub groups: Option<GroupsChange>,
    /// A new status.
    pub status: Option<Status>,
    /// A new password.
    pub password: Option<PasswordChange>,
    /// The invitation that is used up by it: the change fails unless it works until the end.
    pub invitation: Option<InvitationDigest>,
    /// Whether the account goes altogether.
    pub delete: bool,
}

impl Change {
    /// Whether everything stays as it is.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        let Self {
            seen: _,
            raise,
            name,
            email,
            role,
            groups,
            status,
            password,
            invitation,
            delete,
        } = self;
        let profile = name.is_some() || email.is_some();
        let rights = role.is_some() || groups.is_some() || status.is_some();
        let proven = password.is_some() || invitation.is_some();
        !(profile || rights || raise.is_some() || proven || *delete)
    }

    /// Whether an invitation of the account, made before, is void with it: it was sent to somebody
    /// who may be another by now, or is no longer wanted.
    #[must_use]
    pub fn voids_invitation(&self) -> bool {
        let is_disabled = self.status == Some(Status::Disabled);
        self.delete || is_disabled || self.email.is_some() || self.password.is_some()
    }
}

/// A new password.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    /// The hash that was proven; the change fails if the account has another one by now.
    pub from: Option<PasswordHash>,
    /// The new hash.
    pub to: PasswordHash,
}

/// The result of a change.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The account before the change.
    pub before: Account,
    /// The account after the change; `None` once deleted.
    pub account: Option<Account>,
    /// The epoch after the change.
    pub epoch: Epoch,
    /// How many sessions ended in the same step, the survivor not counted. `None`: sessions are
    /// kept elsewhere and have to be updated.
    pub ended: Option<u64>,
}

/// Why an account could not be added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// Another account has this address.
    #[error("another account has this address")]
    EmailTaken,
    /// An active administrator exists already, and the account was to be the first.
    #[error("an administrator exists already")]
    AdministratorExists,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an account could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such account.
    #[error("no such account")]
    NotFound,
    /// The account changed since it was read: read it again and decide again.
    #[error("the account has changed since it was read")]
    Moved,
    /// The session that was to outlive the change has ended or has another token by now. The caller
    /// asked for the change asked with a session that no longer counts.
    #[error("the session that was to outlive the change is gone")]
    KeptSessionEnded,
    /// The invitation was used, replaced or withdrawn before.
    #[error("the invitation does not work any more")]
    InvitationGone,
    /// Another account has this address.
    #[error("another account has this address")]
    EmailTaken,
    /// The account would have too many groups.
    #[error(transparent)]
    Groups(#[from] InvalidGroups),
    /// The change would leave no active administrator.
    #[error("this is the last active administrator")]
    LastAdministrator,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
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
    /// Adds an account. With `only_first_administrator` it is added only while there is no active
    /// administrator, decided in the same step.
    ///
    /// # Errors
    /// [`AddError`]; nothing was added.
    async fn add(
        &self,
        user: &User,
        hash: &PasswordHash,
        only_first_administrator: bool,
    ) -> Result<(), AddError>;

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

    /// Changes an account whose epoch is still `change.seen`, and raises the epoch if asked to.
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
