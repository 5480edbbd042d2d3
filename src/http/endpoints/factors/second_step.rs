//! `/login/second-factor`: the second step of a sign-in by form.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::{PendingPurpose, TypedCode};
use crate::http::endpoints::factors::access::signed_in;
use crate::http::endpoints::factors::view::SecondStepPage;
use crate::http::endpoints::passkeys::api::typed_assertion;
use crate::http::endpoints::session::page::{resubmitted, with_path};
use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::{Code, Problem};
use crate::http::security::applications::Applications;
use crate::http::security::headers::forms_lead_to;
use crate::http::security::redirect::{destination, safe_next, see_other, with_next};
use crate::http::session::current::{CurrentSession, SessionState};
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::{problems_of, render};
use crate::use_cases::{FormTurn, SecondFactor, SecondFactorRequest, SecondProof, SentForms};

const PATH: &str = "/login/second-factor";

/// `GET /login/second-factor`: asks for a code, where a sign-in waits for one.
pub(crate) async fn form(
    (State(second_factor), State(forms)): (State<SecondFactor>, State<SentForms>),
    State(applications): State<Applications>,
    (current, context): (CurrentSession, PageContext),
    query: Query,
) -> Result<Response, Problem> {
    let next = safe_next(query.find("next"), &applications);
    match current.session_state() {
        SessionState::Unknown => return Err(Problem::silent_store()),
        SessionState::Live(identity) if identity.user.is_some() => {
            return Ok(see_other(&destination(query.find("next"), &applications)));
        }
        _ => {}
    }
    let Some(has_passkey) = waits_for_code(&second_factor, &current).await? else {
        return Ok(see_other(&with_next("/login", &next)));
    };
    let context = PageContext { form: forms.name(), ..with_path(context, PATH, &next) };
    let page =
        SecondStepPage { context, next: next.clone(), has_passkey, problems: Problems::none() };
    Ok(forms_lead_to(&next, render(StatusCode::OK, &page)))
}

/// Whether a passkey may be used, if a sign-in waits for its second step.
async fn waits_for_code(
    second_factor: &SecondFactor,
    current: &CurrentSession,
) -> Result<Option<bool>, Problem> {
    let Some(token) = current.token() else { return Ok(None) };
    let pending = second_factor.pending(&token).await?;
    let waiting = pending.filter(|(pending, _)| pending.purpose == PendingPurpose::Code);
    Ok(waiting.map(|(_, account)| second_factor.offers_passkey(&account)))
}

/// Whether the sign-in that nothing waits for any more went well: by an earlier request of the form,
/// as by a double click, or in another tab. The request gets no token. Its code is used up, and would
/// otherwise sign in twice.
fn is_done(turn: &FormTurn, current: &CurrentSession) -> bool {
    turn.earlier().is_some() || current.signed_in().is_ok()
}

/// `POST /login/second-factor`: checks the code and signs in.
pub(crate) async fn submit(
    (State(second_factor), State(forms)): (State<SecondFactor>, State<SentForms>),
    State(applications): State<Applications>,
    (current, context): (CurrentSession, PageContext),
    form: Form,
) -> Result<Response, Problem> {
    let turn = forms.turn(form.get("form")).await;
    let next = safe_next(form.find("next"), &applications);
    let sign_in = || see_other(&with_next("/login", &next));
    let Some(token) = current.token() else { return Ok(sign_in()) };
    let proof = match form.find("credential") {
        Some(credential) => SecondProof::Passkey(Box::new(typed_assertion(credential)?)),
        None => SecondProof::Code(TypedCode::either(form.get("code"))),
    };
    let by_passkey = matches!(proof, SecondProof::Passkey(_));
    let (client, language) = (current.client(), current.language().tag());
    let request = SecondFactorRequest { token, proof, client, form: turn.clone(), language };
    let problem = match second_factor.with_proof(request).await.map_err(Problem::from) {
        Ok((user, started)) => {
            signed_in(&current, user, started);
            return Ok(see_other(&destination(form.find("next"), &applications)));
        }
        Err(problem) => problem,
    };
    if problem.code == Code::NoSession && is_done(&turn, &current) {
        return Ok(see_other(&destination(form.find("next"), &applications)));
    }
    let was_wrong = problem.code == Code::InvalidCredentials;
    let has_passkey = waits_for_code(&second_factor, &current).await?;
    if problem.code == Code::NoSession || (was_wrong && has_passkey.is_none()) {
        return Ok(sign_in());
    }
    let has_passkey = has_passkey.unwrap_or_default();
    // No field of this form is a password.
    let (rejected, problems) = problems_of(problem, &context, 0)?;
    let problems = match (was_wrong, by_passkey) {
        (true, true) => Problems::of_form(context.text("passkey-wrong")),
        (true, false) => Problems::of_field("code", context.text("code-wrong")),
        (false, _) => problems,
    };
    let context = resubmitted(with_path(context, PATH, &next), &form);
    let page = SecondStepPage { context, next: next.clone(), has_passkey, problems };
    Ok(forms_lead_to(&next, rejected.render(&page)))
}
