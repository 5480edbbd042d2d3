//! The router: every path of the service with its handlers and layers.

use std::any::Any;

use axum::Router;
use axum::extract::FromRef as _;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, patch, post, put};
use tower::util::MapResponseLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::CorsLayer;
use tracing::Level;

use crate::audit::AuditTrail;
use crate::http::endpoints::{
    account, admin, applications, authorize, check, data, email, factors, handover, home,
    operations, passkeys, recovery, session, sessions, signup, tokens,
};
use crate::http::finish::{RequestIds, finish_response, no_such_method, no_such_path};
use crate::http::forward_auth::ForwardAuth;
use crate::http::measure::measure;
use crate::http::request::whole_body::whole_body;
use crate::http::response::error::Problem;
use crate::http::security::guard::{RequestGuard, application_guard, guard};
use crate::http::security::headers::{application_headers, security_headers};
use crate::http::session::layer::SessionLayer;
use crate::http::state::AppState;
use crate::http::traces::traced;
use crate::http::web::assets;
use crate::http::web::form_pages::{change_password_form, redirect_to_form};
use crate::metrics::Metrics;
use crate::telemetry::TRACES;

/// The parts of the router.
pub(crate) struct RouterParts {
    pub(crate) state: AppState,
    pub(crate) session_layer: SessionLayer,
    pub(in crate::http) request_guard: RequestGuard,
    pub(in crate::http) ids: RequestIds,
    pub(crate) metrics: Metrics,
}

/// Routes that need no session lookup.
fn without_session() -> Router<AppState> {
    Router::new()
        .route("/healthz", get(operations::health::alive))
        .route("/readyz", get(operations::health::ready))
        .route("/openapi.json", get(operations::openapi::description))
        .route("/assets/{file}", get(assets::serve))
        .route("/oauth/jwks", get(tokens::oauth::keys))
        .route("/oauth/introspect", post(tokens::oauth::introspect))
        .route("/oauth/revoke", post(tokens::oauth::revoke))
        .route("/oauth/userinfo", get(tokens::userinfo::show).post(tokens::userinfo::show_by_post))
        .route("/.well-known/oauth-authorization-server", get(tokens::metadata::show))
        .route("/.well-known/openid-configuration", get(tokens::metadata::show_for_openid))
}

pub(in crate::http) fn router(parts: RouterParts) -> Router {
    let RouterParts { state, session_layer, request_guard, ids, metrics } = parts;
    let audit = AuditTrail::from_ref(&state);
    let proxies = request_guard.0.proxies.clone();
    let checks = checks(state.clone(), session_layer.clone(), ids.clone());
    let at_applications =
        at_applications(state.clone(), session_layer.clone(), request_guard.clone(), ids.clone());
    let router = pages()
        .merge(factor_pages())
        .merge(administration())
        .merge(api())
        .merge(administration_api())
        .layer(session_layer)
        .layer(from_fn(whole_body))
        .merge(without_session())
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .with_state(state)
        .layer(cross_origin(&request_guard))
        .layer(from_fn_with_state((request_guard.clone(), audit), guard))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(ids, finish_response))
        .layer(MapResponseLayer::new(move |response| security_headers(&request_guard, response)))
        .merge(at_applications)
        .merge(checks);
    let traces_are_on = tracing::span_enabled!(target: TRACES, Level::TRACE);
    let router =
        if traces_are_on { router.layer(from_fn_with_state(proxies, traced)) } else { router };
    if metrics.is_on() { router.layer(from_fn_with_state(metrics, measure)) } else { router }
}

fn pages() -> Router<AppState> {
    Router::new()
        .route("/", get(home::page::home))
        .route("/signup", get(signup::page::form).post(signup::page::submit))
        .route("/login", get(session::page::sign_in_form).post(session::page::sign_in))
        .route(
            "/login/second-factor",
            get(factors::second_step::form).post(factors::second_step::submit),
        )
        .route("/logout", get(session::page::ask_to_sign_out).post(session::page::sign_out))
        .route("/setup", get(signup::setup::form).post(signup::setup::submit))
        .route("/invitation", get(signup::invitation::form).post(signup::invitation::submit))
        .route("/signup/sent", get(signup::page::sent))
        .route("/recover", get(recovery::page::form).post(recovery::page::submit))
        .route("/recover/sent", get(recovery::page::sent))
        .route("/recover/confirm", get(recovery::page::confirm_form).post(recovery::page::confirm))
        .route("/verify-email", get(email::page::verify_form).post(email::page::verify))
        .route("/verify-email/done", get(email::page::verified))
        .route("/cancel-email-change", get(email::page::cancel_form).post(email::page::cancel))
        .route("/cancel-email-change/done", get(email::page::cancelled))
        .route("/account", get(account::page::show))
        .route("/account/verification", get(redirect_to_form).post(email::page::send_again))
        .route("/account/profile", get(account::profile::form).post(account::profile::submit))
        .route("/account/password", get(redirect_to_form).post(account::page::change_password))
        .route("/account/activity", get(account::activity::show))
        .route("/account/remembered", get(account::stored_data::show))
        .route("/account/applications", get(applications::page::show))
        .route(
            "/account/applications/{id}/withdraw",
            get(redirect_to_form).post(applications::page::withdraw),
        )
        .route("/account/delete", get(account::deletion::form).post(account::deletion::submit))
        .route("/account/sessions", get(sessions::page::list))
        .route(
            "/account/sessions/revoke-others",
            get(redirect_to_form).post(sessions::page::revoke_others),
        )
        .route(
            "/account/sessions/revoke-all",
            get(redirect_to_form).post(sessions::page::revoke_all),
        )
        .route("/account/sessions/{id}/revoke", get(redirect_to_form).post(sessions::page::revoke))
        .route(
            "/reauthenticate",
            get(session::reauthenticate::form).post(session::reauthenticate::submit),
        )
        .route("/auth/continue", get(handover::page::hand_over))
        .route(
            "/oauth/authorize",
            get(authorize::page::authorize).post(authorize::page::authorize_by_form),
        )
        .route("/oauth/consent", get(redirect_to_form).post(authorize::page::decide))
        .route("/preferences", get(redirect_to_form).post(home::preferences::prefer))
        .route("/.well-known/change-password", get(change_password_form))
}

fn factor_pages() -> Router<AppState> {
    Router::new()
        .route("/account/second-factor", get(factors::page::show))
        .route(
            "/account/second-factor/set-up",
            get(factors::set_up::form).post(factors::set_up::submit),
        )
        .route("/account/second-factor/begin", get(redirect_to_form).post(factors::set_up::begin))
        .route("/account/second-factor/remove", get(redirect_to_form).post(factors::page::remove))
        .route(
            "/account/second-factor/recovery-codes",
            get(redirect_to_form).post(factors::page::renew_codes),
        )
        .route("/account/second-factor/passkeys", get(redirect_to_form).post(passkeys::page::add))
        .route(
            "/account/second-factor/passkeys/{id}/rename",
            get(redirect_to_form).post(passkeys::page::rename),
        )
        .route(
            "/account/second-factor/passkeys/{id}/remove",
            get(redirect_to_form).post(passkeys::page::remove),
        )
}

fn api() -> Router<AppState> {
    Router::new()
        .route("/api/signup", post(signup::api::sign_up))
        .route(
            "/api/session",
            get(session::api::who).post(session::api::sign_in).delete(session::api::sign_out),
        )
        .route("/api/session/second-factor", post(factors::api::second_step))
        .route("/api/session/passkey", post(passkeys::api::sign_in))
        .route("/api/session/passkey/options", post(passkeys::api::options))
        .route("/api/session/reauthenticate", post(session::api::reauthenticate))
        .route("/api/session/token", post(tokens::api::issue))
        .route("/oauth/token", post(tokens::exchange::exchange))
        .route("/api/session/data", get(data::show).patch(data::change))
        .route("/api/session/events", get(session::events::watch))
        .route("/api/sessions", get(sessions::api::list).delete(sessions::api::revoke_all))
        .route("/api/sessions/{id}", delete(sessions::api::revoke))
        .route(
            "/api/account",
            get(account::api::show).merge(patch(account::api::change)).delete(account::api::delete),
        )
        .route("/api/account/email/verification", post(email::api::send_again))
        .route("/api/email/verify", post(email::api::verify))
        .route("/api/recovery", post(recovery::api::request))
        .route("/api/recovery/confirm", post(recovery::api::confirm))
        .route("/api/account/password", put(account::api::change_password))
        .route("/api/account/factors", get(factors::api::show))
        .route(
            "/api/account/totp",
            post(factors::api::begin_totp).delete(factors::api::remove_totp),
        )
        .route("/api/account/totp/confirm", post(factors::api::confirm_totp))
        .route("/api/account/recovery-codes", post(factors::api::renew_codes))
        .route("/api/account/passkeys", post(passkeys::own::add))
        .route("/api/account/passkeys/options", post(passkeys::own::options))
        .route(
            "/api/account/passkeys/{id}",
            patch(passkeys::own::rename).delete(passkeys::own::delete),
        )
        .route("/api/account/applications", get(applications::api::list))
        .route("/api/account/applications/{id}", delete(applications::api::withdraw))
        .route("/api/account/data", get(account::own_data::download))
}

/// Routes for requests that the proxies of applications on other hosts pass on, under those hosts
/// alone.
fn at_applications(
    state: AppState,
    session_layer: SessionLayer,
    request_guard: RequestGuard,
    ids: RequestIds,
) -> Router {
    let audit = AuditTrail::from_ref(&state);
    Router::new()
        .route("/.anteroom/callback", get(handover::page::arrive))
        .route("/.anteroom/sign-out", post(handover::page::sign_out))
        .layer(session_layer)
        .layer(from_fn(whole_body))
        .route("/.anteroom/assets/{file}", get(assets::serve_at_application))
        .route("/.anteroom/{*rest}", any(no_such_path))
        .method_not_allowed_fallback(no_such_method)
        .with_state(state)
        .layer(from_fn_with_state((request_guard, audit), application_guard))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(ids, finish_response))
        .layer(MapResponseLayer::new(application_headers))
}

/// Session checks of reverse proxies, for requests to other applications. The request guard does
/// not apply to them.
fn checks(state: AppState, session_layer: SessionLayer, ids: RequestIds) -> Router {
    let forward_auth = ForwardAuth::from_ref(&state);
    Router::new()
        .route("/auth/verify", any(check::api::verify))
        .route("/auth/verify/redirect", any(check::api::verify_or_redirect))
        .layer(session_layer)
        .with_state(state)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(forward_auth, check::middleware::check))
        .layer(from_fn_with_state(ids, finish_response))
}

fn administration() -> Router<AppState> {
    Router::new()
        .route("/admin", get(admin::overview::page::show))
        .route("/admin/users", get(admin::users::page::list).post(admin::users::page::create))
        .route(
            "/admin/users/{id}",
            get(admin::users::user_page::show).post(admin::users::user_page::change),
        )
        .route(
            "/admin/users/{id}/delete",
            get(redirect_to_form).post(admin::users::user_page::delete),
        )
        .route(
            "/admin/users/{id}/invitation",
            get(redirect_to_form).post(admin::users::user_page::invite),
        )
        .route(
            "/admin/users/{id}/reset-factors",
            get(redirect_to_form).post(admin::users::user_page::reset_factors),
        )
        .route(
            "/admin/users/{id}/revoke-sessions",
            get(redirect_to_form).post(admin::users::user_page::revoke_sessions),
        )
        .route("/admin/sessions", get(admin::sessions::page::list))
        .route("/admin/sessions/{id}", get(admin::sessions::page::show))
        .route(
            "/admin/sessions/{id}/revoke",
            get(redirect_to_form).post(admin::sessions::page::revoke),
        )
        .route("/admin/applications", get(admin::applications::page::show))
        .route("/admin/audit", get(admin::audit::page::list))
        .route("/admin/mail", get(admin::mail::page::list))
        .route("/admin/clients", get(admin::clients::page::list).post(admin::clients::page::create))
        .route("/admin/clients/{id}", get(admin::clients::client_page::show))
        .route(
            "/admin/clients/{id}/secret",
            get(redirect_to_form).post(admin::clients::client_page::rotate_secret),
        )
        .route(
            "/admin/clients/{id}/remove",
            get(redirect_to_form).post(admin::clients::client_page::remove),
        )
}

fn administration_api() -> Router<AppState> {
    Router::new()
        .route(
            "/api/admin/users",
            get(admin::users::api::list).post(admin::users::invitations::create),
        )
        .route(
            "/api/admin/users/{id}",
            get(admin::users::api::show)
                .patch(admin::users::api::change)
                .delete(admin::users::api::delete),
        )
        .route("/api/admin/users/{id}/factors", delete(admin::users::api::reset_factors))
        .route("/api/admin/users/{id}/invitation", post(admin::users::invitations::renew))
        .route(
            "/api/admin/users/{id}/sessions",
            get(admin::sessions::api::of_user).delete(admin::sessions::api::revoke_of_user),
        )
        .route("/api/admin/sessions", get(admin::sessions::api::list))
        .route(
            "/api/admin/sessions/{id}",
            get(admin::sessions::api::explain).delete(admin::sessions::api::revoke),
        )
        .route("/api/admin/audit", get(admin::audit::api::list))
        .route("/api/admin/audit/export", get(admin::audit::export::export))
        .route("/api/admin/figures", get(admin::overview::api::show))
        .route("/api/admin/revocations", get(admin::revocations::api::follow))
        .route("/api/admin/webhook", get(admin::webhook::show))
        .route("/api/admin/mail", get(admin::mail::api::list))
        .route(
            "/api/admin/clients",
            get(admin::clients::api::list).post(admin::clients::api::create),
        )
        .route(
            "/api/admin/clients/{id}",
            get(admin::clients::api::show).delete(admin::clients::api::remove),
        )
        .route("/api/admin/clients/{id}/secret", post(admin::clients::api::rotate_secret))
}

/// Lets front ends of `ANTEROOM_TRUSTED_ORIGINS` call the API with the cookie. Without any, no
/// response has CORS headers.
fn cross_origin(
    request_guard: &RequestGuard,
) -> tower::util::Either<CorsLayer, tower::layer::util::Identity> {
    const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
    let origins: Vec<HeaderValue> =
        request_guard.0.trusted_origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    if origins.is_empty() {
        return tower::util::Either::Right(tower::layer::util::Identity::new());
    }
    let cors = CorsLayer::new()
        .allow_origin(origins)
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([header::CONTENT_TYPE, header::IF_MATCH])
        .expose_headers([header::ETAG, header::RETRY_AFTER, REQUEST_ID]);
    tower::util::Either::Left(cors)
}

/// The response to a panic of a handler: 500, as for any other failure.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    Problem::internal().into_response()
}
