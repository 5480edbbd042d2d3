//! Access to accounts and sessions for the code of an embedding application.

use super::Services;
use crate::accounts::{
    ChangeError, Changed, CreateError, Email, EpochReason, Group, Groups, GroupsChange,
    InvalidGroups, Name, NewUser, Password, Role, Status, User, UserId, WeakPassword,
};
use crate::audit::{By, Event, Kind};
use crate::detached;
use crate::failure::StoreError;
use crate::sessions::{EndReason, Session, SessionId};
use crate::use_cases::{
    AccountChange, AccountChanges, Authorized, RevokeSessions, RevokeSessionsError,
};

/// Manages accounts and sessions from the code of the application. [`crate::Anteroom::handle`]
/// makes one; clones are cheap.
///
/// Every change is recorded in the audit trail, with the server as the actor. A change that ends
/// sessions holds in every server by the time the call returns.
///
/// ```no_run
/// # async fn example(anteroom: anteroom::Anteroom) -> Result<(), Box<dyn std::error::Error>> {
/// use anteroom::Role;
///
/// let handle = anteroom.handle();
/// let user = handle
///     .create_user("ada@example.org", "Ada", "seven violet kites at noon", Role::User)
///     .await?;
/// handle.set_role(user.id, Role::Admin).await?;
/// handle.revoke_user_sessions(user.id).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Handle {
    services: Services,
    account_changes: AccountChanges,
    revoke_sessions: RevokeSessions,
    by: By,
}

/// Why a call of a [`Handle`] failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandleError {
    /// There is no such account. Nothing has changed.
    #[error("no such account")]
    UserNotFound,
    /// An email address, a name or groups cannot be used. Nothing has changed.
    #[error("{0}")]
    Invalid(String),
    /// The password policy refuses the password. Nothing has changed.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// Another account has this address. Nothing has changed.
    #[error("another account has this address")]
    EmailTaken,
    /// The change would leave no active administrator. Nothing has changed.
    #[error("this is the last active administrator")]
    LastAdministrator,
    /// Too many passwords are being hashed, or the account keeps changing. Nothing has changed; try
    /// again.
    #[error("busy: try again")]
    Busy,
    /// A store failed. It is unknown whether the change was made.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CreateError> for HandleError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Weak(weak) => Self::WeakPassword(weak),
            CreateError::EmailTaken => Self::EmailTaken,
            CreateError::Busy(_) | CreateError::Throttled(_) | CreateError::AdministratorExists => {
                Self::Busy
            }
            CreateError::Store(error) => Self::Store(error),
        }
    }
}

impl From<ChangeError> for HandleError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NotFound => Self::UserNotFound,
            ChangeError::EmailTaken => Self::EmailTaken,
            ChangeError::Groups(error) => error.into(),
            ChangeError::LastAdministrator => Self::LastAdministrator,
            ChangeError::Moved
            | ChangeError::KeptSessionEnded
            | ChangeError::InvitationGone
            | ChangeError::LinkGone
            | ChangeError::TooManyLetters
            | ChangeError::FactorGone
            | ChangeError::CredentialTaken => Self::Busy,
            ChangeError::Store(error) => Self::Store(error),
        }
    }
}

impl From<InvalidGroups> for HandleError {
    fn from(error: InvalidGroups) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl Handle {
    pub(crate) fn new(services: Services, by: By) -> Self {
        let account_changes = services.account_changes();
        let revoke_sessions = services.revoke_sessions();
        Self { services, account_changes, revoke_sessions, by }
    }

    /// The account with this id, if there is one.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn find_user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.services.accounts.find(id).await?.map(|account| account.user))
    }

    /// The account with this email address, if there is one.
    ///
    /// # Errors
    /// [`HandleError::Invalid`] for text that is no address, [`HandleError::Store`].
    pub async fn find_user_by_email(&self, email: &str) -> Result<Option<User>, HandleError> {
        let account = self.services.accounts.find_by_email(&parse_email(email)?).await?;
        Ok(account.map(|account| account.user))
    }

    /// Creates an account whose address counts as verified. The password must satisfy the policy;
    /// `name` may be empty.
    ///
    /// # Errors
    /// [`HandleError`].
    pub async fn create_user(
        &self,
        email: &str,
        name: &str,
        password: &str,
        role: Role,
    ) -> Result<User, HandleError> {
        let name = Name::parse(name).map_err(|error| HandleError::Invalid(error.to_string()))?;
        let email = parse_email(email)?;
        let password = Password::from_typed(password);
        let new = NewUser { email, email_verified: true, name, role, password };
        Ok(self.create(new).await?)
    }

    /// Disables or enables an account. Disabling ends its sessions.
    ///
    /// # Errors
    /// [`HandleError`].
    pub async fn set_disabled(&self, id: UserId, disabled: bool) -> Result<(), HandleError> {
        let status = if disabled { Status::Disabled } else { Status::Active };
        let change = AccountChange { status: Some(status), ..AccountChange::default() };
        self.change(id, change).await?;
        Ok(())
    }

    /// Changes the role of an account, which ends its sessions.
    ///
    /// # Errors
    /// [`HandleError`].
    pub async fn set_role(&self, id: UserId, role: Role) -> Result<(), HandleError> {
        let change = AccountChange { role: Some(role), ..AccountChange::default() };
        self.change(id, change).await?;
        Ok(())
    }

    /// Replaces the groups of an account. Its sessions stay, and the new groups hold at the next
    /// check of each. A name has 1 to 64 of the characters `a` to `z`, `0` to `9`, `_` and `-`;
    /// `user` and `admin` are not allowed. An account has at most 64 groups.
    ///
    /// # Errors
    /// [`HandleError`].
    pub async fn set_groups(&self, id: UserId, groups: &[&str]) -> Result<(), HandleError> {
        let groups = Groups::parse(groups.iter().copied())?;
        self.change_groups(id, GroupsChange::Replace(groups)).await
    }

    /// Adds an account to a group, as [`Handle::set_groups`]. Of several additions at once none is
    /// lost.
    ///
    /// # Errors
    /// [`HandleError`].
    pub async fn add_group(&self, id: UserId, group: &str) -> Result<(), HandleError> {
        self.change_groups(id, GroupsChange::Add(Group::parse(group)?)).await
    }

    /// Removes an account from a group, as [`Handle::add_group`].
    ///
    /// # Errors
    /// [`HandleError`].
    pub async fn remove_group(&self, id: UserId, group: &str) -> Result<(), HandleError> {
        self.change_groups(id, GroupsChange::Remove(Group::parse(group)?)).await
    }

    async fn change_groups(&self, id: UserId, groups: GroupsChange) -> Result<(), HandleError> {
        let change = AccountChange { groups: Some(groups), ..AccountChange::default() };
        self.change(id, change).await?;
        Ok(())
    }

    /// Deletes an account and ends its sessions.
    ///
    /// # Errors
    /// [`HandleError`].
    pub async fn delete_user(&self, id: UserId) -> Result<(), HandleError> {
        let change = AccountChange { delete: true, ..AccountChange::default() };
        self.change(id, change).await?;
        Ok(())
    }

    /// The live sessions of a user, most recently used first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn user_sessions(&self, id: UserId) -> Result<Vec<Session>, StoreError> {
        self.services.sessions.list(id).await
    }

    /// Ends one session. `false` means that no live session has this id.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; it is then unknown whether the session ended.
    pub async fn revoke_session(&self, id: SessionId) -> Result<bool, StoreError> {
        self.revoke_sessions.one(id, None, EndReason::RevokedByAdmin, &self.by).await
    }

    /// Ends every session of a user, and returns how many ended.
    ///
    /// # Errors
    /// [`HandleError::UserNotFound`], or [`HandleError::Store`].
    pub async fn revoke_user_sessions(&self, id: UserId) -> Result<u64, HandleError> {
        let reason = EpochReason::RevokedByAdmin;
        self.revoke_sessions.all(id, reason, &self.by).await.map_err(|error| match error {
            RevokeSessionsError::NotFound => HandleError::UserNotFound,
            RevokeSessionsError::Ended(_) => HandleError::Busy,
            RevokeSessionsError::Store(error) => HandleError::Store(error),
        })
    }

    /// Creates an account and records it.
    pub(crate) async fn create(&self, new: NewUser) -> Result<User, CreateError> {
        let (services, by) = (self.services.clone(), self.by.clone());
        // The embedding handler may be cancelled in between.
        detached::run_to_completion(async move {
            let user = services.accounts.create(new, false).await?.user;
            let event = Event::new(Kind::Signup, &by).about(user.id);
            services.audit.record([event.with("role", user.role.as_str())]).await;
            Ok(user)
        })
        .await?
    }

    /// Changes an account and records it.
    pub(crate) async fn change(
        &self,
        id: UserId,
        change: AccountChange,
    ) -> Result<Changed, ChangeError> {
        self.account_changes.apply(id, change, &Authorized::by_operator(self.by.clone())).await
    }
}

fn parse_email(text: &str) -> Result<Email, HandleError> {
    Email::parse(text).map_err(|error| HandleError::Invalid(error.to_string()))
}
