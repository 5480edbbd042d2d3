//! One session: what the server remembers of a browser.

use std::net::IpAddr;

use time::OffsetDateTime;

use super::TimeoutRule;
use crate::accounts::{Epoch, UserId};
use crate::entropy::id;

id! {
    /// The public handle of a session: safe to list and to log, of no use as a token.
    SessionId
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

/// Where a request came from.
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
    /// Where the activity of `last_seen_at` came from; `None` where that is the same.
    pub moved_to: Option<Client>,
}

impl Session {
    /// Where the last activity that was written down came from.
    #[must_use]
    pub fn last_client(&self) -> &Client {
        self.moved_to.as_ref().unwrap_or(&self.client)
    }

    /// The last activity came from `client`.
    pub fn came_from(&mut self, client: &Client) {
        self.moved_to = (*client != self.client).then(|| client.clone());
    }
}
