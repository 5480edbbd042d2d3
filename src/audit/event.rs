//! One event: what, by whom, about whom, from where, and how it came out.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::{Kind, shortened};
use crate::accounts::UserId;
use crate::entropy::id;
use crate::sessions::{Client, EndReason, SessionId};

/// The longest text that comes from outside, in characters.
const LONGEST_TEXT: usize = 256;

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A client that was not signed in.
    Anonymous,
    /// Somebody who is signed in, or just signed in by it.
    User(UserId),
    /// A command of the operator.
    CommandLine,
    /// The server by itself: a timeout passed.
    Server,
}

impl Actor {
    /// Reads what its [`fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "nobody" => Some(Self::Anonymous),
            "command_line" => Some(Self::CommandLine),
            "server" => Some(Self::Server),
            id => UserId::parse(id).map(Self::User),
        }
    }
}

impl fmt::Display for Actor {
    /// The id of a user, or `command_line`, `server`, `nobody`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("nobody"),
            Self::User(id) => id.fmt(f),
            Self::CommandLine => f.write_str("command_line"),
            Self::Server => f.write_str("server"),
        }
    }
}

/// By whom something is done, in which session and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub actor: Actor,
    /// The session in which it is done, if any.
    pub session: Option<SessionId>,
    /// The address and the program of the browser.
    pub client: Client,
}

impl By {
    /// By a user in their session.
    #[must_use]
    pub fn user(user: UserId, session: SessionId, client: Client) -> Self {
        Self { actor: Actor::User(user), session: Some(session), client }
    }

    /// By a client that is not signed in.
    #[must_use]
    pub fn anonymous(client: Client) -> Self {
        Self { actor: Actor::Anonymous, session: None, client }
    }

    /// By a command.
    #[must_use]
    pub fn command_line() -> Self {
        Self { actor: Actor::CommandLine, session: None, client: Client::default() }
    }

    /// By the server itself.
    #[must_use]
    pub fn server() -> Self {
        Self { actor: Actor::Server, session: None, client: Client::default() }
    }
}

/// Something that happened. Ids only: what people typed is not in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The kind.
    pub kind: Kind,
    /// By whom, and from where.
    pub by: By,
    /// Whose account it is about; `None` when it is about none that exists.
    pub subject: Option<UserId>,
    /// The session that it is about: the one that ended or started, else the one it was done in.
    pub session: Option<SessionId>,
    /// How it came out: `ok`, or a stable word for why not.
    pub outcome: Cow<'static, str>,
    /// More data, by kind: a reason, a count, an old value. Never a secret.
    pub details: Map<String, Value>,
}

impl Event {
    /// The outcome of a successful action.
    pub const OK: &'static str = "ok";

    /// A successful action, in the session of the actor.
    #[must_use]
    pub fn new(kind: Kind, by: &By) -> Self {
        Self {
            kind,
            by: By {
                client: Client {
                    user_agent: cleaned(&by.client.user_agent),
                    ip_address: by.client.ip_address,
                },
                ..by.clone()
            },
            subject: None,
            session: by.session,
            outcome: Self::OK.into(),
            details: Map::new(),
        }
    }

    /// The end of one session.
    #[must_use]
    pub fn session_ended(id: SessionId, reason: EndReason, by: &By) -> Self {
        let event = Self::new(Kind::SessionEnded, by).in_session(id);
        let event = event.with("reason", reason.as_str());
        // From which other session it was ended is worth knowing when one of the two was stolen.
        match by.session.filter(|own| *own != id) {
            Some(own) => event.with("by_session", own.to_string()),
            None => event,
        }
    }

    /// The end of every session of `user`, except the one of the actor if it is kept.
    #[must_use]
    pub fn sessions_ended(user: UserId, reason: EndReason, count: Option<u64>, by: &By) -> Self {
        let mut event = Self::new(Kind::SessionEnded, by).about(user);
        event.session = None;
        event = event.with("reason", reason.as_str());
        if let Some(own) = by.session {
            event = event.with("by_session", own.to_string());
        }
        match count {
            Some(count) => event.with("count", count),
            None => event,
        }
    }

    /// The same, about this account.
    #[must_use]
    pub fn about(self, subject: UserId) -> Self {
        Self { subject: Some(subject), ..self }
    }

    /// The same, about this session.
    #[must_use]
    pub fn in_session(self, session: SessionId) -> Self {
        Self { session: Some(session), ..self }
    }

    /// The same, with another outcome than `ok`.
    #[must_use]
    pub fn outcome(self, outcome: &'static str) -> Self {
        Self { outcome: outcome.into(), ..self }
    }

    /// The same, with one more detail. A text is cut to 256 characters, without control
    /// characters.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        let value = match value.into() {
            Value::String(text) => cleaned(&text).into(),
            value => value,
        };
        self.details.insert(name.to_owned(), value);
        self
    }

    /// Whether it was done.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.outcome == Self::OK
    }
}

id! {
    /// Names one event. Ids of one process sort in the order in which the events were recorded, those
    /// of several in the order of their clocks.
    EventId
}

/// An event in its place in the trail.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Names it.
    pub id: EventId,
    /// When it was recorded, whole milliseconds.
    pub at: OffsetDateTime,
    /// The event.
    pub event: Event,
    /// Whether so much time has passed that the address is only the network that it was in.
    pub is_shortened: bool,
    /// Whether it is to be sent to the webhook, in the same step in which it is kept. Not told when
    /// it is listed.
    pub is_announced: bool,
}

impl Recorded {
    /// An event as it is recorded.
    #[must_use]
    pub fn new(id: EventId, at: OffsetDateTime, event: Event) -> Self {
        Self { id, at, event, is_shortened: false, is_announced: false }
    }

    /// The address that it came from, or the network of it: `203.0.113.7`, `203.0.113.0/24`.
    #[must_use]
    pub fn network(&self) -> Option<String> {
        let address = self.event.by.client.ip_address?;
        Some(if self.is_shortened { shortened(address).to_string() } else { address.to_string() })
    }
}

/// A text from outside, short and in one line: without what steers a terminal, begins a line or
/// turns the direction of writing.
fn cleaned(text: &str) -> String {
    let is_plain = |c: &char| {
        !c.is_control()
            && !matches!(*c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(is_plain).take(LONGEST_TEXT).collect()
}
