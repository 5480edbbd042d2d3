//! `/account/applications`: the consents of the user, each with a button.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::api::withdrawn;
use super::view::{AllowedApplication, ApplicationsOfUserPage};
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::redirect::see_other;
use crate::http::session::extract::{CurrentUserOrLogin, PathId};
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;
use crate::tokens::Scope;
use crate::use_cases::{AllowedClient, CodeFlow};

/// `GET /account/applications`.
pub(crate) async fn show(
    State(code_flow): State<CodeFlow>,
    CurrentUserOrLogin(current): CurrentUserOrLogin,
    context: PageContext,
    query: Query,
) -> Result<Response, Problem> {
    let allowed = code_flow.allowed_clients(current.user.id).await?;
    let page = ApplicationsOfUserPage {
        context,
        applications: allowed.iter().map(shown).collect(),
        was_withdrawn: query.find("done") == Some("withdrawn"),
    };
    Ok(render(StatusCode::OK, &page))
}

fn shown(AllowedClient { name, consent }: &AllowedClient) -> AllowedApplication {
    AllowedApplication {
        id: consent.client.to_string(),
        name: name.to_string(),
        scopes: consent.scopes.iter().map(|scope| Scope::as_str(scope).to_owned()).collect(),
        given_at: consent.given_at,
    }
}

/// `POST /account/applications/{id}/withdraw`.
pub(crate) async fn withdraw(
    State(code_flow): State<CodeFlow>,
    CurrentUserOrLogin(current): CurrentUserOrLogin,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    withdrawn(&code_flow, &current, &id).await?;
    Ok(see_other("/account/applications?done=withdrawn"))
}
