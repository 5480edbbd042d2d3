//! `/account/sessions`: list and revocation of the user's own sessions.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::EpochReason;
use crate::http::endpoints::sessions::view::{
    ApplicationCard, ClientView, SessionCard, SessionsNotice, SessionsPage,
};
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::redirect::{see_other, with_next};
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::{CurrentUser, CurrentUserOrLogin, PathId};
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;
use crate::sessions::{
    Child, ChildrenOf, Client, EndReason, Session, SessionId, Sessions, device_name,
};
use crate::use_cases::{RevokeSessions, RevokeSessionsError};

/// `GET /account/sessions`: where one is signed in.
pub(crate) async fn list(
    State(sessions): State<Sessions>,
    CurrentUserOrLogin(current): CurrentUserOrLogin,
    context: PageContext,
    query: Query,
) -> Result<Response, Problem> {
    let notice = match query.find("done") {
        Some("one") => Some(SessionsNotice::One),
        Some(count) => count.parse().ok().map(SessionsNotice::Others),
        None => None,
    };
    show(&sessions, &current, context, StatusCode::OK, notice).await
}

async fn show(
    sessions: &Sessions,
    current: &CurrentUser,
    context: PageContext,
    status: StatusCode,
    notice: Option<SessionsNotice>,
) -> Result<Response, Problem> {
    let listed = sessions.list(current.user.id).await?;
    let children = sessions.children(ChildrenOf::User(current.user.id)).await?;
    let page = SessionsPage {
        context: PageContext { path: "/account/sessions".to_owned(), ..context },
        now: sessions.now(),
        sessions: listed
            .iter()
            .map(|session| {
                let applications = cards_of(session, &children);
                SessionCard { applications, ..card(session, sessions, current) }
            })
            .collect(),
        notice,
        problems: Problems::none(),
    };
    Ok(render(status, &page))
}

pub(in crate::http) fn client_view(client: &Client) -> ClientView {
    let ip_address = client.ip_address.map(|address| address.to_string());
    ClientView { device: device_name(&client.user_agent), ip_address }
}

fn card(session: &Session, sessions: &Sessions, current: &CurrentUser) -> SessionCard {
    let asking = (session.id == current.session.id).then(|| current.actor.client());
    let last = asking.as_ref().unwrap_or_else(|| session.last_client());
    SessionCard {
        id: session.id.to_string(),
        device: device_name(&session.client.user_agent),
        is_current: session.id == current.session.id,
        ip_address: session.client.ip_address.map(|address| address.to_string()),
        moved_to: (*last != session.client).then(|| client_view(last)),
        started_at: session.created_at,
        last_seen_at: session.last_seen_at,
        idle_ends_at: sessions.policy().idle_expires_at(session),
        ends_at: session.expires_at,
        applications: Vec::new(),
    }
}

pub(in crate::http) fn cards_of(session: &Session, children: &[Child]) -> Vec<ApplicationCard> {
    let own = children.iter().filter(|child| child.parent == session.id);
    own.map(application_card).collect()
}

pub(in crate::http) fn application_card(child: &Child) -> ApplicationCard {
    let origin = child.origin.as_str();
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    ApplicationCard {
        id: child.id.to_string(),
        host: host.to_owned(),
        started_at: child.created_at,
    }
}

/// `POST /account/sessions/{id}/revoke`: ends one.
pub(crate) async fn revoke(
    (State(sessions), State(revoke)): (State<Sessions>, State<RevokeSessions>),
    CurrentUserOrLogin(current): CurrentUserOrLogin,
    context: PageContext,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    current.actor.count_change().await?;
    let id = SessionId::parse(&id).ok_or_else(Problem::not_found)?;
    let (user, reason) = (Some(current.user.id), EndReason::RevokedByUser);
    let revoked = revoke.one(id, user, reason, &current.actor.by()).await?;
    if !revoked {
        let notice = Some(SessionsNotice::NoneLeft);
        return show(&sessions, &current, context, StatusCode::NOT_FOUND, notice).await;
    }
    let own = id == current.session.id;
    Ok(see_other(if own { "/login" } else { "/account/sessions?done=one" }))
}

/// `POST /account/sessions/revoke-all`: ends all, this one too.
pub(crate) async fn revoke_all(
    State(revoke): State<RevokeSessions>,
    CurrentUserOrLogin(signed_in): CurrentUserOrLogin,
    current: CurrentSession,
) -> Result<Response, Problem> {
    let CurrentUser { user, actor, .. } = signed_in;
    actor.count_change().await?;
    revoke.all(user.id, EpochReason::RevokedByUser, &actor.by()).await?;
    current.forget_session();
    Ok(see_other("/login?ended=signed_out"))
}

/// `POST /account/sessions/revoke-others`: ends all but this one.
pub(crate) async fn revoke_others(
    State(revoke): State<RevokeSessions>,
    CurrentUserOrLogin(signed_in): CurrentUserOrLogin,
    current: CurrentSession,
) -> Result<Response, Problem> {
    let CurrentUser { user, session, token, actor } = signed_in;
    actor.count_change().await?;
    match revoke.others(user.id, (&session, &token), &actor.by()).await {
        Ok((revoked, started)) => {
            current.set_continued_session(started, user);
            Ok(see_other(&format!("/account/sessions?done={revoked}")))
        }
        Err(RevokeSessionsError::Ended(_)) => {
            Ok(see_other(&with_next("/login", "/account/sessions")))
        }
        Err(error) => Err(error.into()),
    }
}
