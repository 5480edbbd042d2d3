//! Every path of the service, on one page. Handlers are named for the deed, paths for the thing.

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

use super::api::{
    account, admin, admin_invitations, admin_sessions, audit, audit_export, data, events, figures,
    health, openapi, own_data, revocations, session, sessions, verify, webhook,
};
use super::error::Problem;
use super::middleware::{
    RequestGuard, RequestIds, SessionLayer, check, finish_response, guard, measure, no_such_method,
    no_such_path, secure, whole_body,
};
use super::pages::{self, administration};
use super::state::AppState;
use crate::audit::AuditTrail;
use crate::metrics::Metrics;

/// What the router is made of.
pub(crate) struct RouterParts {
    pub(crate) state: AppState,
    pub(crate) session_layer: SessionLayer,
    pub(super) request_guard: RequestGuard,
    pub(super) ids: RequestIds,
    pub(crate) metrics: Metrics,
}

/// What is answered without looking up who asks.
fn without_session() -> Router<AppState> {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/openapi.json", get(openapi::description))
        .route("/assets/{file}", get(pages::asset))
}

pub(super) fn router(parts: RouterParts) -> Router {
    let RouterParts { state, session_layer, request_guard, ids, metrics } = parts;
    let audit = AuditTrail::from_ref(&state);

    let pages = Router::new()
        .route("/", get(pages::home))
        .route("/signup", get(pages::sign_up_form).post(pages::sign_up))
        .route("/login", get(pages::sign_in_form).post(pages::sign_in))
        .route("/logout", get(pages::ask_to_sign_out).post(pages::sign_out))
        .route("/setup", get(pages::setup_form).post(pages::set_up))
        .route("/invitation", get(pages::invitation_form).post(pages::accept_invitation))
        .route("/account", get(pages::account))
        .route("/account/profile", get(pages::profile_form).post(pages::change_profile))
        .route("/account/password", get(pages::to_the_form).post(pages::change_password))
        .route("/account/activity", get(pages::activity))
        .route("/account/remembered", get(pages::remembered))
        .route("/account/delete", get(pages::delete_form).post(pages::delete))
        .route("/account/sessions", get(pages::sessions))
        .route(
            "/account/sessions/revoke-others",
            get(pages::to_the_form).post(pages::revoke_others),
        )
        .route("/account/sessions/revoke-all", get(pages::to_the_form).post(pages::revoke_all))
        .route("/account/sessions/{id}/revoke", get(pages::to_the_form).post(pages::revoke_session))
        .route("/reauthenticate", get(pages::reauthenticate_form).post(pages::reauthenticate))
        .route("/preferences", get(pages::to_the_form).post(pages::prefer))
        .route("/.well-known/change-password", get(pages::to_a_new_password));

    let api = Router::new()
        .route("/api/signup", post(session::sign_up))
        .route("/api/session", get(session::who).post(session::sign_in).delete(session::sign_out))
        .route("/api/session/reauthenticate", post(session::reauthenticate))
        .route("/api/session/data", get(data::show).patch(data::change))
        .route("/api/session/events", get(events::watch))
        .route("/api/sessions", get(sessions::list).delete(sessions::revoke_all))
        .route("/api/sessions/{id}", delete(sessions::revoke))
        .route(
            "/api/account",
            get(account::show).merge(patch(account::change)).delete(account::delete),
        )
        .route("/api/account/password", put(account::change_password))
        .route("/api/account/data", get(own_data::download));

    let checks = checks(state.clone(), session_layer.clone(), ids.clone());
    let router = pages
        .merge(administration())
        .merge(api)
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
        .layer(MapResponseLayer::new(move |response| secure(&request_guard, response)))
        .merge(checks);
    if metrics.is_on() { router.layer(from_fn_with_state(metrics, measure)) } else { router }
}

/// What proxies ask about requests to other applications: none of the rules for our own pages hold.
fn checks(state: AppState, session_layer: SessionLayer, ids: RequestIds) -> Router {
    Router::new()
        .route("/auth/verify", any(verify::verify))
        .layer(session_layer)
        .with_state(state)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(check))
        .layer(from_fn_with_state(ids, finish_response))
}

fn administration() -> Router<AppState> {
    Router::new()
        .route("/admin", get(administration::overview))
        .route("/admin/users", get(administration::users).post(administration::create))
        .route("/admin/users/{id}", get(administration::user).post(administration::change))
        .route("/admin/users/{id}/delete", get(pages::to_the_form).post(administration::delete))
        .route("/admin/users/{id}/invitation", get(pages::to_the_form).post(administration::invite))
        .route(
            "/admin/users/{id}/revoke-sessions",
            get(pages::to_the_form).post(administration::revoke_sessions),
        )
        .route("/admin/sessions", get(administration::sessions))
        .route("/admin/sessions/{id}", get(administration::session))
        .route(
            "/admin/sessions/{id}/revoke",
            get(pages::to_the_form).post(administration::revoke_session),
        )
        .route("/admin/audit", get(administration::audit))
}

fn administration_api() -> Router<AppState> {
    Router::new()
        .route("/api/admin/users", get(admin::list).post(admin_invitations::create))
        .route("/api/admin/users/{id}", get(admin::show).patch(admin::change).delete(admin::delete))
        .route("/api/admin/users/{id}/invitation", post(admin_invitations::renew))
        .route(
            "/api/admin/users/{id}/sessions",
            get(admin_sessions::of_user).delete(admin_sessions::revoke_of_user),
        )
        .route("/api/admin/sessions", get(admin_sessions::list))
        .route(
            "/api/admin/sessions/{id}",
            get(admin_sessions::explain).delete(admin_sessions::revoke),
        )
        .route("/api/admin/audit", get(audit::list))
        .route("/api/admin/audit/export", get(audit_export::export))
        .route("/api/admin/figures", get(figures::show))
        .route("/api/admin/revocations", get(revocations::follow))
        .route("/api/admin/webhook", get(webhook::show))
}

/// Lets the front ends of `TRUSTED_ORIGINS` call the API with the cookie. Without any, no answer
/// says a word about other origins.
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

/// A handler that panics answers 500 like any other failure; the process goes on.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    Problem::internal().into_response()
}
