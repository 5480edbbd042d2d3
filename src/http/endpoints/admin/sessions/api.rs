//! `/api/admin/sessions`: sessions of all users, for administrators.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::accounts::{Accounts, EpochReason, UserId};
use crate::audit::{AuditListing, AuditTrail, EventBody};
use crate::http::endpoints::admin::account_of;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::response::json::{
    Asking, ProblemBody, RevokedBody, SessionBody, SessionPageBody, SessionsBody, Timestamp,
};
use crate::http::session::extract::{CurrentUser, PathId, RequireAdmin};
use crate::sessions::{
    Child, ChildrenOf, EndReason, Ended, Explained, Session, SessionFilter, SessionId, SessionKind,
    SessionPolicy, Sessions,
};
use crate::use_cases::RevokeSessions;

/// One session explained.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExplainedBody {
    /// `null` once its end was written down.
    session: Option<SessionBody>,
    /// The policy that set its deadlines; `null` with the session.
    policy: Option<PolicyBody>,
    /// `null` while it is live.
    ended: Option<EndedBody>,
    /// Whether the server that was asked would answer a check of it from memory, under a lease.
    under_lease: bool,
    /// Its audit events, the newest first, 50 at most: who started it and from where,
    /// what was done in it, and who ended it.
    events: Vec<EventBody>,
}

/// How many events of a session are shown with it.
const MOST_EVENTS: u32 = 50;

/// The timeouts of a session, fixed when it started.
#[derive(Serialize, ToSchema)]
pub(crate) struct PolicyBody {
    #[schema(pattern = "^(standard|remember_me|administrator)$")]
    name: &'static str,
    /// In seconds after it was last seen.
    idle_timeout: u64,
    /// In seconds after it started.
    absolute_timeout: u64,
}

/// How a session ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct EndedBody {
    reason: &'static str,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl ExplainedBody {
    fn new(explained: &Explained, policy: &SessionPolicy, asking: Asking<'_>) -> Self {
        let session = explained.session.as_ref();
        Self {
            session: session.map(|session| match &explained.child {
                Some(child) => SessionBody::of_child(child, session, policy),
                None => SessionBody::new(session, policy, Some(asking)),
            }),
            policy: session.map(|session| PolicyBody::of(session, policy)),
            ended: explained.ended.map(EndedBody::from),
            under_lease: explained.under_lease,
            events: Vec::new(),
        }
    }
}

impl PolicyBody {
    fn of(session: &Session, policy: &SessionPolicy) -> Self {
        let timeouts = policy.timeouts(session.rule);
        Self {
            name: session.rule.as_str(),
            idle_timeout: timeouts.idle.as_secs(),
            absolute_timeout: timeouts.absolute.as_secs(),
        }
    }
}

impl From<Ended> for EndedBody {
    fn from(ended: Ended) -> Self {
        Self { reason: ended.reason.as_str(), at: Timestamp::of(ended.at) }
    }
}

/// `GET /api/admin/users/{id}/sessions`: the live sessions of one account, newest activity first.
#[utoipa::path(get, path = "/api/admin/users/{id}/sessions", tag = "admin",
    params(("id" = String, Path, format = "uuid", description = "The id of the account")),
    responses(
        (status = 200, description = "Its live sessions", body = SessionsBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`not_found`", body = ProblemBody),
    )
)]
pub(crate) async fn of_user(
    (State(accounts), State(sessions)): (State<Accounts>, State<Sessions>),
    RequireAdmin(administrator): RequireAdmin,
    PathId(id): PathId,
) -> Result<Json<SessionsBody>, Problem> {
    let user = account_of(&accounts, &id).await?.user;
    let listed = sessions.list(user.id).await?;
    let children = sessions.children(ChildrenOf::User(user.id)).await?;
    Ok(Json(SessionsBody { sessions: bodies(&listed, &children, &sessions, &administrator) }))
}

/// `DELETE /api/admin/users/{id}/sessions`: ends every session of one account.
#[utoipa::path(delete, path = "/api/admin/users/{id}/sessions", tag = "admin",
    params(("id" = String, Path, format = "uuid", description = "The id of the account")),
    responses(
        (status = 200, description = "How many ended", body = RevokedBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`not_found`", body = ProblemBody),
    )
)]
pub(crate) async fn revoke_of_user(
    State(revoke): State<RevokeSessions>,
    RequireAdmin(administrator): RequireAdmin,
    PathId(id): PathId,
) -> Result<Json<RevokedBody>, Problem> {
    let id = UserId::parse(&id).ok_or_else(Problem::not_found)?;
    let by = administrator.actor.by();
    let revoked = revoke.all(id, EpochReason::RevokedByAdmin, &by).await?;
    Ok(Json(RevokedBody { revoked }))
}

/// `GET /api/admin/sessions`: live sessions of all users, the latest start first. Those at
/// applications follow the session that they belong to, and count towards no limit.
#[utoipa::path(get, path = "/api/admin/sessions", tag = "admin",
    params(
        ("user" = Option<String>, Query, description = "The id of a user: their sessions only"),
        ("kind" = Option<String>, Query, description = "`user` or `anonymous`"),
        ("ip_address" = Option<String>, Query, description = "Started or last seen at this address"),
        ("device" = Option<String>, Query,
            description = "Part of the device or of the user agent, whatever its case"),
        ("from" = Option<String>, Query, description = "Started at this time or after it"),
        ("until" = Option<String>, Query, description = "Started before this time"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200,
            description = "1 to 200, 50 by default; sessions at applications do not count"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of sessions; with filters it looks at 5,000 at most",
            body = SessionPageBody),
        (status = 400, description = "`invalid_input`", body = ProblemBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`not_found`: not an administrator", body = ProblemBody),
    )
)]
pub(crate) async fn list(
    State(sessions): State<Sessions>,
    RequireAdmin(administrator): RequireAdmin,
    query: Query,
) -> Result<Json<SessionPageBody>, Problem> {
    let after = query.cursor(SessionId::parse)?;
    let page = sessions.page(&filter(&query)?, after, query.limit()?).await?;
    Ok(Json(SessionPageBody {
        sessions: bodies(&page.sessions, &page.children, &sessions, &administrator),
        next_cursor: page.next.map(|id| id.to_string()),
    }))
}

pub(crate) fn filter(query: &Query) -> Result<SessionFilter, Problem> {
    Ok(SessionFilter {
        user: query.filter("user", "the id of a user", UserId::parse)?,
        kind: query.filter("kind", "`user` or `anonymous`", SessionKind::parse)?,
        ip_address: query.filter("ip_address", "an IP address", |text| text.parse().ok())?,
        device: query.filter("device", "a text", |text| Some(text.to_owned()))?,
        started_from: query.instant("from")?,
        started_until: query.instant("until")?,
    })
}

fn bodies(
    listed: &[Session],
    children: &[Child],
    sessions: &Sessions,
    asking: &CurrentUser,
) -> Vec<SessionBody> {
    let client = asking.actor.client();
    let asking = (asking.session.id, &client);
    SessionBody::list(listed, children, sessions.policy(), Some(asking))
}

/// `DELETE /api/admin/sessions/{id}`: ends one session of any user.
#[utoipa::path(delete, path = "/api/admin/sessions/{id}", tag = "admin",
    params(("id" = String, Path, format = "uuid", description = "The handle of the session")),
    responses(
        (status = 204, description = "It has ended"),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`not_found`: no live session", body = ProblemBody),
    )
)]
pub(crate) async fn revoke(
    State(revoke): State<RevokeSessions>,
    RequireAdmin(administrator): RequireAdmin,
    PathId(id): PathId,
) -> Result<StatusCode, Problem> {
    let id = SessionId::parse(&id).ok_or_else(Problem::not_found)?;
    let by = administrator.actor.by();
    if !revoke.one(id, None, EndReason::RevokedByAdmin, &by).await? {
        return Err(Problem::not_found());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/admin/sessions/{id}`: explains one session: its state, the policy of its deadlines,
/// how it ended, whether this server has it under a lease, and its audit events.
#[utoipa::path(get, path = "/api/admin/sessions/{id}", tag = "admin",
    params(("id" = String, Path, format = "uuid", description = "The handle of the session")),
    responses(
        (status = 200, description = "Live, or ended within the last day", body = ExplainedBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`not_found`", body = ProblemBody),
    )
)]
pub(crate) async fn explain(
    (State(sessions), State(audit)): (State<Sessions>, State<AuditTrail>),
    RequireAdmin(administrator): RequireAdmin,
    PathId(id): PathId,
) -> Result<Json<ExplainedBody>, Problem> {
    let id = SessionId::parse(&id).ok_or_else(Problem::not_found)?;
    let explained = sessions.explain(id).await?.ok_or_else(Problem::not_found)?;
    let listing = AuditListing { session: Some(id), limit: MOST_EVENTS, ..Default::default() };
    let events = audit.list(&listing).await?.events.into_iter().map(EventBody::from).collect();
    let asking = (administrator.session.id, &administrator.actor.client());
    let body = ExplainedBody::new(&explained, sessions.policy(), asking);
    Ok(Json(ExplainedBody { events, ..body }))
}
