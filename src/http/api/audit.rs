//! `/api/admin/audit`: what happened, for administrators.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::accounts::UserId;
pub(crate) use crate::audit::Told as EventBody;
use crate::audit::{AuditListing, AuditTrail, EventId, Kind};
use crate::http::error::Problem;
use crate::http::extract::Administrator;
use crate::http::json::ProblemBody;
use crate::http::query::Query;

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
