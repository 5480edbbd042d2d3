//! `/openapi.json`: the `OpenAPI` description, generated from the handlers.

mod completion;
mod errors;
mod examples;
mod samples;

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use utoipa::OpenApi;

use crate::http::endpoints::operations::health;
use crate::http::endpoints::{
    account, admin, applications, check, data, email, factors, passkeys, recovery, session,
    sessions, signup, tokens,
};
use crate::http::response::json::ServerSentEvent;
use crate::http::session::cookie::CookieShape;

#[derive(OpenApi)]
#[openapi(
    version = "3.2.0", // The first with the method `QUERY` and with events of a stream.
    info(
        title = "Anteroom",
        description = "Server-side session authentication. The session is a cookie; everything \
                       the server decides about it holds at the next request. Errors are problem \
                       documents (RFC 9457) with a stable `code`.",
    ),
    paths(
        signup::api::sign_up,
        session::api::sign_in,
        session::api::who,
        session::api::sign_out,
        session::api::reauthenticate,
        factors::api::second_step,
        passkeys::api::options,
        passkeys::api::sign_in,
        session::events::watch,
        tokens::api::issue,
        data::show,
        data::change,
        sessions::api::list,
        sessions::api::revoke,
        sessions::api::revoke_all,
        account::api::show,
        account::api::change,
        account::api::change_password,
        account::api::delete,
        account::own_data::download,
        applications::api::list,
        applications::api::withdraw,
        email::api::send_again,
        email::api::verify,
        recovery::api::request,
        recovery::api::confirm,
        factors::api::show,
        factors::api::begin_totp,
        factors::api::confirm_totp,
        factors::api::remove_totp,
        factors::api::renew_codes,
        passkeys::own::options,
        passkeys::own::add,
        passkeys::own::rename,
        passkeys::own::delete,
        admin::users::api::list,
        admin::users::api::show,
        admin::users::api::change,
        admin::users::api::delete,
        admin::users::api::reset_factors,
        admin::users::invitations::create,
        admin::users::invitations::renew,
        admin::sessions::api::of_user,
        admin::sessions::api::revoke_of_user,
        admin::sessions::api::list,
        admin::sessions::api::explain,
        admin::sessions::api::revoke,
        admin::audit::api::list,
        admin::revocations::api::follow,
        admin::webhook::show,
        admin::mail::api::list,
        admin::clients::api::list,
        admin::clients::api::create,
        admin::clients::api::show,
        admin::clients::api::remove,
        admin::clients::api::rotate_secret,
        admin::audit::export::export,
        admin::overview::api::show,
        check::api::verify,
        check::api::verify_or_redirect,
        tokens::metadata::show,
        tokens::metadata::show_for_openid,
        tokens::exchange::exchange,
        tokens::userinfo::show,
        tokens::userinfo::show_by_post,
        tokens::oauth::keys,
        tokens::oauth::introspect,
        tokens::oauth::revoke,
        health::alive,
        health::ready,
        description,
    ),
    components(schemas(ServerSentEvent)),
)]
struct Description;

impl Description {
    /// The description for servers with this cookie.
    fn of(cookie: &CookieShape) -> Vec<u8> {
        let mut document = serde_json::to_value(Self::openapi()).unwrap_or_default();
        completion::complete(&mut document, cookie);
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

/// The members of an object; none of anything else.
fn members(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flatten()
}

static SECURE: LazyLock<Vec<u8>> = LazyLock::new(|| Description::of(&CookieShape::SECURE));
static LOOPBACK: LazyLock<Vec<u8>> = LazyLock::new(|| Description::of(&CookieShape::LOOPBACK));

/// `GET /openapi.json`: this description.
#[utoipa::path(get, path = "/openapi.json", tag = "health", responses(
    (status = 200, description = "The description of the API", body = Object,
        example = json!({ "openapi": "3.2.0", "info": { "title": "Anteroom" } })),
))]
pub(crate) async fn description(State(cookie): State<CookieShape>) -> Response {
    let is_secure = cookie.name() == CookieShape::SECURE.name();
    let text = if is_secure { &SECURE } else { &LOOPBACK };
    let media_type = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, media_type)], text.as_slice()).into_response()
}
