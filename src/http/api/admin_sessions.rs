//! `/api/admin/sessions`: the sessions of everybody, for administrators.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::error::Problem;
use crate::http::extract::{Administrator, PathId};
use crate::http::json::{ProblemBody, SessionBody, Timestamp};
use crate::sessions::{Ended, Explained, Session, SessionId, SessionPolicy, Sessions, TimeoutRule};

/// One session explained.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExplainedBody {
    /// `null` once its end was written down.
    session: Option<SessionBody>,
    /// What set its deadlines; `null` with the session.
    policy: Option<PolicyBody>,
    /// `null` while it is live.
    ended: Option<EndedBody>,
    /// Whether the server that was asked would answer a check of it from memory, under a lease.
    under_lease: bool,
}

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
    fn new(explained: &Explained, policy: &SessionPolicy, own: SessionId) -> Self {
        let session = explained.session.as_ref();
        Self {
            session: session.map(|session| SessionBody::new(session, policy, Some(own))),
            policy: session.map(|session| PolicyBody::of(session, policy)),
            ended: explained.ended.map(EndedBody::from),
            under_lease: explained.under_lease,
        }
    }
}

impl PolicyBody {
    fn of(session: &Session, policy: &SessionPolicy) -> Self {
        let timeouts = policy.timeouts(session.rule);
        Self {
            name: match session.rule {
                TimeoutRule::Standard => "standard",
                TimeoutRule::Remembered => "remember_me",
                TimeoutRule::Administrator => "administrator",
            },
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

/// `GET /api/admin/sessions/{id}`: how a session stands, which policy set its deadlines, how it
/// ended, and whether it is answered for from memory.
#[utoipa::path(get, path = "/api/admin/sessions/{id}", tag = "admin",
    params(("id" = String, Path, description = "The handle of the session")),
    responses(
        (status = 200, description = "Live, or ended within the last day", body = ExplainedBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`not_found`", body = ProblemBody),
    )
)]
pub(crate) async fn explain(
    State(sessions): State<Sessions>,
    Administrator(administrator): Administrator,
    PathId(id): PathId,
) -> Result<Json<ExplainedBody>, Problem> {
    let id = SessionId::parse(&id).ok_or_else(Problem::not_found)?;
    let explained = sessions.explain(id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(ExplainedBody::new(&explained, sessions.policy(), administrator.session.id)))
}
