//! `/account/delete`: deletion of the user's own account.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::ChangeError;
use crate::http::endpoints::account::view::DeletePage;
use crate::http::request::body::Form;
use crate::http::response::error::Problem;
use crate::http::security::redirect::{see_other, with_next};
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::{CurrentUser, CurrentUserOrLogin};
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::{problems_of, render};
use crate::use_cases::{AccountChange, AccountChanges, OwnFactors};

const PATH: &str = "/account/delete";

fn page(context: PageContext, current: &CurrentUser, problems: Problems) -> DeletePage {
    let context = PageContext { path: PATH.to_owned(), ..context };
    DeletePage { context, problems, email: current.user.email.display() }
}

/// `GET /account/delete`: asks for confirmation. Without a fresh proof of identity it redirects to
/// the reauthentication.
pub(crate) async fn form(
    State(own): State<OwnFactors>,
    CurrentUserOrLogin(current): CurrentUserOrLogin,
    context: PageContext,
) -> Result<Response, Problem> {
    if own.authorize(&current.session, current.actor.by()).await?.is_none() {
        return Ok(see_other(&with_next("/reauthenticate", PATH)));
    }
    Ok(render(StatusCode::OK, &page(context, &current, Problems::none())))
}

/// `POST /account/delete`: deletes the account and ends its sessions.
pub(crate) async fn submit(
    (State(changes), State(own)): (State<AccountChanges>, State<OwnFactors>),
    CurrentUserOrLogin(signed_in): CurrentUserOrLogin,
    (current, context): (CurrentSession, PageContext),
    form: Form,
) -> Result<Response, Problem> {
    let authorized = own.authorize(&signed_in.session, signed_in.actor.by()).await?;
    let Some(authorized) = authorized else {
        return Ok(see_other(&with_next("/reauthenticate", PATH)));
    };
    if !form.ticked("confirm") {
        let problems = Problems::of_field("confirm", context.text("delete-unconfirmed"));
        return Ok(render(StatusCode::UNPROCESSABLE_ENTITY, &page(context, &signed_in, problems)));
    }
    let change = AccountChange { delete: true, ..AccountChange::default() };
    match changes.apply(signed_in.user.id, change, &authorized).await {
        Ok(_) => {
            current.forget_session();
            Ok(see_other("/login?ended=account_deleted"))
        }
        Err(error @ ChangeError::LastAdministrator) => {
            // No field of this form is a password.
            let (rejected, problems) = problems_of(error.into(), &context, 0)?;
            Ok(rejected.render(&page(context, &signed_in, problems)))
        }
        Err(error) => Err(error.into()),
    }
}
