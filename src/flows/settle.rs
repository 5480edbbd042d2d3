//! Carrying a change of an account through to its sessions.

use crate::accounts::{
    Account, Accounts, Change, ChangeError, Changed, EpochReason, Survivor, UserId,
};
use crate::audit::{By, Event};
use crate::sessions::{EpochMove, Sessions};

/// Changes an account and sees to it that the sessions follow before anything is acknowledged.
/// Callers see it through: a request that is dropped in the middle must not leave the account
/// changed and the sessions not.
pub(super) async fn settle(
    accounts: &Accounts,
    sessions: &Sessions,
    id: UserId,
    survivor: Option<Survivor>,
    decide: impl Fn(&Account) -> Option<Change> + Send + Sync,
) -> Result<Changed, ChangeError> {
    let _turn = match &survivor {
        Some(_) => Some(sessions.turn_to_survive().await),
        None => None,
    };
    if let Some(survivor) = &survivor
        && !sessions.can_survive(survivor).await?
    {
        return Err(ChangeError::SurvivorGone);
    }
    let mut changed = accounts.change(id, decide).await?;
    if changed.ended.is_none() {
        let reason = match &changed.account {
            None => EpochReason::AccountDeleted,
            Some(account) => account.epoch_reason.unwrap_or(EpochReason::RevokedByAdmin),
        };
        let to = changed.epoch;
        let epoch_move = EpochMove { user: id, to, reason, survivor, at: sessions.now() };
        changed.ended = Some(sessions.raise_epoch(&epoch_move).await?);
    }
    sessions.wake_all();
    Ok(changed)
}

/// The event of the sessions of `user` that a change ended, if it ended any.
pub(super) fn ends(changed: &Changed, user: UserId, reason: EpochReason, by: &By) -> Option<Event> {
    let count = changed.ended.filter(|count| *count > 0)?;
    Some(Event::sessions_ended(user, reason.into(), Some(count), by))
}
