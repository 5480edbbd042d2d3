//! One session: what the server remembers of a browser.

use std::fmt;
use std::net::IpAddr;

use time::OffsetDateTime;
use uuid::Uuid;

use super::TimeoutRule;
use crate::accounts::{Epoch, UserId};

/// The public handle of a session: safe to list and to log, of no use as a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Uuid);

impl SessionId {
    /// The handle of this UUID.
    #[must_use]
    pub fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// As a UUID.
    #[must_use]
    pub fn as_uuid(&self) -> Uuid {
        self.0
    }

    /// Reads the hyphenated lower-case form and no other.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = Uuid::try_parse(text).ok()?;
        (id.to_string() == text).then_some(Self(id))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whose session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A visitor who has not signed in.
    Anonymous,
    /// Somebody who has.
    User {
        /// Who.
        id: UserId,
        /// The epoch of that user under which the session is live.
        epoch: Epoch,
    },
}

impl Owner {
    /// Who it is, unless anonymous.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::Anonymous => None,
            Self::User { id, .. } => Some(*id),
        }
    }

    /// The epoch, unless anonymous.
    #[must_use]
    pub fn epoch(&self) -> Option<Epoch> {
        match self {
            Self::Anonymous => None,
            Self::User { epoch, .. } => Some(*epoch),
        }
    }
}

/// Where a request came from, as it was when the session started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The address of the browser; `None` where it is not known.
    pub ip_address: Option<IpAddr>,
    /// Its `User-Agent`, at most 256 characters; may be empty.
    pub user_agent: String,
}

/// What the server remembers of one browser. The token is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Public handle; stays through rotations.
    pub id: SessionId,
    /// Whose it is.
    pub owner: Owner,
    /// When it started.
    pub created_at: OffsetDateTime,
    /// When its user last proved who they are; `None` when anonymous.
    pub authenticated_at: Option<OffsetDateTime>,
    /// The last activity that was written down, up to a minute behind.
    pub last_seen_at: OffsetDateTime,
    /// When it ends, however busy it is. Never moves.
    pub expires_at: OffsetDateTime,
    /// Which timeouts it is under.
    pub rule: TimeoutRule,
    /// Whether "remember me" was ticked.
    pub remember_me: bool,
    /// Where it was started from.
    pub client: Client,
}
