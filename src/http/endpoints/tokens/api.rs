//! `/api/session/token`: access tokens for back ends.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRef as _, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::request::body::{JsonObject, present};
use crate::http::response::error::{FieldError, Problem};
use crate::http::response::json::ProblemBody;
use crate::http::session::extract::CurrentUser;
use crate::http::state::AppState;
use crate::tokens::Registry;
use crate::use_cases::{AccessTokens, IssueError};

/// The clients and the keys. While tokens are off or there is no client, the response is 404.
pub(crate) struct OpenRegistry(pub(crate) Arc<Registry>);

impl FromRequestParts<AppState> for OpenRegistry {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let registry = AccessTokens::from_ref(state).registry().await?;
        registry.map(Self).ok_or_else(Problem::not_found)
    }
}

/// The token that is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenBody {
    /// The back end that is to accept the token: an audience of a client. Without one it is the
    /// public URL.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    audience: Option<String>,
    /// Scopes that the client of the audience may have, separated by spaces.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    scope: Option<String>,
}

/// An access token (RFC 6749, section 5.1).
#[derive(Serialize, ToSchema)]
pub(crate) struct IssuedTokenBody {
    /// A JWT (RFC 9068).
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// For how many seconds it is valid, if its session does not end before.
    expires_in: u64,
}

/// `POST /api/session/token`: an access token that shows this session to a back end. It is valid for
/// some minutes, and never longer than the session. There is no refresh token: the session is that.
#[utoipa::path(post, path = "/api/session/token", tag = "tokens", request_body = TokenBody,
    responses(
        (status = 200, description = "The token", body = IssuedTokenBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`not_found`: there are no clients, or tokens are off",
            body = ProblemBody),
        (status = 422, description = "`invalid_input`: no client has the audience, or its client may \
            not have the scope", body = ProblemBody),
        (status = 503, description = "`unavailable`", body = ProblemBody),
    )
)]
pub(crate) async fn issue(
    State(access_tokens): State<AccessTokens>,
    OpenRegistry(registry): OpenRegistry,
    current: CurrentUser,
    JsonObject(body): JsonObject<TokenBody>,
) -> Result<Response, Problem> {
    let scope = body.scope.unwrap_or_default();
    let asked = (body.audience.as_deref(), &*scope);
    let held = (&*current.session, &*current.user);
    let issued = access_tokens.issue(&registry, held, asked, &current.actor.by()).await?;
    let body = IssuedTokenBody {
        access_token: issued.text.expose_secret().to_owned(),
        token_type: "Bearer",
        expires_in: issued.expires_in.as_secs(),
    };
    let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(([no_store], Json(body)).into_response())
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        let (field, code) = match &error {
            IssueError::UnknownAudience => ("audience", "unknown"),
            IssueError::InvalidScope(_) => ("scope", "not_allowed"),
            IssueError::Mint(mint) => {
                let error: &dyn std::error::Error = mint;
                tracing::error!(error, "could not sign an access token; none was issued");
                return Self::internal();
            }
            IssueError::Store(_) => ("", ""),
        };
        match error {
            IssueError::Store(error) => error.into(),
            error => {
                Self::invalid([(field, FieldError { code, message: error.to_string() })].into())
            }
        }
    }
}
