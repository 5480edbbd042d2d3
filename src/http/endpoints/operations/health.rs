//! `/healthz` and `/readyz`: health checks.

use axum::extract::State;
use axum::http::StatusCode;

use crate::accounts::Accounts;
use crate::sessions::Sessions;

/// `GET /healthz`: the process is alive.
#[utoipa::path(get, path = "/healthz", tag = "health", responses(
    (status = 200, description = "Alive"),
))]
pub(crate) async fn alive() -> &'static str {
    "alive\n"
}

/// `GET /readyz`: the stores answer and take writes, so that somebody can sign in.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "Able to serve"),
    (status = 503, description = "A store does not answer, or takes no writes"),
))]
pub(crate) async fn ready(
    State(accounts): State<Accounts>,
    State(sessions): State<Sessions>,
) -> (StatusCode, &'static str) {
    let (accounts, sessions) = tokio::join!(accounts.ready(), sessions.ready());
    match accounts.and(sessions) {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "not ready: a store does not respond, or rejects writes");
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable\n")
        }
    }
}
