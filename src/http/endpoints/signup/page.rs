//! `/signup`: creates an account.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::accounts::Email;
use crate::http::endpoints::factors::access::{accept, second_step_of};
use crate::http::endpoints::recovery::view::MailSentPage;
use crate::http::endpoints::session::cookie_check::redirect_after_sign_in;
use crate::http::endpoints::session::page::{resubmitted, with_path};
use crate::http::endpoints::session::repeated_form::repeat_sign_in;
use crate::http::endpoints::signup::api::{signup_closed, signup_request};
use crate::http::endpoints::signup::view::SignUpPage;
use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::applications::Applications;
use crate::http::security::headers::forms_lead_to;
use crate::http::security::redirect::{destination, safe_next, see_other};
use crate::http::session::current::{CurrentSession, SessionState};
use crate::http::session::recent_sign_ins::RecentSignIns;
use crate::http::state::FormSettings;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::{problems_of, render};
use crate::sessions::Sessions;
use crate::use_cases::{Login, SentForms, Signup, SignupRequest};

/// `GET /signup`: the form, or a redirect where the browser is signed in.
pub(crate) async fn form(
    (State(form_settings), State(forms)): (State<FormSettings>, State<SentForms>),
    State(applications): State<Applications>,
    (current, context): (CurrentSession, PageContext),
    query: Query,
) -> Response {
    match current.session_state() {
        SessionState::Live(identity) if identity.user.is_some() => {
            return see_other(&destination(query.find("next"), &applications));
        }
        SessionState::Unknown => return Problem::silent_store().into_response(),
        _ => {}
    }
    let is_open = form_settings.signup_is_open;
    let next = safe_next(query.find("next"), &applications);
    let page = SignUpPage {
        context: PageContext { form: forms.name(), ..with_path(context, "/signup", &next) },
        is_open,
        problems: Problems::none(),
        email: String::new(),
        name: String::new(),
        minimum_length: form_settings.password_min_length,
        next: next.clone(),
    };
    let status = if is_open { StatusCode::OK } else { StatusCode::FORBIDDEN };
    forms_lead_to(&next, render(status, &page))
}

/// `POST /signup`: creates the account, signs in and redirects.
pub(crate) async fn submit(
    (State(signup), State(login)): (State<Signup>, State<Login>),
    (State(forms), State(form_settings)): (State<SentForms>, State<FormSettings>),
    (State(recent_sign_ins), State(sessions), State(applications)): (
        State<RecentSignIns>,
        State<Sessions>,
        State<Applications>,
    ),
    (current, context): (CurrentSession, PageContext),
    form: Form,
) -> Result<Response, Problem> {
    let (email, name) = (form.get("email"), form.get("name"));
    let targets = (&recent_sign_ins, &applications);
    let turn = forms.turn(form.get("form")).await;
    let made_before = turn.earlier().is_some_and(|it| Email::parse(email).ok() == Some(it.email));
    if made_before && repeat_sign_in(&login, &current, &turn, form.get("password")).await {
        return Ok(redirect_after_sign_in(targets, &sessions, &current, &form));
    }
    let request = signup_request(&current, email, name, form.get("password"));
    if signup.is_by_mail()
        && form_settings.signup_is_open
        && let Ok(request) = request
    {
        return match signup.by_mail(request).await.map_err(Problem::from) {
            Ok(()) => Ok(see_other("/signup/sent")),
            Err(problem) => again(problem, (&form, context), form_settings, &applications),
        };
    }
    let made = match request {
        _ if !form_settings.signup_is_open => Err(signup_closed()),
        Ok(request) => signup
            .with_password(SignupRequest { form: turn, ..request })
            .await
            .map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    match made.and_then(|signed_in| accept(&current, signed_in)) {
        Ok(_) => Ok(redirect_after_sign_in(targets, &sessions, &current, &form)),
        Err(problem) => {
            let next = safe_next(form.find("next"), &applications);
            match second_step_of(&problem, &next) {
                Some(response) => Ok(response),
                None => again(problem, (&form, context), form_settings, &applications),
            }
        }
    }
}

/// The form again, with its problems.
fn again(
    problem: Problem,
    (form, context): (&Form, PageContext),
    form_settings: FormSettings,
    applications: &Applications,
) -> Result<Response, Problem> {
    let (rejected, problems) = problems_of(problem, &context, form_settings.password_min_length)?;
    let next = safe_next(form.find("next"), applications);
    let page = SignUpPage {
        context: resubmitted(with_path(context, "/signup", &next), form),
        is_open: form_settings.signup_is_open,
        problems,
        email: form.get("email").to_owned(),
        name: form.get("name").to_owned(),
        minimum_length: form_settings.password_min_length,
        next: next.clone(),
    };
    Ok(forms_lead_to(&next, rejected.render(&page)))
}

/// `GET /signup/sent`: says to look at the mail, whether or not the address was free.
pub(crate) async fn sent(
    State(signup): State<Signup>,
    context: PageContext,
) -> Result<Response, Problem> {
    if !signup.is_by_mail() {
        return Err(Problem::not_found());
    }
    let title = context.text("signup-sent-title");
    let lead = context.text("signup-sent-lead");
    Ok(render(StatusCode::OK, &MailSentPage { context, title, lead }))
}
