//! Making an account.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::login::{carried, destination, framed, retrying};
use super::views::{Frame, Problems, SignUpPage};
use super::{problems_of, shown};
use crate::flows::Signup;
use crate::http::api::session::{signup_closed, signup_request};
use crate::http::body::Form;
use crate::http::current::CurrentSession;
use crate::http::error::Problem;
use crate::http::query::Query;
use crate::http::redirect::see_other;
use crate::http::state::Manners;

/// `GET /signup`: the form; whoever is signed in goes on.
pub(crate) async fn form(
    State(manners): State<Manners>,
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
    let is_open = manners.signup_is_open;
    let next = carried(query.find("next"));
    let page = SignUpPage {
        frame: framed(frame, "/signup", &next),
        is_open,
        problems: Problems::none(),
        email: String::new(),
        name: String::new(),
        minimum_length: manners.password_min_length,
        next,
    };
    shown(if is_open { StatusCode::OK } else { StatusCode::FORBIDDEN }, &page)
}

/// `POST /signup`: makes the account, signs in and goes on.
pub(crate) async fn submit(
    State(signup): State<Signup>,
    State(manners): State<Manners>,
    current: CurrentSession,
    frame: Frame,
    form: Form,
) -> Result<Response, Problem> {
    let (email, name) = (form.get("email"), form.get("name"));
    let made = match signup_request(&current, email, name, form.get("password")) {
        _ if !manners.signup_is_open => Err(signup_closed()),
        Ok(request) => signup.with_password(request).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    match made {
        Ok((user, started)) => {
            current.began(started, Some(Arc::new(user)));
            Ok(see_other(&destination(form.find("next"))))
        }
        Err(problem) => {
            let retry_after = problem.retry_after;
            let (status, problems) = problems_of(problem, &frame, manners.password_min_length)?;
            let next = carried(form.find("next"));
            let page = SignUpPage {
                frame: framed(frame, "/signup", &next),
                is_open: manners.signup_is_open,
                problems,
                email: email.to_owned(),
                name: name.to_owned(),
                minimum_length: manners.password_min_length,
                next,
            };
            Ok(retrying(retry_after, shown(status, &page)))
        }
    }
}
