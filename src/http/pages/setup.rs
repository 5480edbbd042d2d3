//! Making the first administrator, by the one-time link that the server prints at its start.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::login::retrying;
use super::views::{Frame, Problems, SetupPage};
use super::{problems_of, shown};
use crate::flows::Signup;
use crate::http::api::session::signup_request;
use crate::http::body::Form;
use crate::http::current::CurrentSession;
use crate::http::error::Problem;
use crate::http::query::Query;
use crate::http::redirect::see_other;
use crate::http::state::Manners;

/// `GET /setup?token=…`: the form. Looking at it uses nothing up.
pub(crate) async fn form(
    State(signup): State<Signup>,
    State(manners): State<Manners>,
    frame: Frame,
    query: Query,
) -> Result<Response, Problem> {
    let token = query.find("token").unwrap_or_default();
    if !signup.link_works(token).await? {
        return Err(Problem::needless_setup());
    }
    let page = SetupPage {
        frame,
        token: token.to_owned(),
        email: String::new(),
        name: String::new(),
        minimum_length: manners.password_min_length,
        problems: Problems::none(),
    };
    Ok(shown(StatusCode::OK, &page))
}

/// `POST /setup`: makes the administrator and signs them in.
pub(crate) async fn submit(
    State(signup): State<Signup>,
    State(manners): State<Manners>,
    current: CurrentSession,
    frame: Frame,
    form: Form,
) -> Result<Response, Problem> {
    let (token, email, name) = (form.get("token"), form.get("email"), form.get("name"));
    if !signup.link_works(token).await? {
        return Err(Problem::needless_setup());
    }
    let made = match signup_request(&current, email, name, form.get("password")) {
        Ok(request) => signup.first_administrator(token, request).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    match made {
        Ok((user, started)) => {
            current.began(started, Some(Arc::new(user)));
            Ok(see_other("/account"))
        }
        Err(problem) => {
            let retry_after = problem.retry_after;
            let (status, problems) = problems_of(problem, &frame, manners.password_min_length)?;
            let page = SetupPage {
                // A change of language comes back by GET, which needs the token too.
                frame: Frame { path: format!("/setup?token={token}"), ..frame },
                token: token.to_owned(),
                email: email.to_owned(),
                name: name.to_owned(),
                minimum_length: manners.password_min_length,
                problems,
            };
            Ok(retrying(retry_after, shown(status, &page)))
        }
    }
}
