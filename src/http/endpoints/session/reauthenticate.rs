//! `/reauthenticate`: asks for the password again, or for a code of the second factor.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::TypedCode;
use crate::http::endpoints::passkeys::api::typed_assertion;
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
use crate::http::web::render::{RejectedForm, problems_of, render};
use crate::sessions::StartedSession;
use crate::use_cases::{FormTurn, Login, Reauthenticate, SentForms};

/// `GET /reauthenticate`: asks for the password or a code.
pub(crate) async fn form(
    State(reauthenticate): State<Reauthenticate>,
    (State(forms), State(applications)): (State<SentForms>, State<Applications>),
    CurrentUserOrLogin(current): CurrentUserOrLogin,
    context: PageContext,
    query: Query,
) -> Result<Response, Problem> {
    let next = safe_next(query.find("next"), &applications);
    let (asks_for_code, has_passkey) = reauthenticate.factors(current.user.id).await?;
    let page = ReauthenticatePage {
        context: PageContext { form: forms.name(), ..with_path(context, "/reauthenticate", &next) },
        email: current.user.email.display(),
        asks_for_code,
        has_passkey,
        next: next.clone(),
        problems: Problems::none(),
    };
    Ok(forms_lead_to(&next, render(StatusCode::OK, &page)))
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
    if let Some(password) = form.find("password")
        && repeat_sign_in(&login, &current, &turn, password).await
    {
        return Ok(see_other(&destination(form.find("next"), &applications)));
    }
    let next = safe_next(form.find("next"), &applications);
    let leads_on = || see_other(&destination(form.find("next"), &applications));
    if form.find("password").is_none() && was_proven(&turn, &current) {
        return Ok(leads_on());
    }
    // A sign-in proves as much, so that it leads to where this form would.
    let sign_in = || see_other(&with_next("/login", &next));
    let signed_in = match signed_in {
        Ok(signed_in) => signed_in,
        Err(problem) if problem.status != StatusCode::UNAUTHORIZED => return Err(problem),
        // An earlier request of the form went well, and the browser may have its cookie by now.
        Err(_) if turn.earlier().is_some() => return Ok(leads_on()),
        Err(_) => return Ok(sign_in()),
    };
    let proven = prove(&reauthenticate, &signed_in, (&current, &form), &turn).await;
    let user = signed_in.user;
    match proven {
        Ok(started) => {
            current.set_session(started, Some(user));
            Ok(leads_on())
        }
        Err(problem) => {
            if problem.status == StatusCode::UNAUTHORIZED {
                return Ok(sign_in());
            }
            let (rejected, problems) =
                problems_of(problem, &context, form_settings.password_min_length)?;
            let (has_factor, has_passkey) = reauthenticate.factors(user.id).await?;
            let by_passkey = form.find("credential").is_some();
            let asks_for_code = form.find("code").is_some() || (by_passkey && has_factor);
            let problems = if by_passkey && rejected.had_wrong_password() {
                Problems::of_form(context.text("passkey-wrong"))
            } else {
                shown_beside_field(asks_for_code, rejected, problems, &context)
            };
            let (email, next) = (user.email.display(), next.clone());
            let context = resubmitted(with_path(context, "/reauthenticate", &next), &form);
            let page =
                ReauthenticatePage { context, email, asks_for_code, has_passkey, next, problems };
            let next = page.next.clone();
            Ok(forms_lead_to(&next, rejected.render(&page)))
        }
    }
}

/// Checks the passkey, the code or the password that the form has.
async fn prove(
    reauthenticate: &Reauthenticate,
    CurrentUser { user, session, token, actor }: &CurrentUser,
    (current, form): (&CurrentSession, &Form),
    turn: &FormTurn,
) -> Result<StartedSession, Problem> {
    let (by, held) = ((&actor.by(), turn), (&**session, token));
    if let Some(credential) = form.find("credential") {
        let assertion = typed_assertion(credential)?;
        actor.counted(reauthenticate.with_passkey(user, held, assertion, by)).await
    } else if let Some(code) = form.find("code") {
        let code = TypedCode::either(code);
        actor.counted(reauthenticate.with_code(user, held, code, by)).await
    } else {
        let proof = current.proof(form.get("password"));
        actor.counted(reauthenticate.with_password(user, held, &proof, by)).await
    }
}

/// Whether an earlier request of the form proved the identity in this session, as by a double click.
/// Its code is used up: compared again, it would count as a wrong one.
fn was_proven(turn: &FormTurn, current: &CurrentSession) -> bool {
    let token = current.token();
    turn.earlier().is_some_and(|earlier| token.is_some_and(|it| it.digest() == earlier.session))
}

/// A wrong password or code is shown beside its field.
fn shown_beside_field(
    asks_for_code: bool,
    rejected: RejectedForm,
    problems: Problems,
    context: &PageContext,
) -> Problems {
    let (field, wrong) =
        if asks_for_code { ("code", "code-wrong") } else { ("password", "password-wrong") };
    if rejected.had_wrong_password() {
        Problems::of_field(field, context.text(wrong))
    } else {
        problems
    }
}
