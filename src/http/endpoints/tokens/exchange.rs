//! `/oauth/token`: exchanges a code for tokens (RFC 6749, section 4.1.3).

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::api::OpenRegistry;
use super::client_auth::authenticated_or_public;
use super::oauth_error::{OAuthError, OAuthErrorBody};
use crate::audit::By;
use crate::http::request::body::Form;
use crate::http::response::error::Problem;
use crate::http::response::json::ProblemBody;
use crate::http::session::current::CurrentSession;
use crate::use_cases::{CodeFlow, Exchanged, PresentedCode};

/// A code, and the client unless it authenticates by HTTP Basic.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the form")]
pub(crate) struct CodeForm {
    /// `authorization_code`.
    grant_type: String,
    /// The code, which is valid for 30 seconds, once.
    code: String,
    /// The redirect URI that the code was sent to.
    redirect_uri: String,
    /// The verifier of PKCE (RFC 7636): 43 to 128 characters.
    code_verifier: String,
    /// The audience of the access token, where the request for the code named it, too.
    #[schema(nullable = false)]
    resource: Option<String>,
    #[schema(nullable = false)]
    client_id: Option<String>,
    #[schema(nullable = false, format = Password)]
    client_secret: Option<String>,
}

/// The tokens for a code (RFC 6749, section 5.1).
#[derive(Serialize, ToSchema)]
pub(crate) struct ExchangedBody {
    /// A JWT (RFC 9068).
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// For how many seconds it is valid, if its session does not end before.
    expires_in: u64,
    /// The scopes of the access token, separated by spaces.
    scope: String,
    /// A JWT about the user and the sign-in, with the scope `openid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id_token: Option<String>,
}

impl From<Exchanged> for ExchangedBody {
    fn from(exchanged: Exchanged) -> Self {
        let Exchanged { access, id_token, scope } = exchanged;
        Self {
            access_token: access.text.expose_secret().to_owned(),
            token_type: "Bearer",
            expires_in: access.expires_in.as_secs(),
            scope,
            id_token,
        }
    }
}

/// `POST /oauth/token`: exchanges a code for tokens. There is no refresh token: ask for another code
/// while the session is live, with `prompt=none`.
#[utoipa::path(post, path = "/oauth/token", tag = "tokens",
    request_body(content = CodeForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The tokens", body = ExchangedBody),
        (status = 400, description = "`invalid_request`, `invalid_grant`, \
            `invalid_target` or `unsupported_grant_type`", body = OAuthErrorBody),
        (status = 401, description = "`invalid_client`", body = OAuthErrorBody),
        (status = 404, description = "`not_found`: there are no clients, or tokens are off",
            body = ProblemBody),
        (status = 503, description = "`temporarily_unavailable`", body = OAuthErrorBody),
    )
)]
pub(crate) async fn exchange(
    State(code_flow): State<CodeFlow>,
    OpenRegistry(registry): OpenRegistry,
    (current, headers): (CurrentSession, HeaderMap),
    form: Result<Form, Problem>,
) -> Result<Response, OAuthError> {
    let form = form?;
    let client = authenticated_or_public(&registry, &headers, &form)?;
    match form.get("grant_type") {
        "authorization_code" => {}
        "" => return Err(OAuthError::invalid_request("The field `grant_type` is missing.")),
        _ => return Err(OAuthError::unsupported_grant_type()),
    }
    let field = |name: &str| {
        let value = form.find(name).filter(|value| !value.is_empty()).map(str::to_owned);
        let missing = || OAuthError::invalid_request(format!("The field `{name}` is missing."));
        value.ok_or_else(missing)
    };
    let presented = PresentedCode {
        code: field("code")?,
        redirect_uri: field("redirect_uri")?,
        verifier: field("code_verifier")?,
        resource: field("resource").ok(),
    };
    let by = By::anonymous(current.client());
    let exchanged = code_flow.exchange(&registry, client, presented, by).await?;
    let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(([no_store], Json(ExchangedBody::from(exchanged))).into_response())
}
