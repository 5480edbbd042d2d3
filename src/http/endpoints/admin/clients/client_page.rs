//! `/admin/clients/{id}`: one client and its changes.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::api::find;
use super::page::{one_client, shown_secret};
use super::view::ClientPage;
use crate::http::request::body::Form;
use crate::http::response::error::Problem;
use crate::http::security::redirect::see_other;
use crate::http::session::extract::{AdministratorOrLogin, FreshAdministratorOrProof, PathId};
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;
use crate::use_cases::Clients;

/// `GET /admin/clients/{id}`.
pub(in crate::http) async fn show(
    State(clients): State<Clients>,
    _: AdministratorOrLogin,
    context: PageContext,
    PathId(id): PathId,
) -> Result<Response, Problem> {
    let client = find(&clients, &id).await?;
    Ok(render(StatusCode::OK, &one_client(context, &client)))
}

/// `POST /admin/clients/{id}/secret`: another secret, shown in the answer and nowhere else. No store
/// is asked once it is made: the page of it would be lost if that failed.
pub(in crate::http) async fn rotate_secret(
    State(clients): State<Clients>,
    FreshAdministratorOrProof(_, authorized): FreshAdministratorOrProof,
    context: PageContext,
    PathId(id): PathId,
    form: Form,
) -> Result<Response, Problem> {
    let client = find(&clients, &id).await?;
    let rotated = clients.rotate_secret(client, form.ticked("drop_old"), &authorized).await?;
    let secret = shown_secret(&rotated);
    Ok(render(StatusCode::OK, &ClientPage { secret, ..one_client(context, &rotated.client) }))
}

/// `POST /admin/clients/{id}/remove`: removes the client.
pub(in crate::http) async fn remove(
    State(clients): State<Clients>,
    FreshAdministratorOrProof(_, authorized): FreshAdministratorOrProof,
    context: PageContext,
    PathId(id): PathId,
    form: Form,
) -> Result<Response, Problem> {
    let client = find(&clients, &id).await?;
    if !form.ticked("sure") {
        let problems = Problems::of_field("sure", context.text("admin-client-remove-unsure"));
        let page = ClientPage { problems, ..one_client(context, &client) };
        return Ok(render(StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    clients.remove(client, &authorized).await?;
    Ok(see_other("/admin/clients?done=removed"))
}
