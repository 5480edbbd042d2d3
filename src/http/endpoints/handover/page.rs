//! `/auth/continue` at the host of the sign-in, `/.anteroom/callback` and `/.anteroom/sign-out` at
//! the hosts of applications.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;

use crate::http::endpoints::handover::view::FailedPage;
use crate::http::endpoints::session::api::end_current;
use crate::http::forward_auth::{ForwardAuth, HandoverState, forbidden};
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::applications::{Application, Applications};
use crate::http::security::redirect::{ApplicationUrl, callback, see_other, with_next};
use crate::http::session::cookie::CookieShape;
use crate::http::session::current::CurrentSession;
use crate::http::state::Links;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;
use crate::sessions::{Code, HandoverCode, HandoverError, ResumeError, StartChildError};
use crate::use_cases::{Check, Handover, HandoverTarget, Logout};

/// `GET /auth/continue`: sends a signed-in browser to the application of `to`, with a code for the
/// browser that has `state` there. Asks for the password first where rules do.
pub(crate) async fn hand_over(
    (State(handover), State(applications)): (State<Handover>, State<Applications>),
    State(forward_auth): State<ForwardAuth>,
    (current, context): (CurrentSession, PageContext),
    (method, headers, query): (Method, HeaderMap, Query),
) -> Result<Response, Problem> {
    if !is_visit(&method, &headers) {
        return Err(not_a_visit());
    }
    let url = query.find("to").and_then(|to| ApplicationUrl::parse(to, &applications));
    let state = query.find("state").and_then(HandoverState::digest_of);
    let (Some(url), Some(state)) = (url, state) else {
        return Ok(failed(context, "/"));
    };
    // It comes back with a new state, however long the sign-in takes.
    let sign_in = || see_other(&with_next("/login", &url.to_string()));
    let (user, session) = match current.signed_in() {
        Ok((user, session, _)) => (user, session),
        Err(problem) if problem.status == StatusCode::UNAUTHORIZED => return Ok(sign_in()),
        Err(problem) => return Err(problem),
    };
    if forward_auth.needs_proof(&url, (&user, &session)) {
        return Ok(see_other(&with_next("/reauthenticate", &url.to_string())));
    }
    let origin = url.application.origin();
    let target = HandoverTarget { origin, state: Some(state), path: url.path() };
    match handover.prepare(session.id, &target).await {
        Ok(code) => Ok(see_other(&callback(&url, code.reveal()))),
        Err(HandoverError::Gone) => Ok(sign_in()),
        Err(HandoverError::Full) => Err(Problem::too_many_attempts(HandoverCode::LIFETIME)),
        Err(HandoverError::Store(error)) => Err(error.into()),
    }
}

/// Whether somebody goes there. An image of another page, or a browser that loads ahead, would use
/// up the codes of the session.
pub(in crate::http) fn is_visit(method: &Method, headers: &HeaderMap) -> bool {
    let navigates = headers.get("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
    let is_ahead = |value: &HeaderValue| value.to_str().is_ok_and(|all| all.contains("prefetch"));
    let mut purposes =
        ["sec-purpose", "purpose"].into_iter().flat_map(|name| headers.get_all(name));
    *method == Method::GET && navigates && !purposes.any(is_ahead)
}

pub(in crate::http) fn not_a_visit() -> Problem {
    forbidden("This address is for a browser that opens it as a page.".to_owned())
}

/// `GET /.anteroom/callback`: starts the session of an application, if the browser has the state
/// that the code is for.
pub(crate) async fn arrive(
    (State(handover), State(check), State(cookie)): (
        State<Handover>,
        State<Check>,
        State<CookieShape>,
    ),
    (Extension(application), headers): (Extension<Application>, HeaderMap),
    (current, context): (CurrentSession, PageContext),
    query: Query,
) -> Result<Response, Problem> {
    // The code is for another path then, and is used up.
    let url = query.find("to").and_then(|to| ApplicationUrl::of(&application, to));
    let url = url.unwrap_or_else(|| ApplicationUrl::start_of(&application));
    let Some(code) = query.find("code").and_then(|code| Code::parse(code.as_bytes())) else {
        return Ok(failed(context, url.path()));
    };
    let state = HandoverState::presented(&headers, &cookie).map(|state| state.digest());
    let target = HandoverTarget { origin: application.origin(), state, path: url.path() };
    let browser = (current.client(), current.token());
    let token = match handover.finish(code, &target, browser).await {
        Ok(Some(started)) => started.token,
        Ok(None) | Err(StartChildError::Gone) => return Ok(failed(context, url.path())),
        Err(StartChildError::Store(error)) => return Err(error.into()),
    };
    match check.who_at(&token, application.origin()).await {
        Ok(child) => {
            current.set_token(token, child.identity);
            Ok(see_other(url.path()))
        }
        Err(ResumeError::Store(error)) => Err(error.into()),
        Err(ResumeError::Unknown | ResumeError::Ended(_)) => Ok(failed(context, url.path())),
    }
}

/// `POST /.anteroom/sign-out`: ends the session that this one belongs to, at every host.
pub(crate) async fn sign_out(
    (State(logout), State(links)): (State<Logout>, State<Links>),
    current: CurrentSession,
) -> Result<Response, Problem> {
    end_current(&logout, &current).await?;
    Ok(see_other(&links.sign_in()))
}

fn failed(context: PageContext, start_over: &str) -> Response {
    render(StatusCode::BAD_REQUEST, &FailedPage { context, start_over: start_over.to_owned() })
}
