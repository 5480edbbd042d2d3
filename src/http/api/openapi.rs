//! `/openapi.json`: the description of the API, made from the handlers themselves.

use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;

use super::{
    account, admin, admin_invitations, admin_sessions, audit, audit_export, data, events, figures,
    health, own_data, revocations, session, sessions, verify, webhook,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Anteroom",
        description = "Server-side session authentication. The session is a cookie; everything \
                       the server decides about it holds at the next request. Errors are problem \
                       documents (RFC 9457) with a stable `code`.",
    ),
    paths(
        session::sign_up,
        session::sign_in,
        session::who,
        session::sign_out,
        session::reauthenticate,
        events::watch,
        data::show,
        data::change,
        sessions::list,
        sessions::revoke,
        sessions::revoke_all,
        account::show,
        account::change,
        account::change_password,
        account::delete,
        own_data::download,
        admin::list,
        admin::show,
        admin::change,
        admin::delete,
        admin_invitations::create,
        admin_invitations::renew,
        admin_sessions::of_user,
        admin_sessions::revoke_of_user,
        admin_sessions::list,
        admin_sessions::explain,
        admin_sessions::revoke,
        audit::list,
        revocations::follow,
        webhook::show,
        audit_export::export,
        figures::show,
        verify::verify,
        health::alive,
        health::ready,
        description,
    )
)]
struct Description;

static JSON: LazyLock<Vec<u8>> =
    LazyLock::new(|| serde_json::to_vec(&Description::openapi()).unwrap_or_default());

/// `GET /openapi.json`: this description.
#[utoipa::path(get, path = "/openapi.json", tag = "health", responses(
    (status = 200, description = "The description of the API", content_type = "application/json"),
))]
pub(crate) async fn description() -> Response {
    let media_type = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, media_type)], JSON.as_slice()).into_response()
}
