//! `/api/admin/audit`: list of audit events.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::accounts::UserId;
use crate::audit::{Actor, AuditListing, AuditTrail, EventBody, EventId, Kind};
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::response::json::ProblemBody;
use crate::http::session::extract::RequireAdmin;
use crate::sessions::SessionId;

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventsBody {
    events: Vec<EventBody>,
    /// The `cursor` of the next page; `null` on the last.
    next_cursor: Option<String>,
}

/// `GET /api/admin/audit`: audit events, newest first.
#[utoipa::path(get, path = "/api/admin/audit", tag = "admin",
    params(
        ("user" = Option<String>, Query,
            description = "The id of a user: events about them or done by them"),
        ("kind" = Option<String>, Query, description = "Events of this kind only"),
        ("actor" = Option<String>, Query,
            description = "Done by: the id of a user, `command_line`, `server` or `nobody`"),
        ("session" = Option<String>, Query, description = "The handle of a session"),
        ("network" = Option<String>, Query, description = "From this IP address"),
        ("outcome" = Option<String>, Query, description = "`ok`, or a word for why not"),
        ("from" = Option<String>, Query, description = "At this time or after it"),
        ("until" = Option<String>, Query, description = "Before this time"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200,
            description = "1 to 200, 50 by default"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of events, the newest first; with filters it looks \
            at 5,000 at most", body = EventsBody),
        (status = 400, description = "`invalid_input`", body = ProblemBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`not_found`: not an administrator", body = ProblemBody),
    )
)]
pub(crate) async fn list(
    State(audit): State<AuditTrail>,
    _: RequireAdmin,
    query: Query,
) -> Result<Json<EventsBody>, Problem> {
    let page = audit.list(&listing(&query)?).await?;
    let next_cursor = page.next.map(|id| id.to_string());
    Ok(Json(EventsBody {
        events: page.events.into_iter().map(EventBody::from).collect(),
        next_cursor,
    }))
}

/// Which events a query asks for.
pub(crate) fn listing(query: &Query) -> Result<AuditListing, Problem> {
    const KIND: &str = "a kind of event: see /openapi.json";
    const ACTOR: &str = "the id of a user, `command_line`, `server` or `nobody`";
    Ok(AuditListing {
        user: query.filter("user", "the id of a user", UserId::parse)?,
        kind: query.filter("kind", KIND, Kind::parse)?,
        actor: query.filter("actor", ACTOR, Actor::parse)?,
        session: query.filter("session", "the handle of a session", SessionId::parse)?,
        network: query.filter("network", "an IP address", |text| text.parse().ok())?,
        outcome: query.filter("outcome", "a word", |text| Some(text.to_owned()))?,
        from: query.instant("from")?,
        until: query.instant("until")?,
        before: query.cursor(EventId::parse)?,
        limit: query.limit()?,
    })
}
