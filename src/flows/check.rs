//! Who is there: the question that every request asks.

use crate::accounts::{Account, Accounts, Status, User};
use crate::sessions::{EndReason, Owner, ResumeError, Session, Sessions, Token};

/// Looks a token up: its session, and the account that the session belongs to.
#[derive(Clone)]
pub struct Check {
    accounts: Accounts,
    sessions: Sessions,
}

/// Who holds a live session.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The session.
    pub session: Session,
    /// The person; `None` for an anonymous session.
    pub user: Option<User>,
}

impl Check {
    /// Asks these rooms.
    #[must_use]
    pub fn new(accounts: Accounts, sessions: Sessions) -> Self {
        Self { accounts, sessions }
    }

    /// Who holds `token`. The session is live only under the epoch that its user has now, so
    /// whatever was decided about the account before this call holds.
    ///
    /// # Errors
    /// [`ResumeError`] says why the token opens nothing, or that a store failed.
    pub async fn who(&self, token: &Token) -> Result<Visitor, ResumeError> {
        let session = self.sessions.resume(token).await?;
        let Owner::User { id, .. } = session.owner else {
            return Ok(Visitor { session, user: None });
        };
        let account = self.accounts.find(id).await?;
        if let Some(user) = user_of(&session, account.as_ref()) {
            return Ok(Visitor { session, user: Some(user) });
        }
        // The account was read after the session, and in between the session may have been
        // rotated into the new epoch, or ended with a reason of its own.
        let session = self.sessions.resume(token).await?;
        let account = self.accounts.find(id).await?;
        if let Some(user) = user_of(&session, account.as_ref()) {
            return Ok(Visitor { session, user: Some(user) });
        }
        let reason = reason_of(account.as_ref());
        self.sessions.revoke(session.id, None, reason).await?;
        Err(ResumeError::Ended(reason))
    }
}

/// The user under whose present epoch the session is live.
fn user_of(session: &Session, account: Option<&Account>) -> Option<User> {
    let account = account?;
    let live =
        session.owner.epoch() == Some(account.epoch) && account.user.status == Status::Active;
    live.then(|| account.user.clone())
}

fn reason_of(account: Option<&Account>) -> EndReason {
    match account {
        None => EndReason::AccountDeleted,
        Some(account) if account.user.status == Status::Disabled => EndReason::AccountDisabled,
        Some(account) => account.epoch_reason.map_or(EndReason::RevokedByAdmin, EndReason::from),
    }
}
