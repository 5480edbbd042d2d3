//! Deleting one's own account.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::http::endpoints::account::view::DeletePage;
use crate::http::request::body::Form;
use crate::http::response::error::{Code, Problem};
use crate::http::security::redirect::{see_other, with_next};
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::{CurrentUser, CurrentUserOrLogin};
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::Frame;
use crate::http::web::render::{problems_of, shown};
use crate::sessions::Sessions;
use crate::use_cases::{AccountChange, AccountChanges};

const PATH: &str = "/account/delete";

fn page(frame: Frame, current: &CurrentUser, problems: Problems) -> DeletePage {
    let frame = Frame { path: PATH.to_owned(), ..frame };
    DeletePage { frame, problems, email: current.user.email.display() }
}

/// `GET /account/delete`: says what goes, and asks. Whoever did not just prove who they are is
/// asked for that first.
pub(crate) async fn form(
    State(sessions): State<Sessions>,
    CurrentUserOrLogin(current): CurrentUserOrLogin,
    frame: Frame,
) -> Response {
    if !sessions.is_fresh(&current.session) {
        return see_other(&with_next("/reauthenticate", PATH));
    }
    shown(StatusCode::OK, &page(frame, &current, Problems::none()))
}

/// `POST /account/delete`: deletes the account and ends its sessions.
pub(crate) async fn submit(
    (State(changes), State(sessions)): (State<AccountChanges>, State<Sessions>),
    CurrentUserOrLogin(signed_in): CurrentUserOrLogin,
    (current, frame): (CurrentSession, Frame),
    form: Form,
) -> Result<Response, Problem> {
    if !sessions.is_fresh(&signed_in.session) {
        return Ok(see_other(&with_next("/reauthenticate", PATH)));
    }
    if !form.ticked("confirm") {
        let problems = Problems::of_field("confirm", frame.text("delete-unconfirmed"));
        return Ok(shown(StatusCode::UNPROCESSABLE_ENTITY, &page(frame, &signed_in, problems)));
    }
    let change = AccountChange { delete: true, ..AccountChange::default() };
    match changes.apply(signed_in.user.id, change, &signed_in.actor.by()).await {
        Ok(_) => {
            current.over();
            Ok(see_other("/login?ended=account_deleted"))
        }
        Err(error) => {
            let problem = Problem::from(error);
            if problem.code != Code::LastAdministrator {
                return Err(problem);
            }
            // No field of this form is a password.
            let (status, problems) = problems_of(problem, &frame, 0)?;
            Ok(shown(status, &page(frame, &signed_in, problems)))
        }
    }
}
