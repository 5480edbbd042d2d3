//! `/api/admin/webhook`: status of the webhook deliveries.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::audit::Kind;
use crate::http::response::error::Problem;
use crate::http::response::json::{ProblemBody, timestamp};
use crate::http::session::extract::RequireAdmin;
use crate::webhook::{DeliveryState, Webhook};

/// State of the deliveries.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(crate) struct WebhookBody {
    /// Where events are sent, without user, password and query; `null` where they are not.
    url: Option<String>,
    /// Which kinds of events.
    events: Vec<&'static str>,
    /// How many the receiver has still to be told.
    pending: u64,
    /// How many were given up during the last week.
    failed: u64,
    /// When the receiver took one last.
    #[schema(format = DateTime)]
    last_success: Option<String>,
    last_failure: Option<FailureBody>,
    /// When the next attempt is due; in the past while it is made.
    #[schema(format = DateTime)]
    next_attempt: Option<String>,
}

/// The last attempt that failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookFailure)]
pub(crate) struct FailureBody {
    #[schema(format = DateTime)]
    time: String,
    /// `refused`, `timeout`, `unreachable`, `tls` or `broken`.
    error: &'static str,
    /// The answer of the receiver, if there was one.
    status: Option<u16>,
}

impl WebhookBody {
    fn of(webhook: &Webhook, state: &DeliveryState) -> Self {
        Self {
            url: webhook.url(),
            events: webhook.events().into_iter().map(Kind::as_str).collect(),
            pending: state.pending,
            failed: state.failed,
            last_success: state.last_success.map(timestamp),
            last_failure: state.last_failure.map(|(at, why)| FailureBody {
                time: timestamp(at),
                error: why.as_str(),
                status: why.status(),
            }),
            next_attempt: state.next_attempt.map(timestamp),
        }
    }
}

/// `GET /api/admin/webhook`: state of the webhook: its URL, and how many events wait.
#[utoipa::path(get, path = "/api/admin/webhook", tag = "admin",
    responses(
        (status = 200, description = "How the deliveries stand", body = WebhookBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`not_found`: not an administrator", body = ProblemBody),
    )
)]
pub(crate) async fn show(
    State(webhook): State<Webhook>,
    _: RequireAdmin,
) -> Result<Json<WebhookBody>, Problem> {
    let state = webhook.state().await?;
    Ok(Json(WebhookBody::of(&webhook, &state)))
}
