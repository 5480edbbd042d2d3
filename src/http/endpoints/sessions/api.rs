//! `/api/sessions`: list and revocation of the user's own sessions.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::accounts::EpochReason;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::response::json::{ProblemBody, RevokedBody, SessionBody, SessionsBody};
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::{CurrentUser, PathId};
use crate::sessions::{ChildrenOf, EndReason, SessionId, Sessions};
use crate::use_cases::RevokeSessions;

/// `GET /api/sessions`: the live sessions of the user, newest activity first, each with its sessions
/// at applications on other hosts.
#[utoipa::path(get, path = "/api/sessions", tag = "sessions", responses(
    (status = 200, description = "One's own live sessions", body = SessionsBody),
    (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
))]
pub(crate) async fn list(
    State(sessions): State<Sessions>,
    current: CurrentUser,
) -> Result<Json<SessionsBody>, Problem> {
    let listed = sessions.list(current.user.id).await?;
    let children = sessions.children(ChildrenOf::User(current.user.id)).await?;
    let client = current.actor.client();
    let asking = Some((current.session.id, &client));
    let sessions = SessionBody::list(&listed, &children, sessions.policy(), asking);
    Ok(Json(SessionsBody { sessions }))
}

/// `DELETE /api/sessions/{id}`: ends one session of the user, with its sessions at applications, or
/// one of these alone.
#[utoipa::path(
    delete, path = "/api/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, format = "uuid", description = "The handle of the session")),
    responses(
        (status = 204, description = "It has ended"),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`not_found`: none of one's own", body = ProblemBody),
        (status = 429, description = "`too_many_attempts`", body = ProblemBody),
    )
)]
pub(crate) async fn revoke(
    State(revoke): State<RevokeSessions>,
    CurrentUser { user, actor, .. }: CurrentUser,
    PathId(id): PathId,
) -> Result<StatusCode, Problem> {
    actor.count_change().await?;
    let id = SessionId::parse(&id).ok_or_else(Problem::not_found)?;
    if !revoke.one(id, Some(user.id), EndReason::RevokedByUser, &actor.by()).await? {
        return Err(Problem::not_found());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/sessions`: ends all other sessions of the user; with `include_current=true` all
/// of them.
#[utoipa::path(
    delete, path = "/api/sessions", tag = "sessions",
    params(("include_current" = Option<bool>, Query, description = "End this one too")),
    responses(
        (status = 200, description = "How many ended; the current one has a new token. If somebody \
            ends it while this is answered, the others have ended all the same, and no cookie \
            comes along. With sessions in the memory of several servers, those of other servers \
            end too and are not counted", body = RevokedBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 429, description = "`too_many_attempts`", body = ProblemBody),
    )
)]
pub(crate) async fn revoke_all(
    State(revoke): State<RevokeSessions>,
    current: CurrentSession,
    CurrentUser { user, session, token, actor }: CurrentUser,
    query: Query,
) -> Result<Response, Problem> {
    actor.count_change().await?;
    let revoked = if query.switch("include_current")? {
        let revoked = revoke.all(user.id, EpochReason::RevokedByUser, &actor.by()).await?;
        current.forget_session();
        revoked
    } else {
        let (revoked, started) = revoke.others(user.id, (&session, &token), &actor.by()).await?;
        current.set_continued_session(started, user);
        revoked
    };
    Ok(Json(RevokedBody { revoked }).into_response())
}
