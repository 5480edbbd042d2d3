//! The result of a sweep of the store.

use super::{Ended, Session, SessionId};
use crate::accounts::UserId;

/// A user's session that a timeout ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// Which timeout it was, and when it passed.
    pub ended: Ended,
}

impl TimedOut {
    /// The end of this session, unless it was anonymous.
    #[must_use]
    pub fn of(session: &Session, ended: Ended) -> Option<Self> {
        session.owner.user().map(|user| Self { id: session.id, user, ended })
    }
}

/// The outcome of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Sessions past a timeout, moved to the ended. Their children do not count.
    pub ended: u64,
    /// The sessions of users among them, for the audit trail.
    pub timed_out: Vec<TimedOut>,
    /// Ended sessions deleted after a day.
    pub forgotten: u64,
    /// Whether nothing is left to do. `false` where the limit of one sweep was reached.
    pub done: bool,
}
