//! Making an account.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::accounts::Email;
use crate::http::endpoints::session::arrival::{Arrivals, go_on};
use crate::http::endpoints::session::page::{carried, destination, framed, retrying, shown_again};
use crate::http::endpoints::session::repeated_form::sent_again;
use crate::http::endpoints::signup::api::{signup_closed, signup_request};
use crate::http::endpoints::signup::view::SignUpPage;
use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::redirect::see_other;
use crate::http::session::current::CurrentSession;
use crate::http::state::FormSettings;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::Frame;
use crate::http::web::render::{problems_of, shown};
use crate::sessions::Sessions;
use crate::use_cases::{Login, SentForms, Signup, SignupRequest};

/// `GET /signup`: the form; whoever is signed in goes on.
pub(crate) async fn form(
    (State(form_settings), State(forms)): (State<FormSettings>, State<SentForms>),
    current: CurrentSession,
    frame: Frame,
    query: Query,
) -> Response {
    match current.signed_in() {
        Ok(_) => return see_other(&destination(query.find("next"))),
        Err(problem) if problem.status == StatusCode::SERVICE_UNAVAILABLE => {
            return problem.into_response();
        }
        Err(_) => {}
    }
    let is_open = form_settings.signup_is_open;
    let next = carried(query.find("next"));
    let page = SignUpPage {
        frame: Frame { form: forms.name(), ..framed(frame, "/signup", &next) },
        is_open,
        problems: Problems::none(),
        email: String::new(),
        name: String::new(),
        minimum_length: form_settings.password_min_length,
        next,
    };
    shown(if is_open { StatusCode::OK } else { StatusCode::FORBIDDEN }, &page)
}

/// `POST /signup`: makes the account, signs in and goes on.
pub(crate) async fn submit(
    (State(signup), State(login)): (State<Signup>, State<Login>),
    (State(forms), State(form_settings)): (State<SentForms>, State<FormSettings>),
    (State(arrivals), State(sessions)): (State<Arrivals>, State<Sessions>),
    (current, frame): (CurrentSession, Frame),
    form: Form,
) -> Result<Response, Problem> {
    let (email, name) = (form.get("email"), form.get("name"));
    let turn = forms.turn(form.get("form")).await;
    let made_before = turn.earlier().is_some_and(|it| Email::parse(email).ok() == Some(it.email));
    if made_before && sent_again(&login, &current, (&turn, form.get("password"))).await {
        return Ok(go_on((&arrivals, &sessions), &current, &form));
    }
    let made = match signup_request(&current, email, name, form.get("password")) {
        _ if !form_settings.signup_is_open => Err(signup_closed()),
        Ok(request) => signup
            .with_password(SignupRequest { form: turn, ..request })
            .await
            .map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    match made {
        Ok((user, started)) => {
            current.began(started, Some(Arc::new(user)));
            Ok(go_on((&arrivals, &sessions), &current, &form))
        }
        Err(problem) => {
            let retry_after = problem.retry_after;
            let (status, problems) =
                problems_of(problem, &frame, form_settings.password_min_length)?;
            let next = carried(form.find("next"));
            let page = SignUpPage {
                frame: shown_again(framed(frame, "/signup", &next), &form),
                is_open: form_settings.signup_is_open,
                problems,
                email: email.to_owned(),
                name: name.to_owned(),
                minimum_length: form_settings.password_min_length,
                next,
            };
            Ok(retrying(retry_after, shown(status, &page)))
        }
    }
}
