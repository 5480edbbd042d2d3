//! Applies a change of an account to its sessions.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::accounts::{Account, Accounts, Busy, Change, ChangeError, Changed, EpochReason, UserId};
use crate::audit::{AuditTrail, By, Event};
use crate::failure::StoreError;
use crate::sessions::{KeptSessionError, KeptSessionGuard, Sessions, StartedSession};

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

/// As [`finish_credential_change`]. `None`: `decide` found nothing to do when it was asked last.
pub(super) async fn finish_if_decided(
    accounts: &Accounts,
    sessions: &Sessions,
    id: UserId,
    decide: impl Fn(&Account) -> Option<Change> + Send + Sync,
) -> Result<Option<Changed>, ChangeError> {
    let is_decided = AtomicBool::new(false);
    let decide = |account: &Account| {
        let change = decide(account);
        is_decided.store(change.is_some(), Ordering::SeqCst);
        change
    };
    let changed = finish_credential_change(accounts, sessions, id, None, decide).await?;
    Ok(is_decided.into_inner().then_some(changed))
}

/// The event of the sessions of `user` that a change ended, if it ended any.
pub(super) fn ends(changed: &Changed, user: UserId, reason: EpochReason, by: &By) -> Option<Event> {
    let count = changed.ended.filter(|count| *count > 0)?;
    Some(Event::sessions_ended(user, reason.into(), Some(count), by))
}

/// Why a change that an invitation or a mailed link allows was not made.
pub(super) enum NotByLink {
    /// The link does not work, or the account is not what it was.
    Refused,
    /// The account keeps changing.
    Busy(Busy),
    /// The store failed.
    Store(StoreError),
}

impl From<ChangeError> for NotByLink {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Store(error) => Self::Store(error),
            ChangeError::Moved => Self::Busy(Busy::A_MOMENT),
            ChangeError::NotFound
            | ChangeError::KeptSessionEnded
            | ChangeError::InvitationGone
            | ChangeError::LinkGone
            | ChangeError::TooManyLetters
            | ChangeError::FactorGone
            | ChangeError::CredentialTaken
            | ChangeError::EmailTaken
            | ChangeError::Groups(_)
            | ChangeError::LastAdministrator => Self::Refused,
        }
    }
}

/// The session that outlives a change, under its new token; `None` if it ended since. `events` are
/// recorded where only the reply of the change was lost.
pub(super) async fn commit_kept<E>(
    kept: KeptSessionGuard,
    changed: Result<Changed, ChangeError>,
    (audit, events): (&AuditTrail, impl IntoIterator<Item = Event>),
) -> Result<Option<StartedSession>, E>
where
    E: From<ChangeError> + From<KeptSessionError> + From<StoreError>,
{
    match changed {
        Ok(_) => {}
        Err(ChangeError::KeptSessionEnded) => {
            return Err(KeptSessionError::Ended(kept.end_reason().await?).into());
        }
        // Perhaps only the reply is lost: the session went on in the step of the change, so that
        // its new token proves it done, and nobody else can hand that over.
        Err(ChangeError::Store(_)) if kept.is_committed().await => audit.record(events).await,
        Err(error) => return Err(error.into()),
    }
    Ok(kept.commit().await)
}
