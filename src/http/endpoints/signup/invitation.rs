//! `/invitation`: sets the first password of an account by an invitation link.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::{InvitationDigest, Password, User};
use crate::http::endpoints::factors::access::{accept, second_step_of};
use crate::http::endpoints::session::cookie_check::redirect_after_sign_in;
use crate::http::endpoints::session::page::resubmitted;
use crate::http::endpoints::session::repeated_form::repeat_sign_in;
use crate::http::endpoints::signup::view::InvitationPage;
use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::applications::Applications;
use crate::http::security::redirect::see_other;
use crate::http::session::current::CurrentSession;
use crate::http::session::recent_sign_ins::RecentSignIns;
use crate::http::state::FormSettings;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::{problems_of, render};
use crate::sessions::Sessions;
use crate::use_cases::{AcceptError, Acceptance, Invitations, Login, SentForms};

fn page(
    context: PageContext,
    token: &str,
    user: &User,
    form_settings: FormSettings,
) -> InvitationPage {
    InvitationPage {
        // A change of language comes back by GET, which needs the token too.
        context: PageContext { path: format!("/invitation?token={token}"), ..context },
        token: token.to_owned(),
        email: user.email.display(),
        minimum_length: form_settings.password_min_length,
        problems: Problems::none(),
    }
}

/// `GET /invitation?token=…`: the form. Looking at it uses nothing up.
pub(crate) async fn form(
    State(invitations): State<Invitations>,
    (State(form_settings), State(forms)): (State<FormSettings>, State<SentForms>),
    context: PageContext,
    query: Query,
) -> Result<Response, Problem> {
    let token = query.find("token").unwrap_or_default();
    let invited = invitations.find(&InvitationDigest::of(token)).await?;
    let user = invited.ok_or_else(Problem::needless_invitation)?;
    let context = PageContext { form: forms.name(), ..context };
    Ok(render(StatusCode::OK, &page(context, token, &user, form_settings)))
}

/// `POST /invitation`: sets the password and signs in, or says to confirm the address first.
pub(crate) async fn submit(
    (State(invitations), State(login)): (State<Invitations>, State<Login>),
    (State(forms), State(form_settings)): (State<SentForms>, State<FormSettings>),
    (State(recent_sign_ins), State(sessions)): (State<RecentSignIns>, State<Sessions>),
    (current, context): (CurrentSession, PageContext),
    form: Form,
) -> Result<Response, Problem> {
    let (token, password) = (form.get("token"), form.get("password"));
    // Nobody comes here from an application.
    let targets = (&recent_sign_ins, &Applications::default());
    let turn = forms.turn(form.get("form")).await;
    if repeat_sign_in(&login, &current, &turn, password).await {
        return Ok(redirect_after_sign_in(targets, &sessions, &current, &form));
    }
    let invitation = InvitationDigest::of(token);
    let invited = invitations.find(&invitation).await?;
    let user = invited.ok_or_else(Problem::needless_invitation)?;
    let acceptance = Acceptance {
        invitation,
        password: Password::from_typed(password),
        from: current.browser(),
        form: turn,
    };
    let accepted = match invitations.accept(acceptance).await {
        Err(AcceptError::EmailUnverified) => return Ok(see_other("/signup/sent")),
        accepted => accepted.map_err(Problem::from),
    };
    match accepted.and_then(|signed_in| accept(&current, signed_in)) {
        Ok(_) => Ok(redirect_after_sign_in(targets, &sessions, &current, &form)),
        Err(problem) => {
            if let Some(response) = second_step_of(&problem, "") {
                return Ok(response);
            }
            let (rejected, problems) =
                problems_of(problem, &context, form_settings.password_min_length)?;
            let context = resubmitted(context, &form);
            let page = InvitationPage { problems, ..page(context, token, &user, form_settings) };
            Ok(rejected.render(&page))
        }
    }
}
