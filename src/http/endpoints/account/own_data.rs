//! `/api/account/data`: export of all data about the user.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::accounts::UserId;
use crate::audit::{AuditListing, AuditTrail, EventBody};
use crate::failure::StoreError;
use crate::http::response::error::Problem;
use crate::http::response::json::{ProblemBody, SessionBody, Timestamp, UserBody};
use crate::http::session::extract::CurrentUser;
use crate::sessions::{ChildrenOf, Sessions};

/// Events per read.
const STEP: u32 = 200;
/// Upper bound of events in one export.
const MOST_EVENTS: usize = 5000;

/// All data stored about a user.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnDataBody {
    #[schema(value_type = String, format = DateTime)]
    exported_at: Timestamp,
    user: UserBody,
    sessions: Vec<SessionBody>,
    /// The data of this browser's session: see `GET /api/session/data`.
    #[schema(value_type = Object)]
    session_data: Map<String, Value>,
    /// The events of the account, the newest first, at most 5,000. Of what others did to it,
    /// neither who they are nor where they were.
    events: Vec<EventBody>,
    /// Whether there are older events.
    has_older_events: bool,
}

/// `GET /api/account/data`: all data stored about the user, as a file.
#[utoipa::path(get, path = "/api/account/data", tag = "account", responses(
    (status = 200, description = "A JSON file: account, sessions, what happened", body = OwnDataBody,
        headers(("Content-Disposition" = String, description = "The name of the file"))),
    (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
))]
pub(crate) async fn download(
    State(sessions): State<Sessions>,
    State(audit): State<AuditTrail>,
    CurrentUser { user, session, actor, .. }: CurrentUser,
) -> Result<Response, Problem> {
    let listed = sessions.list(user.id).await?;
    let children = sessions.children(ChildrenOf::User(user.id)).await?;
    let client = actor.client();
    let asking = Some((session.id, &client));
    let (events, has_older_events) = events_about(&audit, user.id).await?;
    let body = OwnDataBody {
        exported_at: Timestamp::of(sessions.now()),
        user: (&*user).into(),
        sessions: SessionBody::list(&listed, &children, sessions.policy(), asking),
        session_data: sessions.visitor_data(session.id).await?.unwrap_or_default().as_map().clone(),
        events,
        has_older_events,
    };
    let text = serde_json::to_vec_pretty(&body).map_err(|_| Problem::internal())?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"anteroom-data.json\""),
        ),
    ];
    Ok((headers, text).into_response())
}

/// The events about a user, and whether there are older ones.
async fn events_about(
    audit: &AuditTrail,
    user: UserId,
) -> Result<(Vec<EventBody>, bool), StoreError> {
    let mut events = Vec::new();
    let mut before = None;
    while events.len() < MOST_EVENTS {
        let listing =
            AuditListing { user: Some(user), before, limit: STEP, ..AuditListing::default() };
        let page = audit.list(&listing).await?;
        let about = page.events.into_iter().filter(|one| one.event.subject == Some(user));
        events.extend(about.map(|recorded| EventBody::to_subject(recorded, user)));
        if page.next.is_none() {
            return Ok((events, false));
        }
        before = page.next;
    }
    Ok((events, true))
}
