//! `/reauthenticate`: asks for the password again.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::http::endpoints::session::page::{resubmitted, with_path};
use crate::http::endpoints::session::repeated_form::repeat_sign_in;
use crate::http::endpoints::session::view::ReauthenticatePage;
use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::applications::Applications;
use crate::http::security::headers::forms_lead_to;
use crate::http::security::redirect::{destination, safe_next, see_other, with_next};
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::{CurrentUser, CurrentUserOrLogin};
use crate::http::state::FormSettings;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::{problems_of, render};
use crate::use_cases::{Login, Reauthenticate, SentForms};

/// `GET /reauthenticate`: asks for the password.
pub(crate) async fn form(
    (State(forms), State(applications)): (State<SentForms>, State<Applications>),
    CurrentUserOrLogin(current): CurrentUserOrLogin,
    context: PageContext,
    query: Query,
) -> Response {
    let next = safe_next(query.find("next"), &applications);
    let page = ReauthenticatePage {
        context: PageContext { form: forms.name(), ..with_path(context, "/reauthenticate", &next) },
        email: current.user.email.display(),
        next: next.clone(),
        problems: Problems::none(),
    };
    forms_lead_to(&next, render(StatusCode::OK, &page))
}

/// `POST /reauthenticate`: checks it and rotates the token.
pub(crate) async fn submit(
    (State(reauthenticate), State(login)): (State<Reauthenticate>, State<Login>),
    (State(forms), State(form_settings)): (State<SentForms>, State<FormSettings>),
    (signed_in, State(applications)): (Result<CurrentUser, Problem>, State<Applications>),
    (current, context): (CurrentSession, PageContext),
    form: Form,
) -> Result<Response, Problem> {
    let turn = forms.turn(form.get("form")).await;
    if repeat_sign_in(&login, &current, &turn, form.get("password")).await {
        return Ok(see_other(&destination(form.find("next"), &applications)));
    }
    // A sign-in proves as much, so that it leads to where this form would.
    let next = safe_next(form.find("next"), &applications);
    let sign_in = || see_other(&with_next("/login", &next));
    let CurrentUser { user, session, token, actor } = match signed_in {
        Ok(signed_in) => signed_in,
        Err(problem) if problem.status == StatusCode::UNAUTHORIZED => return Ok(sign_in()),
        Err(problem) => return Err(problem),
    };
    let proof = current.proof(form.get("password"));
    let by = (&actor.by(), &turn);
    let proven = reauthenticate.with_password(&user, (&session, &token), &proof, by);
    match actor.counted(proven).await {
        Ok(started) => {
            current.set_session(started, Some(user));
            Ok(see_other(&destination(form.find("next"), &applications)))
        }
        Err(problem) => {
            if problem.status == StatusCode::UNAUTHORIZED {
                return Ok(sign_in());
            }
            let (rejected, problems) =
                problems_of(problem, &context, form_settings.password_min_length)?;
            let problems = if rejected.had_wrong_password() {
                Problems::of_field("password", context.text("password-wrong"))
            } else {
                problems
            };
            let email = user.email.display();
            let context = resubmitted(with_path(context, "/reauthenticate", &next), &form);
            let page = ReauthenticatePage { context, email, next: next.clone(), problems };
            Ok(forms_lead_to(&next, rejected.render(&page)))
        }
    }
}
