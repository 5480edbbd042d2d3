//! What administrators, the command line and people themselves change about an account, and which
//! of it ends sessions.

use super::settle::settle;
use crate::accounts::{
    Account, Accounts, Change, ChangeError, Changed, Email, EpochRaise, EpochReason, Name,
    PasswordChange, PasswordHash, Role, Status, UserId,
};
use crate::sessions::Sessions;

/// Changes accounts.
#[derive(Clone)]
pub struct AccountChanges {
    accounts: Accounts,
    sessions: Sessions,
}

/// What to change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// A new name.
    pub name: Option<Name>,
    /// A new address, and whether it counts as verified.
    pub email: Option<(Email, bool)>,
    /// A new role.
    pub role: Option<Role>,
    /// A new status.
    pub status: Option<Status>,
    /// The hash of a new password, set by the command line.
    pub password: Option<PasswordHash>,
    /// Whether the account goes altogether.
    pub delete: bool,
}

impl AccountChanges {
    /// Works with these rooms.
    #[must_use]
    pub fn new(accounts: Accounts, sessions: Sessions) -> Self {
        Self { accounts, sessions }
    }

    /// Changes an account. A new role, a new password, disabling and deleting end every session
    /// of it in the same step; a field that has the wanted value already changes nothing.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing has changed.
    pub async fn apply(&self, id: UserId, wanted: AccountChange) -> Result<Changed, ChangeError> {
        let decide = move |account: &Account| decide(account, &wanted);
        let changed = settle(&self.accounts, &self.sessions, id, None, decide).await?;
        tracing::info!(user.id = %id, ended = changed.ended.unwrap_or(0), "account changed");
        Ok(changed)
    }
}

fn decide(account: &Account, wanted: &AccountChange) -> Option<Change> {
    let user = &account.user;
    let change = Change {
        name: wanted.name.clone().filter(|name| *name != user.name),
        email: wanted.email.clone().filter(|(email, verified)| {
            *email != user.email || (*verified && !user.email_verified)
        }),
        role: wanted.role.filter(|role| *role != user.role),
        status: wanted.status.filter(|status| *status != user.status),
        password: wanted.password.clone().map(|to| PasswordChange { from: None, to }),
        delete: wanted.delete,
        ..Change::default()
    };
    let nothing = change.name.is_none()
        && change.email.is_none()
        && change.role.is_none()
        && change.status.is_none()
        && change.password.is_none()
        && !change.delete;
    if nothing {
        return None;
    }
    let reason = ends_sessions(&change);
    let raise = reason.map(|reason| EpochRaise { reason, survivor: None });
    Some(Change { raise, ..change })
}

/// Why a change ends the sessions of the account, the gravest first.
fn ends_sessions(change: &Change) -> Option<EpochReason> {
    if change.delete {
        Some(EpochReason::AccountDeleted)
    } else if change.status == Some(Status::Disabled) {
        Some(EpochReason::AccountDisabled)
    } else if change.role.is_some() {
        Some(EpochReason::RoleChanged)
    } else if change.password.is_some() {
        Some(EpochReason::PasswordChanged)
    } else {
        None
    }
}
