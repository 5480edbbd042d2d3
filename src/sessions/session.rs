//! One session: the server's record of a browser.

use std::net::IpAddr;

use time::OffsetDateTime;

use super::TimeoutRule;
use crate::accounts::{Epoch, Factor, PasskeyId, Proof, UserId};
use crate::entropy::id;

id! {
    /// The public handle of a session: safe to list and to log, of no use as a token.
    SessionId
}

/// The owner of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A visitor who has not signed in.
    Anonymous,
    /// A signed-in user.
    User {
        /// The user.
        id: UserId,
        /// The epoch of that user under which the session is live.
        epoch: Epoch,
    },
}

impl Owner {
    /// The user, unless anonymous.
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

/// The second factor that was proven last in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProvenFactor {
    /// Which.
    pub factor: Factor,
    /// When.
    pub at: OffsetDateTime,
}

/// The passkey that started a session. With it goes the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPasskey {
    /// Which.
    pub id: PasskeyId,
    /// Whether it was enough, so that no password was asked for.
    pub is_alone: bool,
}

/// The origin of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The address of the browser; `None` where it is not known.
    pub ip_address: Option<IpAddr>,
    /// Its `User-Agent`, at most 256 characters; may be empty.
    pub user_agent: String,
}

/// The server's record of one browser. It does not contain the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Public handle; stays through rotations.
    pub id: SessionId,
    /// The owner.
    pub owner: Owner,
    /// When it started.
    pub created_at: OffsetDateTime,
    /// When its user last proved their identity; `None` when anonymous.
    pub authenticated_at: Option<OffsetDateTime>,
    /// The second factor that its user proved last; `None` where there was none.
    pub second_factor: Option<ProvenFactor>,
    /// The passkey that started it, which is also a second factor; `None` where there was none.
    pub passkey: Option<SessionPasskey>,
    /// The last written activity, up to a minute behind.
    pub last_seen_at: OffsetDateTime,
    /// The absolute deadline. Never moves.
    pub expires_at: OffsetDateTime,
    /// Its timeouts.
    pub rule: TimeoutRule,
    /// Whether "remember me" was ticked.
    pub remember_me: bool,
    /// The origin of the request that started it.
    pub client: Client,
    /// The origin of the last written activity; `None` where it is `client`.
    pub moved_to: Option<Client>,
}

impl Session {
    /// Whether this passkey started it.
    #[must_use]
    pub fn is_of(&self, passkey: PasskeyId) -> bool {
        self.passkey.is_some_and(|one| one.id == passkey)
    }

    /// How its user proved their identity, as the API names it. The second word is the second
    /// factor that was proven last. A passkey that started the session alone stays the only word.
    #[must_use]
    pub fn methods(&self) -> &'static [&'static str] {
        if self.passkey.is_some_and(|passkey| passkey.is_alone) {
            return &["passkey"];
        }
        match (self.owner, self.second_factor) {
            (Owner::Anonymous, _) => &[],
            (Owner::User { .. }, None) => &["password"],
            (Owner::User { .. }, Some(proven)) => match proven.factor {
                Factor::Totp => &["password", "totp"],
                Factor::RecoveryCode => &["password", "recovery_code"],
                Factor::Passkey => &["password", "passkey"],
            },
        }
    }

    /// The session after its user proved this.
    #[must_use]
    pub fn with_proof(self, proof: Proof, at: OffsetDateTime) -> Self {
        let authenticated_at = if proof.is_identity() { Some(at) } else { self.authenticated_at };
        let proven = proof.factor().map(|factor| ProvenFactor { factor, at });
        Self { authenticated_at, second_factor: proven.or(self.second_factor), ..self }
    }

    /// The origin of the last written activity.
    #[must_use]
    pub fn last_client(&self) -> &Client {
        self.moved_to.as_ref().unwrap_or(&self.client)
    }

    /// Sets the origin of the last activity.
    pub fn came_from(&mut self, client: &Client) {
        self.moved_to = (*client != self.client).then(|| client.clone());
    }
}
