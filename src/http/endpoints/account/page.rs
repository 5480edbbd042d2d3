//! `/account`: overview of the account, and change of the password.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::{Email, Password, Role};
use crate::http::endpoints::account::view::{AccountNotice, OwnAccountPage};
use crate::http::endpoints::session::page::resubmitted;
use crate::http::endpoints::session::repeated_form::repeat_sign_in;
use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::redirect::{see_other, with_next};
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::{CurrentUser, CurrentUserOrLogin};
use crate::http::state::FormSettings;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::{problems_of, render};
use crate::use_cases::{AccountChanges, ChangePassword, Login, SentForms};

fn page(
    context: PageContext,
    (current, pending): (&CurrentUser, Option<Email>),
    form_settings: FormSettings,
    problems: Problems,
) -> OwnAccountPage {
    let CurrentUser { user, session, .. } = current;
    OwnAccountPage {
        context: PageContext { path: "/account".to_owned(), ..context },
        email: user.email.display(),
        email_verified: user.email_verified,
        pending_email: pending.map(|email| email.display()),
        can_verify: form_settings.recovery_is_open && !user.email_verified,
        name: user.name.as_str().to_owned(),
        is_admin: user.role == Role::Admin,
        groups: user.groups.iter().map(str::to_owned).collect(),
        member_since: user.created_at,
        signed_in_since: session.authenticated_at.unwrap_or(session.created_at),
        problems,
        minimum_length: form_settings.password_min_length,
        notice: None,
    }
}

/// `GET /account`.
pub(crate) async fn show(
    (State(form_settings), State(forms)): (State<FormSettings>, State<SentForms>),
    State(changes): State<AccountChanges>,
    CurrentUserOrLogin(current): CurrentUserOrLogin,
    context: PageContext,
    query: Query,
) -> Result<Response, Problem> {
    let pending = changes.pending_email(current.user.id).await?;
    let context = PageContext { form: forms.name(), ..context };
    let page = page(context, (&current, pending), form_settings, Problems::none());
    let notice = match query.find("done") {
        Some("password") => Some(AccountNotice::Password),
        Some("profile") => Some(AccountNotice::Profile),
        Some("pending-email") => Some(AccountNotice::PendingEmail),
        Some("verification") => Some(AccountNotice::Verification),
        _ => None,
    };
    Ok(render(StatusCode::OK, &OwnAccountPage { notice, ..page }))
}

/// `POST /account/password`: changes the password; all other sessions end.
pub(crate) async fn change_password(
    (State(change), State(login)): (State<ChangePassword>, State<Login>),
    (State(forms), State(form_settings), State(accounts)): (
        State<SentForms>,
        State<FormSettings>,
        State<AccountChanges>,
    ),
    signed_in: Result<CurrentUserOrLogin, Response>,
    (current, context): (CurrentSession, PageContext),
    form: Form,
) -> Result<Response, Problem> {
    let turn = forms.turn(form.get("form")).await;
    // The same form changed it already, and so the cookie is out of date and the password new.
    if repeat_sign_in(&login, &current, &turn, form.get("new_password")).await {
        return Ok(see_other("/account?done=password"));
    }
    let signed_in = match signed_in {
        Ok(CurrentUserOrLogin(signed_in)) => signed_in,
        Err(response) => return Ok(response),
    };
    let CurrentUser { user, session, token, actor } = &signed_in;
    let proof = current.proof(form.get("current_password"));
    let new = Password::from_typed(form.get("new_password"));
    let by = (&actor.by(), &turn);
    let changed = change.with_proof(user, (session, token), (&proof, &new), by);
    match Box::pin(actor.counted(changed)).await {
        Ok(started) => {
            current.set_continued_session(started, user.clone());
            Ok(see_other("/account?done=password"))
        }
        Err(problem) => {
            if problem.status == StatusCode::UNAUTHORIZED {
                return Ok(see_other(&with_next("/login", "/account")));
            }
            let (rejected, problems) =
                problems_of(problem, &context, form_settings.password_min_length)?;
            let problems = if rejected.had_wrong_password() {
                Problems::of_field("current_password", context.text("password-wrong"))
            } else {
                problems
            };
            let pending = accounts.pending_email(signed_in.user.id).await?;
            let context = resubmitted(context, &form);
            let page = page(context, (&signed_in, pending), form_settings, problems);
            Ok(rejected.render(&page))
        }
    }
}
