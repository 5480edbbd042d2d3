//! Applies a change of an account to its sessions.

use crate::accounts::{Account, Accounts, Change, ChangeError, Changed, EpochReason, UserId};
use crate::audit::{By, Event};
use crate::sessions::{KeptSessionGuard, Sessions};

/// Changes an account and its sessions before anything is acknowledged. Callers run it to
/// completion, so that a dropped request cannot change the account without its sessions.
pub(super) async fn finish_credential_change(
    accounts: &Accounts,
    sessions: &Sessions,
    id: UserId,
    kept: Option<&mut KeptSessionGuard>,
    decide: impl Fn(&Account) -> Option<Change> + Send + Sync,
) -> Result<Changed, ChangeError> {
    let changed = accounts.change(id, decide).await;
    sessions.account_changed(id, changed, kept).await
}

/// The event of the sessions of `user` that a change ended, if it ended any.
pub(super) fn ends(changed: &Changed, user: UserId, reason: EpochReason, by: &By) -> Option<Event> {
    let count = changed.ended.filter(|count| *count > 0)?;
    Some(Event::sessions_ended(user, reason.into(), Some(count), by))
}
