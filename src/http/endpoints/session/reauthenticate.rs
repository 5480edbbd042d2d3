//! Proving once more who one is.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::http::endpoints::session::page::{carried, destination, framed, retrying, shown_again};
use crate::http::endpoints::session::repeated_form::sent_again;
use crate::http::endpoints::session::view::ReauthenticatePage;
use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::{Code, Problem};
use crate::http::security::redirect::{see_other, with_next};
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::{CurrentUser, CurrentUserOrLogin};
use crate::http::state::FormSettings;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::Frame;
use crate::http::web::render::{problems_of, shown};
use crate::use_cases::{Login, Reauthenticate, SentForms};

/// `GET /reauthenticate`: asks for the password.
pub(crate) async fn form(
    State(forms): State<SentForms>,
    CurrentUserOrLogin(current): CurrentUserOrLogin,
    frame: Frame,
    query: Query,
) -> Response {
    let next = carried(query.find("next"));
    let page = ReauthenticatePage {
        frame: Frame { form: forms.name(), ..framed(frame, "/reauthenticate", &next) },
        email: current.user.email.display(),
        next,
        problems: Problems::none(),
    };
    shown(StatusCode::OK, &page)
}

/// `POST /reauthenticate`: checks it and goes on under a new token.
pub(crate) async fn submit(
    (State(reauthenticate), State(login)): (State<Reauthenticate>, State<Login>),
    (State(forms), State(form_settings)): (State<SentForms>, State<FormSettings>),
    signed_in: Result<CurrentUser, Problem>,
    (current, frame): (CurrentSession, Frame),
    form: Form,
) -> Result<Response, Problem> {
    let turn = forms.turn(form.get("form")).await;
    if sent_again(&login, &current, (&turn, form.get("password"))).await {
        return Ok(see_other(&destination(form.find("next"))));
    }
    // A sign-in proves as much, so that it leads to where this form would.
    let sign_in = || see_other(&with_next("/login", &carried(form.find("next"))));
    let CurrentUser { user, session, token, actor } = match signed_in {
        Ok(signed_in) => signed_in,
        Err(problem) if problem.status == StatusCode::UNAUTHORIZED => return Ok(sign_in()),
        Err(problem) => return Err(problem),
    };
    let proof = current.proof(form.get("password"));
    let by = (&actor.by(), &turn);
    let proven = match actor.count_change().await {
        Ok(()) => reauthenticate
            .with_password(&user, (&session, &token), &proof, by)
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
                return Ok(sign_in());
            }
            let retry_after = problem.retry_after;
            let wrong = problem.code == Code::InvalidCredentials;
            let (status, problems) =
                problems_of(problem, &frame, form_settings.password_min_length)?;
            let problems = if wrong {
                Problems::of_field("password", frame.text("password-wrong"))
            } else {
                problems
            };
            let email = user.email.display();
            let next = carried(form.find("next"));
            let frame = shown_again(framed(frame, "/reauthenticate", &next), &form);
            let page = ReauthenticatePage { frame, email, next, problems };
            Ok(retrying(retry_after, shown(status, &page)))
        }
    }
}
