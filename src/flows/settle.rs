//! Carrying a change of an account through to its sessions.

use crate::accounts::{
    Account, Accounts, Change, ChangeError, Changed, EpochReason, Survivor, UserId,
};
use crate::sessions::{EpochMove, Sessions};
use tracing::Instrument as _;

/// Changes an account and sees to it that the sessions follow before anything is acknowledged.
/// It goes on to the end in a task of its own, so that a request which is dropped in the middle
/// cannot leave the account changed and the sessions not.
pub(super) async fn settle(
    accounts: &Accounts,
    sessions: &Sessions,
    id: UserId,
    survivor: Option<Survivor>,
    decide: impl Fn(&Account) -> Option<Change> + Send + Sync + 'static,
) -> Result<Changed, ChangeError> {
    let (accounts, sessions) = (accounts.clone(), sessions.clone());
    let work = async move {
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
    };
    tokio::spawn(work.in_current_span())
        .await
        .unwrap_or_else(|error| Err(ChangeError::Store(crate::failure::StoreError::backend(error))))
}
