//! `/account/profile`: change of name and email address.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::http::endpoints::account::api::{ProfileChange, profile_change};
use crate::http::endpoints::account::view::ProfilePage;
use crate::http::request::body::Form;
use crate::http::response::error::Problem;
use crate::http::security::redirect::{see_other, with_next};
use crate::http::session::extract::{CurrentUser, CurrentUserOrLogin};
use crate::http::state::FormSettings;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::{problems_of, render};
use crate::use_cases::{AccountChanges, OwnChange};

const PATH: &str = "/account/profile";

/// `GET /account/profile`: the form.
pub(crate) async fn form(
    CurrentUserOrLogin(current): CurrentUserOrLogin,
    context: PageContext,
) -> Response {
    let CurrentUser { user, .. } = current;
    let (name, email) = (user.name.as_str().to_owned(), user.email.display());
    render(StatusCode::OK, &ProfilePage { context, problems: Problems::none(), name, email })
}

/// `POST /account/profile`: another name or address. An address needs a fresh proof.
pub(crate) async fn submit(
    State(changes): State<AccountChanges>,
    State(form_settings): State<FormSettings>,
    CurrentUserOrLogin(current): CurrentUserOrLogin,
    context: PageContext,
    form: Form,
) -> Result<Response, Problem> {
    let CurrentUser { user, actor, .. } = &current;
    let (name, email) = (form.find("name"), form.find("email"));
    let outcome = match profile_change(user, name, email) {
        Err(problem) => Err(problem),
        Ok(ProfileChange { name, email, keeps_email }) => {
            let proof = current.fresh_proof();
            if email.is_some() && proof.is_none() {
                return Ok(see_other(&with_next("/reauthenticate", PATH)));
            }
            let change = OwnChange { name, email: email.zip(proof), keeps_email };
            let by = actor.by();
            let made = Box::pin(changes.by_owner(user.id, change, &by));
            actor.counted(made).await
        }
    };
    match outcome {
        Ok(done) if done.pending_email.is_some() => Ok(see_other("/account?done=pending-email")),
        Ok(_) => Ok(see_other("/account?done=profile")),
        Err(problem) => {
            let (rejected, problems) =
                problems_of(problem, &context, form_settings.password_min_length)?;
            let context = PageContext { path: PATH.to_owned(), ..context };
            let (name, email) = (form.get("name").to_owned(), form.get("email").to_owned());
            let page = ProfilePage { context, problems, name, email };
            Ok(rejected.render(&page))
        }
    }
}
