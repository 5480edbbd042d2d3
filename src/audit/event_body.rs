//! The JSON of an event.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Actor, Recorded};
use crate::accounts::UserId;
use crate::clock::Timestamp;

/// An event as the API, a line on stdout and the webhook show it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub struct EventBody {
    id: String,
    /// When it was recorded.
    #[schema(format = DateTime)]
    pub(crate) time: String,
    /// `signup`, `login`, `login_failed`, `logout`, `reauthenticated`, `session_ended`,
    /// `password_changed`, `email_changed`, `role_changed`, `groups_changed`,
    /// `account_disabled`, `account_enabled`, `account_deleted`, `throttled`,
    /// `cross_origin_refused`, `invitation_created`, `recovery_requested`, `email_verified`,
    /// `email_change_requested`, `email_change_cancelled`, `mail_failed`, `setup_used`, `users_imported`,
    /// `users_exported` or `settings_changed`.
    pub(crate) kind: &'static str,
    /// Who did it: the id of a user, `command_line`, `server`, or `null` where nobody was signed
    /// in.
    actor: Option<String>,
    /// The id of the user whom it is about; `null` where it is about nobody in particular.
    subject: Option<String>,
    /// The handle of the session that started or ended, else of the one it was done in.
    session_id: Option<String>,
    /// The address that it came from; after a while the network of it, for example
    /// `203.0.113.0/24`.
    network: Option<String>,
    user_agent: String,
    /// `ok`, or a word for why not, for example `wrong_password`.
    outcome: String,
    /// Further details, by kind: `reason`, `count`, `from`, `to` …
    #[schema(value_type = Object)]
    details: Map<String, Value>,
}

impl From<Recorded> for EventBody {
    fn from(recorded: Recorded) -> Self {
        let network = recorded.network();
        let Recorded { id, at, event, .. } = recorded;
        Self {
            id: id.to_string(),
            time: Timestamp::of(at).as_str().to_owned(),
            kind: event.kind.as_str(),
            actor: match event.by.actor {
                Actor::Anonymous => None,
                actor => Some(actor.to_string()),
            },
            subject: event.subject.map(|id| id.to_string()),
            session_id: event.session.map(|id| id.to_string()),
            network,
            user_agent: event.by.client.user_agent,
            outcome: event.outcome.into_owned(),
            details: event.details,
        }
    }
}

impl EventBody {
    /// The names of [`EventBody::cells`].
    pub(crate) const COLUMNS: [&str; 10] = [
        "id",
        "time",
        "kind",
        "actor",
        "subject",
        "session_id",
        "network",
        "user_agent",
        "outcome",
        "details",
    ];

    /// As the cells of a row.
    pub(crate) fn cells(&self) -> [Cow<'_, str>; 10] {
        let or_empty = |text: &'_ Option<String>| Cow::from(text.clone().unwrap_or_default());
        let details = if self.details.is_empty() {
            String::new()
        } else {
            serde_json::to_string(&self.details).unwrap_or_default()
        };
        [
            Cow::from(&self.id),
            Cow::from(&self.time),
            Cow::from(self.kind),
            or_empty(&self.actor),
            or_empty(&self.subject),
            or_empty(&self.session_id),
            or_empty(&self.network),
            Cow::from(&self.user_agent),
            Cow::from(&self.outcome),
            Cow::from(details),
        ]
    }

    /// As the user whom it is about may know it: not who else did it, nor where they were.
    #[must_use]
    pub fn to_subject(recorded: Recorded, user: UserId) -> Self {
        let is_anothers = matches!(recorded.event.by.actor, Actor::User(id) if id != user);
        let told = Self::from(recorded);
        if !is_anothers {
            return told;
        }
        let mut details = told.details;
        details.remove("by_session");
        let actor = Some("administrator".to_owned());
        Self { actor, network: None, user_agent: String::new(), details, ..told }
    }
}
