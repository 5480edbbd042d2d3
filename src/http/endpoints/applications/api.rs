//! `/api/account/applications`: the consents of the user.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::response::error::Problem;
use crate::http::response::json::{Id, ProblemBody, Timestamp};
use crate::http::session::extract::{CurrentUser, PathId};
use crate::tokens::{ClientId, Scope};
use crate::use_cases::{AllowedClient, CodeFlow};

/// An application that may know who the user is.
#[derive(Serialize, ToSchema)]
#[schema(as = AllowedApplication)]
pub(crate) struct AllowedApplicationBody {
    #[schema(value_type = String, format = "uuid")]
    client_id: Id,
    name: String,
    /// The scopes that the user allows.
    scopes: Vec<String>,
    /// When the user was asked last.
    #[schema(value_type = String, format = DateTime)]
    given_at: Timestamp,
}

/// The applications that the user allows.
#[derive(Serialize, ToSchema)]
pub(crate) struct AllowedApplicationsBody {
    applications: Vec<AllowedApplicationBody>,
}

impl From<&AllowedClient> for AllowedApplicationBody {
    fn from(AllowedClient { name, consent }: &AllowedClient) -> Self {
        Self {
            client_id: Id::of(consent.client.as_uuid()),
            name: name.to_string(),
            scopes: consent.scopes.iter().map(|scope| Scope::as_str(scope).to_owned()).collect(),
            given_at: Timestamp::of(consent.given_at),
        }
    }
}

/// `GET /api/account/applications`: the applications that the user allows, the oldest first.
#[utoipa::path(get, path = "/api/account/applications", tag = "account", responses(
    (status = 200, description = "The applications", body = AllowedApplicationsBody),
    (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
))]
pub(crate) async fn list(
    State(code_flow): State<CodeFlow>,
    current: CurrentUser,
) -> Result<Json<AllowedApplicationsBody>, Problem> {
    let allowed = code_flow.allowed_clients(current.user.id).await?;
    let applications = allowed.iter().map(AllowedApplicationBody::from).collect();
    Ok(Json(AllowedApplicationsBody { applications }))
}

/// `DELETE /api/account/applications/{id}`: withdraws the consent. The tokens and codes of the
/// application are refused once this is answered, and it asks again next time.
#[utoipa::path(delete, path = "/api/account/applications/{id}", tag = "account",
    params(("id" = String, Path, format = "uuid", description = "The id of the client")),
    responses(
        (status = 204, description = "Withdrawn"),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`client_not_found`: the user does not allow it",
            body = ProblemBody),
    )
)]
pub(crate) async fn withdraw(
    State(code_flow): State<CodeFlow>,
    current: CurrentUser,
    PathId(id): PathId,
) -> Result<StatusCode, Problem> {
    withdrawn(&code_flow, &current, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn withdrawn(
    code_flow: &CodeFlow,
    current: &CurrentUser,
    id: &str,
) -> Result<(), Problem> {
    let client = ClientId::parse(id).ok_or_else(Problem::client_not_found)?;
    let done = code_flow.withdraw(current.user.id, client, current.actor.by()).await?;
    done.then_some(()).ok_or_else(Problem::client_not_found)
}
