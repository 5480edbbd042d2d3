//! `/api/admin/audit`: what happened, for administrators.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::accounts::UserId;
use crate::audit::{Actor, AuditListing, AuditTrail, EventId, Kind, Recorded};
use crate::http::error::Problem;
use crate::http::extract::Administrator;
use crate::http::json::{ProblemBody, timestamp};
use crate::http::query::Query;

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub(crate) struct EventBody {
    id: String,
    /// When it was recorded.
    #[schema(format = DateTime)]
    time: String,
    /// `signup`, `login`, `login_failed`, `logout`, `reauthenticated`, `session_ended`,
    /// `password_changed`, `email_changed`, `role_changed`, `account_disabled`,
    /// `account_enabled`, `account_deleted`, `throttled`, `cross_origin_refused`, `setup_used` or
    /// `settings_changed`.
    kind: &'static str,
    /// Who did it: the id of a user, `command_line`, `server`, or `null` where nobody was signed
    /// in.
    actor: Option<String>,
    /// The id of the user whom it is about; `null` where it is about nobody in particular.
    subject: Option<String>,
    /// The handle of the session that started or ended, else of the one it was done in.
    session_id: Option<String>,
    /// The address that it came from.
    network: Option<String>,
    user_agent: String,
    /// `ok`, or a word for why not, for example `wrong_password`.
    outcome: String,
    /// What else is known, by kind: `reason`, `count`, `from`, `to` …
    #[schema(value_type = Object)]
    details: Map<String, Value>,
}

impl From<Recorded> for EventBody {
    fn from(Recorded { id, at, event }: Recorded) -> Self {
        Self {
            id: id.to_string(),
            time: timestamp(at),
            kind: event.kind.as_str(),
            actor: match event.by.actor {
                Actor::Nobody => None,
                actor => Some(actor.to_string()),
            },
            subject: event.subject.map(|id| id.to_string()),
            session_id: event.session.map(|id| id.to_string()),
            network: event.by.client.ip_address.map(|address| address.to_string()),
            user_agent: event.by.client.user_agent,
            outcome: event.outcome.into_owned(),
            details: event.details,
        }
    }
}

impl EventBody {
    /// As the user whom it is about may know it: not who else did it, nor where they were.
    pub(crate) fn for_subject(recorded: Recorded, user: UserId) -> Self {
        let is_anothers = matches!(recorded.event.by.actor, Actor::User(id) if id != user);
        let body = Self::from(recorded);
        if !is_anothers {
            return body;
        }
        let mut details = body.details;
        details.remove("by_session");
        let actor = Some("administrator".to_owned());
        Self { actor, network: None, user_agent: String::new(), details, ..body }
    }
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventsBody {
    events: Vec<EventBody>,
    /// What to send as `cursor` for the next page; `null` on the last.
    next_cursor: Option<String>,
}

/// `GET /api/admin/audit`: what happened, the newest first.
#[utoipa::path(get, path = "/api/admin/audit", tag = "admin",
    params(
        ("user" = Option<String>, Query,
            description = "The id of a user: events about them or done by them"),
        ("kind" = Option<String>, Query, description = "Events of this kind only"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 by default"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of events, the newest first", body = EventsBody),
        (status = 400, description = "`invalid_input`", body = ProblemBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`not_found`: not an administrator", body = ProblemBody),
    )
)]
pub(crate) async fn list(
    State(audit): State<AuditTrail>,
    _: Administrator,
    query: Query,
) -> Result<Json<EventsBody>, Problem> {
    let limit = query.limit()?;
    let listing = AuditListing {
        user: parameter(&query, "user", "the id of a user", UserId::parse)?,
        kind: parameter(&query, "kind", "a kind of event: see /openapi.json", Kind::parse)?,
        before: parameter(&query, "cursor", CURSOR, EventId::parse)?,
        limit: limit + 1,
    };
    let mut found = audit.list(&listing).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next_cursor = found.last().filter(|_| more).map(|recorded| recorded.id.to_string());
    Ok(Json(EventsBody { events: found.into_iter().map(EventBody::from).collect(), next_cursor }))
}

const CURSOR: &str = "what `next_cursor` of the page before said";

fn parameter<T>(
    query: &Query,
    name: &str,
    meaning: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    let Some(text) = query.find(name) else { return Ok(None) };
    let parsed = parse(text);
    parsed.map(Some).ok_or_else(|| Problem::bad_parameter(format!("`{name}` is {meaning}.")))
}
