//! `/login` and `/logout`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use crate::accounts::User;
use crate::http::endpoints::factors::access::{accept, second_step_of, signed_in as signed_in_by};
use crate::http::endpoints::passkeys::api::typed_assertion;
use crate::http::endpoints::passkeys::browser::sign_in_request;
use crate::http::endpoints::session::api::{end_current, login_request};
use crate::http::endpoints::session::cookie_check::{cookie_was_refused, redirect_after_sign_in};
use crate::http::endpoints::session::view::{Cookies, SignInPage, SignOutPage};
use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::applications::Applications;
use crate::http::security::headers::forms_lead_to;
use crate::http::security::redirect::{destination, safe_next, see_other, with_next};
use crate::http::session::cookie::CookieShape;
use crate::http::session::current::{CurrentSession, SessionState};
use crate::http::session::recent_sign_ins::RecentSignIns;
use crate::http::state::FormSettings;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::{problems_of, render};
use crate::sessions::{EndReason, Session, Sessions};
use crate::use_cases::{
    FormTurn, Login, LoginRequest, Logout, PasskeySignIn, PasskeySignInError, SecondFactor,
    SentForms,
};

/// The context of a form that continues to `next`. A change of language keeps nothing else of the
/// query, which could contain a password.
pub(in crate::http) fn with_path(context: PageContext, page: &str, next: &str) -> PageContext {
    PageContext { path: with_next(page, next), ..context }
}

/// The context of a form that is shown again: under the same name, so that it still counts once.
pub(in crate::http) fn resubmitted(context: PageContext, form: &Form) -> PageContext {
    PageContext { form: SentForms::named(form.get("form")), ..context }
}

/// `GET /login`: the form, or a redirect where the browser is signed in.
pub(crate) async fn sign_in_form(
    (State(form_settings), State(forms)): (State<FormSettings>, State<SentForms>),
    (State(recent_sign_ins), State(sessions)): (State<RecentSignIns>, State<Sessions>),
    (State(logout), State(second_factor), State(applications)): (
        State<Logout>,
        State<SecondFactor>,
        State<Applications>,
    ),
    (current, context): (CurrentSession, PageContext),
    query: Query,
) -> Result<Response, Problem> {
    let session_state = current.session_state();
    if let SessionState::Unknown = session_state {
        return Err(Problem::silent_store());
    }
    if matches!(&session_state, SessionState::Live(identity) if identity.user.is_some()) {
        return Ok(see_other(&destination(query.find("next"), &applications)));
    }
    let cookie_refused =
        cookie_was_refused(&recent_sign_ins, &sessions, &logout, &current, &query).await?;
    let cookies = match session_state {
        SessionState::SeveralCookies => Cookies::Several,
        _ if cookie_refused => Cookies::NotKept,
        _ => Cookies::Usable,
    };
    let next = safe_next(query.find("next"), &applications);
    let page = SignInPage {
        context: PageContext { form: forms.name(), ..with_path(context, "/login", &next) },
        problems: Problems::none(),
        email: String::new(),
        remember_me: false,
        next: next.clone(),
        ended: match session_state {
            SessionState::Ended(reason) => Some(reason.as_str()),
            // The cookie has an unknown token, so the page says that a session has ended.
            SessionState::Missing if current.token().is_some() => {
                let is_pending = is_pending(&second_factor, &current).await?;
                (!is_pending).then_some("unknown")
            }
            // A page that left by itself says why; the cookie may be gone by now.
            SessionState::Missing => {
                query.find("ended").and_then(EndReason::parse).map(EndReason::as_str)
            }
            _ => None,
        },
        cookies,
        unknown_passkey: None,
        offers: form_settings,
    };
    Ok(forms_lead_to(&next, render(StatusCode::OK, &page)))
}

/// Whether the cookie is that of a pending session, so that no session has ended.
async fn is_pending(
    second_factor: &SecondFactor,
    current: &CurrentSession,
) -> Result<bool, Problem> {
    let Some(token) = current.token() else { return Ok(false) };
    Ok(second_factor.pending(&token).await?.is_some())
}

/// `POST /login`: signs in and redirects.
pub(crate) async fn sign_in(
    (State(login), State(forms)): (State<Login>, State<SentForms>),
    (State(recent_sign_ins), State(sessions)): (State<RecentSignIns>, State<Sessions>),
    (State(form_settings), State(applications)): (State<FormSettings>, State<Applications>),
    (State(passkeys), State(cookie)): (State<PasskeySignIn>, State<CookieShape>),
    (current, context, headers): (CurrentSession, PageContext, HeaderMap),
    form: Form,
) -> Result<Response, Problem> {
    let (email, remember_me) = (form.get("email"), form.ticked("remember_me"));
    let turn = forms.turn(form.get("form")).await;
    let by_passkey = form.find("credential");
    let mut unknown_passkey = None;
    let signed_in = match by_passkey {
        Some(credential) => {
            let assertion = typed_assertion(credential)?;
            let shape = (&headers, &cookie);
            let request = sign_in_request(&current, shape, assertion, remember_me);
            let signed_in = passkeys.sign_in(request).await;
            if let Err(PasskeySignInError::Unknown(id)) = &signed_in {
                unknown_passkey = Some(id.clone());
            }
            signed_in
                .map_err(Problem::from)
                .map(|(user, started)| signed_in_by(&current, user, started))
        }
        None => by_password(&login, &current, &form, turn).await,
    };
    match signed_in {
        Ok(_) => {
            let targets = (&recent_sign_ins, &applications);
            Ok(redirect_after_sign_in(targets, &sessions, &current, &form))
        }
        Err(problem) => {
            let next = safe_next(form.find("next"), &applications);
            if let Some(response) = second_step_of(&problem, &next) {
                return Ok(response);
            }
            let (rejected, problems) =
                problems_of(problem, &context, form_settings.password_min_length)?;
            let problems = if by_passkey.is_some() && rejected.had_wrong_password() {
                Problems::of_form(context.text("passkey-wrong"))
            } else {
                problems
            };
            let page = SignInPage {
                context: resubmitted(with_path(context, "/login", &next), &form),
                problems,
                email: email.to_owned(),
                remember_me,
                next: next.clone(),
                ended: None,
                cookies: Cookies::Usable,
                unknown_passkey,
                offers: form_settings,
            };
            Ok(forms_lead_to(&next, rejected.render(&page)))
        }
    }
}

async fn by_password(
    login: &Login,
    current: &CurrentSession,
    form: &Form,
    turn: FormTurn,
) -> Result<(Arc<User>, Arc<Session>), Problem> {
    let (email, password) = (form.get("email"), form.get("password"));
    let request = login_request(current, email, password, form.ticked("remember_me"))?;
    let signed_in = login.with_password(LoginRequest { form: turn, ..request }).await?;
    accept(current, signed_in)
}

/// `GET /logout`: asks for confirmation, because a link must not sign out.
pub(crate) async fn ask_to_sign_out(current: CurrentSession, context: PageContext) -> Response {
    match current.session_state() {
        SessionState::Live(identity) if identity.user.is_some() => {
            render(StatusCode::OK, &SignOutPage { context })
        }
        SessionState::Unknown => Problem::silent_store().into_response(),
        _ => see_other("/login"),
    }
}

/// `POST /logout`: signs out.
pub(crate) async fn sign_out(
    State(logout): State<Logout>,
    current: CurrentSession,
) -> Result<Response, Problem> {
    end_current(&logout, &current).await?;
    Ok(see_other("/login"))
}
