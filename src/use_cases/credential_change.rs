//! Applies a change of an account to its sessions.

use crate::accounts::{
    Account, Accounts, Change, ChangeError, Changed, EpochReason, KeptSession, UserId,
};
use crate::audit::{By, Event};
use crate::failure::StoreError;
use crate::sessions::{EpochMove, Sessions};

/// Changes an account and its sessions before anything is acknowledged. Callers run it to
/// completion, so that a dropped request cannot change the account without its sessions.
pub(super) async fn finish_credential_change(
    accounts: &Accounts,
    sessions: &Sessions,
    id: UserId,
    survivor: Option<KeptSession>,
    decide: impl Fn(&Account) -> Option<Change> + Send + Sync,
) -> Result<Changed, ChangeError> {
    let turn = match &survivor {
        None => None,
        Some(survivor) => {
            // Before the lock too: a store that does not answer must not block the queue.
            survives(sessions, survivor).await?;
            let turn = sessions.turn_to_survive().await?;
            survives(sessions, survivor).await?;
            Some(turn)
        }
    };
    let changed = accounts.change(id, decide).await;
    // Also after a failure: a concurrent change may have been applied, and the response must be
    // true on every server.
    sessions.forget_user(id);
    let told = match &changed {
        Ok(Changed { ended: Some(ended), .. }) => Ok(*ended),
        Ok(changed) => tell_sessions(sessions, id, changed, survivor).await,
        Err(_) => Ok(0),
    };
    drop(turn);
    // Told or not, no session of an earlier epoch is good any more.
    sessions.wake_user(id);
    sessions.outlast_leases_of_users().await;
    Ok(Changed { ended: Some(told?), ..changed? })
}

async fn survives(sessions: &Sessions, survivor: &KeptSession) -> Result<(), ChangeError> {
    if sessions.can_survive(survivor).await? { Ok(()) } else { Err(ChangeError::KeptSessionEnded) }
}

/// Raises the epoch where the sessions are, which is not where the account is. What is lost in
/// between every check makes up for: a session is good only under the epoch that its account has.
async fn tell_sessions(
    sessions: &Sessions,
    user: UserId,
    changed: &Changed,
    survivor: Option<KeptSession>,
) -> Result<u64, StoreError> {
    let reason = match &changed.account {
        None => EpochReason::AccountDeleted,
        Some(account) => account.epoch_reason.unwrap_or(EpochReason::RevokedByAdmin),
    };
    let epoch_move = EpochMove { user, to: changed.epoch, reason, survivor, at: sessions.now() };
    sessions.raise_epoch(&epoch_move).await
}

/// The event of the sessions of `user` that a change ended, if it ended any.
pub(super) fn ends(changed: &Changed, user: UserId, reason: EpochReason, by: &By) -> Option<Event> {
    let count = changed.ended.filter(|count| *count > 0)?;
    Some(Event::sessions_ended(user, reason.into(), Some(count), by))
}
