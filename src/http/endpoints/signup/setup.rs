//! `/setup`: creates the first administrator by the one-time link that the server prints.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::Email;
use crate::http::endpoints::factors::access::{accept, second_step_of};
use crate::http::endpoints::session::cookie_check::redirect_after_sign_in;
use crate::http::endpoints::session::page::resubmitted;
use crate::http::endpoints::session::repeated_form::repeat_sign_in;
use crate::http::endpoints::signup::api::signup_request;
use crate::http::endpoints::signup::view::SetupPage;
use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::applications::Applications;
use crate::http::session::current::CurrentSession;
use crate::http::session::recent_sign_ins::RecentSignIns;
use crate::http::state::FormSettings;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::{problems_of, render};
use crate::sessions::Sessions;
use crate::use_cases::{Login, SentForms, Signup, SignupRequest};

/// `GET /setup?token=…`: the form. Looking at it uses nothing up.
pub(crate) async fn form(
    State(signup): State<Signup>,
    (State(form_settings), State(forms)): (State<FormSettings>, State<SentForms>),
    context: PageContext,
    query: Query,
) -> Result<Response, Problem> {
    let token = query.find("token").unwrap_or_default();
    if !signup.link_works(token).await? {
        return Err(Problem::needless_setup());
    }
    let page = SetupPage {
        context: PageContext { form: forms.name(), ..context },
        token: token.to_owned(),
        email: String::new(),
        name: String::new(),
        minimum_length: form_settings.password_min_length,
        problems: Problems::none(),
    };
    Ok(render(StatusCode::OK, &page))
}

/// `POST /setup`: makes the administrator and signs them in.
pub(crate) async fn submit(
    (State(signup), State(login)): (State<Signup>, State<Login>),
    (State(forms), State(form_settings)): (State<SentForms>, State<FormSettings>),
    (State(recent_sign_ins), State(sessions)): (State<RecentSignIns>, State<Sessions>),
    (current, context): (CurrentSession, PageContext),
    form: Form,
) -> Result<Response, Problem> {
    let (token, email, name) = (form.get("token"), form.get("email"), form.get("name"));
    // Nobody comes here from an application.
    let targets = (&recent_sign_ins, &Applications::default());
    let turn = forms.turn(form.get("form")).await;
    let made_before = turn.earlier().is_some_and(|it| Email::parse(email).ok() == Some(it.email));
    if made_before && repeat_sign_in(&login, &current, &turn, form.get("password")).await {
        return Ok(redirect_after_sign_in(targets, &sessions, &current, &form));
    }
    if !signup.link_works(token).await? {
        return Err(Problem::needless_setup());
    }
    let made = match signup_request(&current, email, name, form.get("password")) {
        Ok(request) => {
            let request = SignupRequest { form: turn, ..request };
            signup.first_administrator(token, request).await.map_err(Problem::from)
        }
        Err(problem) => Err(problem),
    };
    match made.and_then(|signed_in| accept(&current, signed_in)) {
        Ok(_) => Ok(redirect_after_sign_in(targets, &sessions, &current, &form)),
        Err(problem) => {
            if let Some(response) = second_step_of(&problem, "") {
                return Ok(response);
            }
            let (rejected, problems) =
                problems_of(problem, &context, form_settings.password_min_length)?;
            let page = SetupPage {
                // A change of language comes back by GET, which needs the token too.
                context: PageContext {
                    path: format!("/setup?token={token}"),
                    ..resubmitted(context, &form)
                },
                token: token.to_owned(),
                email: email.to_owned(),
                name: name.to_owned(),
                minimum_length: form_settings.password_min_length,
                problems,
            };
            Ok(rejected.render(&page))
        }
    }
}
