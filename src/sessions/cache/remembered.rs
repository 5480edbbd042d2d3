//! The values that the cache takes and gives.

use std::sync::Arc;

use time::OffsetDateTime;

use super::entries::Presented;
use crate::accounts::{Account, User};
use crate::sessions::{AccessToken, Child, Session, TokenDigest};

/// A cached live session and its user.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// The session.
    pub session: Arc<Session>,
    /// The user; `None` for an anonymous session.
    pub user: Option<Arc<User>>,
}

/// A cached live child, its parent and their user.
#[derive(Clone, Debug)]
pub struct RememberedChild {
    /// The child.
    pub child: Arc<Child>,
    /// Its parent.
    pub session: Arc<Session>,
    /// The user; `None` if the parent is anonymous.
    pub user: Option<Arc<User>>,
}

/// A cached valid access token, its session and their user.
#[derive(Clone, Debug)]
pub struct RememberedAccessToken {
    /// The token.
    pub token: Arc<AccessToken>,
    /// The session that it shows.
    pub session: Arc<Session>,
    /// The user.
    pub user: Option<Arc<User>>,
}

/// A live session, with what presented it, to cache.
pub(in crate::sessions) struct Fill<'a> {
    pub(in crate::sessions) digest: TokenDigest,
    pub(in crate::sessions) presented: &'a Presented,
    /// The session, or the parent.
    pub(in crate::sessions) session: &'a Arc<Session>,
    pub(in crate::sessions) idle_expires_at: OffsetDateTime,
    /// That of the session's user, under whose current epoch the session is live.
    pub(in crate::sessions) account: Option<&'a Account>,
}
