//! Proving once more who one is.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::login::{carried, destination, framed, retrying};
use super::views::{Frame, Problems, ReauthenticatePage};
use super::{problems_of, shown};
use crate::flows::Reauthenticate;
use crate::http::body::Form;
use crate::http::current::CurrentSession;
use crate::http::error::{Code, Problem};
use crate::http::extract::{CurrentUser, CurrentUserOrLogin};
use crate::http::query::Query;
use crate::http::redirect::see_other;
use crate::http::state::Manners;

/// `GET /reauthenticate`: asks for the password.
pub(crate) async fn form(
    CurrentUserOrLogin(current): CurrentUserOrLogin,
    frame: Frame,
    query: Query,
) -> Response {
    let next = carried(query.find("next"));
    let page = ReauthenticatePage {
        frame: framed(frame, "/reauthenticate", &next),
        email: current.user.email.display(),
        next,
        problems: Problems::none(),
    };
    shown(StatusCode::OK, &page)
}

/// `POST /reauthenticate`: checks it and goes on under a new token.
pub(crate) async fn submit(
    State(reauthenticate): State<Reauthenticate>,
    State(manners): State<Manners>,
    CurrentUserOrLogin(signed_in): CurrentUserOrLogin,
    (current, frame): (CurrentSession, Frame),
    form: Form,
) -> Result<Response, Problem> {
    let CurrentUser { user, session, token, actor } = signed_in;
    let proof = current.proof(form.get("password"));
    let proven = match actor.count_change().await {
        Ok(()) => reauthenticate
            .with_password(user.id, (&session, &token), &proof, &actor.by())
            .await
            .map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    match proven {
        Ok(started) => {
            current.began(started, Some(user));
            Ok(see_other(&destination(form.find("next"))))
        }
        Err(problem) => {
            if problem.status == StatusCode::UNAUTHORIZED {
                return Ok(see_other("/login"));
            }
            let retry_after = problem.retry_after;
            let wrong = problem.code == Code::InvalidCredentials;
            let (status, problems) = problems_of(problem, &frame, manners.password_min_length)?;
            let problems = if wrong {
                Problems::of_field("password", frame.text("password-wrong"))
            } else {
                problems
            };
            let email = user.email.display();
            let next = carried(form.find("next"));
            let frame = framed(frame, "/reauthenticate", &next);
            let page = ReauthenticatePage { frame, email, next, problems };
            Ok(retrying(retry_after, shown(status, &page)))
        }
    }
}
