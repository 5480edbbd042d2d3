//! The forms of passkeys on `/account/second-factor`. The script fills in what the browser returns;
//! renaming and deleting need no script.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::Accounts;
use crate::http::endpoints::factors::access::{SettingUp, authorized, to_proof};
use crate::http::endpoints::factors::page::codes_page;
use crate::http::endpoints::passkeys::api::require_passkeys;
use crate::http::endpoints::passkeys::own::{add_passkey, id_of, named, read_registration};
use crate::http::request::body::Form;
use crate::http::response::error::{Code, Problem};
use crate::http::security::applications::Applications;
use crate::http::security::redirect::{destination, see_other};
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::{CurrentUser, CurrentUserOrLogin, PathId};
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;
use crate::use_cases::OwnFactors;

const PAGE: &str = "/account/second-factor";

/// Where a form leads that cannot be accepted.
fn elsewhere(problem: Problem) -> Result<Response, Problem> {
    match problem.code {
        Code::InvalidCredentials => Ok(see_other(&format!("{PAGE}?done=passkey-refused"))),
        _ => to_proof(problem, PAGE),
    }
}

/// `POST /account/second-factor/passkeys`: adds a passkey, and shows the recovery codes of a first
/// factor.
pub(crate) async fn add(
    (State(own), State(accounts)): (State<OwnFactors>, State<Accounts>),
    State(applications): State<Applications>,
    (current, user): (CurrentSession, Result<CurrentUser, Problem>),
    context: PageContext,
    form: Form,
) -> Result<Response, Problem> {
    require_passkeys(&accounts)?;
    let setting_up = match SettingUp::of(&own, &current, user).await {
        Ok(setting_up) => setting_up,
        Err(problem) => return elsewhere(problem),
    };
    let credential = serde_json::from_str(form.get("credential")).unwrap_or_default();
    let registration = read_registration(credential)?;
    let name = form.find("name").filter(|name| !name.trim().is_empty());
    let name = name.and_then(|name| named(name).ok());
    match add_passkey(&own, &current, setting_up, (&registration, name)).await {
        Ok(added) if added.recovery_codes.is_empty() => {
            Ok(see_other(&format!("{PAGE}?done=passkey-added")))
        }
        Ok(added) => {
            let leads_to = match form.find("next") {
                Some(next) => destination(Some(next), &applications),
                None => PAGE.to_owned(),
            };
            let page = codes_page(context, &added.recovery_codes, (true, leads_to));
            Ok(render(StatusCode::OK, &page))
        }
        Err(problem) => elsewhere(problem),
    }
}

/// `POST /account/second-factor/passkeys/{id}/rename`.
pub(crate) async fn rename(
    (State(own), State(accounts)): (State<OwnFactors>, State<Accounts>),
    CurrentUserOrLogin(user): CurrentUserOrLogin,
    PathId(id): PathId,
    form: Form,
) -> Result<Response, Problem> {
    require_passkeys(&accounts)?;
    let id = id_of(&id)?;
    user.actor.count_change().await?;
    let Ok(name) = named(form.get("name")) else {
        return Ok(see_other(&format!("{PAGE}?done=passkey-name-refused")));
    };
    own.rename_passkey(user.user.id, id, &name).await?;
    Ok(see_other(&format!("{PAGE}?done=passkey-renamed")))
}

/// `POST /account/second-factor/passkeys/{id}/remove`.
pub(crate) async fn remove(
    (State(own), State(accounts)): (State<OwnFactors>, State<Accounts>),
    CurrentUserOrLogin(user): CurrentUserOrLogin,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    require_passkeys(&accounts)?;
    let id = id_of(&id)?;
    let authorized = match authorized(&own, &user).await {
        Ok(authorized) => authorized,
        Err(problem) => return elsewhere(problem),
    };
    user.actor.count_change().await?;
    own.remove_passkey(&user.user, id, &authorized).await?;
    Ok(see_other(&format!("{PAGE}?done=passkey-removed")))
}
