//! Signing in and out.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::http::endpoints::session::api::{end_current, login_request};
use crate::http::endpoints::session::arrival::{Arrivals, go_on, kept_no_cookie};
use crate::http::endpoints::session::view::{Cookies, SignInPage, SignOutPage};
use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::redirect::{Next, see_other, with_next};
use crate::http::session::current::{CurrentSession, SessionState};
use crate::http::state::FormSettings;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::Frame;
use crate::http::web::render::{problems_of, shown};
use crate::sessions::{EndReason, Sessions};
use crate::use_cases::{Login, LoginRequest, Logout, SentForms};

/// Where to go after signing in: `next`, or the account.
pub(in crate::http) fn destination(next: Option<&str>) -> String {
    let next = next.and_then(Next::parse);
    next.map_or_else(|| "/account".to_owned(), |next| next.as_str().to_owned())
}

/// `next` as a form carries it on; empty when it leads nowhere safe.
pub(in crate::http) fn carried(next: Option<&str>) -> String {
    next.and_then(Next::parse).map(|next| next.as_str().to_owned()).unwrap_or_default()
}

/// The frame of a form that goes on to `next`. Nothing else of the query comes back with a change
/// of language: a password that ended up there would.
pub(in crate::http) fn framed(frame: Frame, page: &str, next: &str) -> Frame {
    Frame { path: with_next(page, next), ..frame }
}

/// The frame of a form that is shown again: it is the same form, and still counts once.
pub(in crate::http) fn shown_again(frame: Frame, form: &Form) -> Frame {
    Frame { form: SentForms::named(form.get("form")), ..frame }
}

/// `GET /login`: the form; whoever is signed in goes on.
pub(crate) async fn sign_in_form(
    (State(form_settings), State(forms)): (State<FormSettings>, State<SentForms>),
    (State(arrivals), State(sessions)): (State<Arrivals>, State<Sessions>),
    State(logout): State<Logout>,
    (current, frame): (CurrentSession, Frame),
    query: Query,
) -> Result<Response, Problem> {
    let session_state = current.session_state();
    if let SessionState::Unknown = session_state {
        return Err(Problem::silent_store());
    }
    if matches!(&session_state, SessionState::Live(visitor) if visitor.user.is_some()) {
        return Ok(see_other(&destination(query.find("next"))));
    }
    let arrived = (&arrivals, &sessions);
    let kept_none = kept_no_cookie(arrived, &logout, &current, &query).await?;
    let cookies = match session_state {
        SessionState::SeveralCookies => Cookies::Several,
        _ if kept_none => Cookies::NotKept,
        _ => Cookies::Usable,
    };
    let next = carried(query.find("next"));
    let page = SignInPage {
        frame: Frame { form: forms.name(), ..framed(frame, "/login", &next) },
        problems: Problems::none(),
        email: String::new(),
        remember_me: false,
        next,
        ended: match session_state {
            SessionState::Ended(reason) => Some(reason.as_str()),
            // It brought a token all the same: whoever was signed in should not have to wonder.
            SessionState::Nobody if current.token().is_some() => Some("unknown"),
            // A page that left by itself says why; the cookie may be gone by now.
            SessionState::Nobody => {
                query.find("ended").and_then(EndReason::parse).map(EndReason::as_str)
            }
            _ => None,
        },
        cookies,
        signup_open: form_settings.signup_is_open,
    };
    Ok(shown(StatusCode::OK, &page))
}

/// `POST /login`: signs in and goes on.
pub(crate) async fn sign_in(
    (State(login), State(forms)): (State<Login>, State<SentForms>),
    (State(arrivals), State(sessions)): (State<Arrivals>, State<Sessions>),
    State(form_settings): State<FormSettings>,
    (current, frame): (CurrentSession, Frame),
    form: Form,
) -> Result<Response, Problem> {
    let (email, remember_me) = (form.get("email"), form.ticked("remember_me"));
    let turn = forms.turn(form.get("form")).await;
    let signed_in = match login_request(&current, email, form.get("password"), remember_me) {
        Ok(request) => {
            let request = LoginRequest { form: turn, ..request };
            login.with_password(request).await.map_err(Problem::from)
        }
        Err(problem) => Err(problem),
    };
    match signed_in {
        Ok((user, started)) => {
            current.began(started, Some(Arc::new(user)));
            Ok(go_on((&arrivals, &sessions), &current, &form))
        }
        Err(problem) => {
            let retry_after = problem.retry_after;
            let (status, problems) =
                problems_of(problem, &frame, form_settings.password_min_length)?;
            let next = carried(form.find("next"));
            let page = SignInPage {
                frame: shown_again(framed(frame, "/login", &next), &form),
                problems,
                email: email.to_owned(),
                remember_me,
                next,
                ended: None,
                cookies: Cookies::Usable,
                signup_open: form_settings.signup_is_open,
            };
            Ok(retrying(retry_after, shown(status, &page)))
        }
    }
}

/// Keeps `Retry-After` on a form that is shown again.
pub(in crate::http) fn retrying(seconds: Option<u64>, mut response: Response) -> Response {
    if let Some(seconds) = seconds {
        let seconds = axum::http::HeaderValue::from(seconds);
        response.headers_mut().insert(axum::http::header::RETRY_AFTER, seconds);
    }
    response
}

/// `GET /logout`: asks. A link must not sign anybody out.
pub(crate) async fn ask_to_sign_out(current: CurrentSession, frame: Frame) -> Response {
    match current.signed_in() {
        Ok(_) => shown(StatusCode::OK, &SignOutPage { frame }),
        Err(problem) if problem.status == StatusCode::UNAUTHORIZED => see_other("/login"),
        Err(problem) => problem.into_response(),
    }
}

/// `POST /logout`: signs out, whoever was signed in.
pub(crate) async fn sign_out(
    State(logout): State<Logout>,
    current: CurrentSession,
) -> Result<Response, Problem> {
    end_current(&logout, &current).await?;
    Ok(see_other("/login"))
}
