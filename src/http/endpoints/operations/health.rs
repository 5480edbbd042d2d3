//! `/healthz` and `/readyz`: health checks.

use axum::extract::State;

use crate::accounts::Accounts;
use crate::http::response::error::Problem;
use crate::http::response::json::ProblemBody;
use crate::sessions::Sessions;

/// `GET /healthz`: the process is alive.
#[utoipa::path(get, path = "/healthz", tag = "health", responses(
    (status = 200, description = "Alive", body = String, example = json!("alive\n")),
))]
pub(crate) async fn alive() -> &'static str {
    "alive\n"
}

/// `GET /readyz`: the stores answer and take writes, so that somebody can sign in.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "Able to serve", body = String, example = json!("ready\n")),
    (status = 503, description = "`unavailable`: a store does not answer, or takes no writes",
        body = ProblemBody),
))]
pub(crate) async fn ready(
    State(accounts): State<Accounts>,
    State(sessions): State<Sessions>,
) -> Result<&'static str, Problem> {
    let (accounts, sessions) = tokio::join!(accounts.ready(), sessions.ready());
    match accounts.and(sessions) {
        Ok(()) => Ok("ready\n"),
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "not ready: a store does not respond, or rejects writes");
            Err(Problem::not_ready())
        }
    }
}
