//! `/account/second-factor/set-up`: setting up an authenticator app, by a signed-in user or by a
//! pending session that must.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use secrecy::ExposeSecret as _;

use crate::accounts::{TotpSetup, TypedCode};
use crate::http::endpoints::factors::access::{SettingUp, to_proof};
use crate::http::endpoints::factors::api::confirm;
use crate::http::endpoints::factors::page::codes_page;
use crate::http::endpoints::factors::qr;
use crate::http::endpoints::factors::view::{SetUpPage, ShownSecret};
use crate::http::endpoints::session::page::with_path;
use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::{Code, Problem};
use crate::http::security::applications::Applications;
use crate::http::security::headers::forms_lead_to;
use crate::http::security::redirect::{destination, safe_next, see_other, with_next};
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::CurrentUser;
use crate::http::state::{FormSettings, Links};
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::{problems_of, render};
use crate::use_cases::OwnFactors;

const PATH: &str = "/account/second-factor/set-up";
const OVERVIEW: &str = "/account/second-factor";

fn page(
    (context, next, passkeys_on): (PageContext, &str, bool),
    setting_up: &SettingUp,
    setup: Option<&TotpSetup>,
    links: &Links,
) -> Result<SetUpPage, Problem> {
    let shown = setup.map(|setup| -> Result<_, Problem> {
        let uri = setup.secret.uri(links.service(), &setting_up.user().email.display());
        let secret = setup.secret.base32();
        let groups: Vec<&str> = secret
            .expose_secret()
            .as_bytes()
            .chunks(4)
            .filter_map(|group| std::str::from_utf8(group).ok())
            .collect();
        Ok(ShownSecret {
            secret: groups.join(" "),
            qr: qr::element(uri.expose_secret())?,
            uri: uri.expose_secret().to_owned(),
        })
    });
    Ok(SetUpPage {
        context: with_path(context, PATH, next),
        next: next.to_owned(),
        is_required: matches!(setting_up, SettingUp::Pending(..)),
        passkeys_on,
        shown: shown.transpose()?,
        problems: Problems::none(),
    })
}

/// `GET /account/second-factor/set-up`: the QR code, or a button that begins.
pub(crate) async fn form(
    (State(own), State(links)): (State<OwnFactors>, State<Links>),
    (State(applications), State(form_settings)): (State<Applications>, State<FormSettings>),
    (current, signed_in): (CurrentSession, Result<CurrentUser, Problem>),
    context: PageContext,
    query: Query,
) -> Result<Response, Problem> {
    let next = safe_next(query.find("next"), &applications);
    let setting_up = match SettingUp::of(&own, &current, signed_in).await {
        Ok(setting_up) => setting_up,
        Err(problem) => return to_proof(problem, PATH),
    };
    let setup = own.totp_setup(setting_up.user().id, &setting_up.binding()).await?;
    let page =
        page((context, &next, form_settings.passkeys_are_on), &setting_up, setup.as_ref(), &links)?;
    Ok(forms_lead_to(&next, render(StatusCode::OK, &page)))
}

/// `POST /account/second-factor/begin`: draws a secret, which the page then shows.
pub(crate) async fn begin(
    (State(own), State(links)): (State<OwnFactors>, State<Links>),
    (State(applications), State(form_settings)): (State<Applications>, State<FormSettings>),
    (current, signed_in): (CurrentSession, Result<CurrentUser, Problem>),
    context: PageContext,
    form: Form,
) -> Result<Response, Problem> {
    let setting_up = match SettingUp::of(&own, &current, signed_in).await {
        Ok(setting_up) => setting_up,
        Err(problem) => return to_proof(problem, PATH),
    };
    setting_up.count_change(&current).await?;
    let next = safe_next(form.find("next"), &applications);
    match own.begin_totp(setting_up.user(), &setting_up.binding(), current.language().tag()).await {
        Ok(_) => Ok(see_other(&with_next(PATH, &next))),
        Err(error) => {
            let shown =
                page((context, &next, form_settings.passkeys_are_on), &setting_up, None, &links)?;
            let (rejected, problems) = problems_of(error.into(), &shown.context, 0)?;
            Ok(forms_lead_to(&next, rejected.render(&SetUpPage { problems, ..shown })))
        }
    }
}

/// Where the form leads that confirms a set-up without the session that began it. An earlier request
/// of the form may have finished it, as by a double click: the overview shows the app, and makes new
/// recovery codes for those that nobody saw.
fn to_overview(problem: Problem) -> Result<Response, Problem> {
    let page = if problem.status == StatusCode::UNAUTHORIZED { OVERVIEW } else { PATH };
    to_proof(problem, page)
}

/// `POST /account/second-factor/set-up`: adds the app if the code is right, and shows the recovery
/// codes.
pub(crate) async fn submit(
    (State(own), State(links)): (State<OwnFactors>, State<Links>),
    (State(applications), State(form_settings)): (State<Applications>, State<FormSettings>),
    (current, signed_in): (CurrentSession, Result<CurrentUser, Problem>),
    context: PageContext,
    form: Form,
) -> Result<Response, Problem> {
    let next = safe_next(form.find("next"), &applications);
    let setting_up = match SettingUp::of(&own, &current, signed_in).await {
        Ok(setting_up) => setting_up,
        Err(problem) => return to_overview(problem),
    };
    let is_required = matches!(setting_up, SettingUp::Pending(..));
    let setup = own.totp_setup(setting_up.user().id, &setting_up.binding()).await?;
    let shown = page(
        (context.clone(), &next, form_settings.passkeys_are_on),
        &setting_up,
        setup.as_ref(),
        &links,
    )?;
    match confirm(&own, &current, setting_up, &TypedCode::totp(form.get("code"))).await {
        Ok(codes) => {
            let leads_to = destination(form.find("next"), &applications);
            Ok(render(StatusCode::OK, &codes_page(context, &codes, (true, leads_to))))
        }
        Err(problem) if problem.status == StatusCode::UNAUTHORIZED => to_overview(problem),
        // Nothing is being set up any more: the page says how to begin.
        Err(problem) if problem.code == Code::NotFound && is_required => {
            Ok(see_other(&with_next(PATH, &next)))
        }
        Err(problem) if problem.code == Code::NotFound => Ok(see_other(OVERVIEW)),
        Err(problem) => {
            let was_wrong = problem.code == Code::InvalidCredentials;
            let (rejected, problems) = problems_of(problem, &shown.context, 0)?;
            let problems = if was_wrong {
                Problems::of_field("code", shown.context.text("code-wrong"))
            } else {
                problems
            };
            Ok(forms_lead_to(&next, rejected.render(&SetUpPage { problems, ..shown })))
        }
    }
}
