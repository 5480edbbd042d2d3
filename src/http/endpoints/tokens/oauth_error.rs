//! Errors of OAuth endpoints (RFC 6749, section 5.2).

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::failure::StoreError;
use crate::http::response::error::Problem;
use crate::use_cases::ExchangeError;

/// An error of an OAuth endpoint.
#[derive(Debug)]
pub(in crate::http) struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: Cow<'static, str>,
}

/// The error of an OAuth endpoint.
#[derive(Serialize, ToSchema)]
pub(crate) struct OAuthErrorBody {
    /// The word of RFC 6749, for example `invalid_client`.
    error: &'static str,
    /// A sentence for developers.
    error_description: Cow<'static, str>,
}

impl OAuthError {
    pub(super) fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        let (status, description) = (StatusCode::BAD_REQUEST, description.into());
        Self { status, error: "invalid_request", description }
    }

    pub(super) fn unsupported_grant_type() -> Self {
        let description = "Use grant_type=authorization_code.".into();
        Self { status: StatusCode::BAD_REQUEST, error: "unsupported_grant_type", description }
    }

    pub(super) fn invalid_client() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            error: "invalid_client",
            description:
                "The client is not known, or its secret is wrong: send both by HTTP Basic \
                          authentication, or in the body as client_id and client_secret."
                    .into(),
        }
    }
}

impl From<Problem> for OAuthError {
    /// The problem of a body. Every one is a malformed request here (RFC 6749, section 5.2).
    fn from(problem: Problem) -> Self {
        Self::invalid_request(problem.detail)
    }
}

impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> Self {
        let problem = Problem::from(error);
        let description = problem.detail;
        Self { status: problem.status, error: "temporarily_unavailable", description }
    }
}

impl From<ExchangeError> for OAuthError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::InvalidGrant => Self {
                status: StatusCode::BAD_REQUEST,
                error: "invalid_grant",
                description:
                    "The code is unknown, was used, has expired, or is for another client, \
                              redirect URI or verifier; or its session has ended."
                        .into(),
            },
            ExchangeError::InvalidTarget => Self {
                status: StatusCode::BAD_REQUEST,
                error: "invalid_target",
                description: "The code is for another audience.".into(),
            },
            ExchangeError::Mint(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "could not sign tokens; the code is used up");
                let problem = Problem::internal();
                let description = problem.detail;
                Self { status: problem.status, error: "server_error", description }
            }
            ExchangeError::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = OAuthErrorBody { error: self.error, error_description: self.description };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            let basic = HeaderValue::from_static("Basic realm=\"anteroom\"");
            headers.insert(header::WWW_AUTHENTICATE, basic);
        }
        response
    }
}
