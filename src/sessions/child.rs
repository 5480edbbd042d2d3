//! Child sessions: further tokens of a session, each for one other origin.
//!
//! A child has its own id, origin, start and client. Its user, epoch, deadlines, proof
//! of identity, activity and end are those of its parent, read with it at every lookup.

use std::fmt;

use time::OffsetDateTime;

use super::{Client, Session, SessionId, TokenDigest};
use crate::accounts::UserId;

/// The origin of an application, as browsers write it: `https://wiki.example.org`. Two are the same
/// only if their texts are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(Box<str>);

impl Origin {
    /// The origin of this text. The caller has checked that it is one.
    #[must_use]
    pub fn of(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The part of a child session that is not its parent's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Public handle. No session has the same.
    pub id: SessionId,
    /// The session that it belongs to.
    pub parent: SessionId,
    /// The only origin where its token counts.
    pub origin: Origin,
    /// When it started.
    pub created_at: OffsetDateTime,
    /// The origin of the request that started it.
    pub client: Client,
}

/// A child whose parent has not been ended, and the parent, read in one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveChild {
    /// The child.
    pub child: Child,
    /// Its parent.
    pub parent: Session,
}

/// A child to start.
#[derive(Clone, Debug)]
pub struct ChildStart {
    /// The child, with a new id. An earlier child of the same parent for the same origin ends as
    /// `replaced`, when this one starts.
    pub child: Child,
    /// The digest of its token.
    pub digest: TokenDigest,
}

/// The outcome of the start of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildStarted {
    /// It is live.
    Started {
        /// The earlier child for the same origin, which ended with it.
        replaced: Option<SessionId>,
    },
    /// The parent is not live. Nothing was written.
    Gone,
    /// The id or the digest is or was in use. Nothing was written: generate others.
    Taken,
}

/// Which children to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildrenOf {
    /// Those of one session.
    Session(SessionId),
    /// Those of several sessions, such as a page of a list.
    Sessions(Vec<SessionId>),
    /// Those of all sessions of a user.
    User(UserId),
}
