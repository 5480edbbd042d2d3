//! `/oauth/…`: the keys, and what clients ask about tokens.

use std::borrow::Cow;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::api::OpenRegistry;
use super::client_auth::{authenticated, authenticated_or_public};
use super::oauth_error::{OAuthError, OAuthErrorBody};
use crate::accounts::User;
use crate::http::request::body::Form;
use crate::http::response::error::Problem;
use crate::http::response::json::ProblemBody;
use crate::sessions::{AccessToken, Session, Sessions};
use crate::tokens::{authentication_methods, seconds, shows_groups};
use crate::use_cases::{AccessTokens, TokenHolder};

/// For this long a verifier may use the keys. The next key is published for a day before it signs.
pub(super) const KEYS_FRESH: HeaderValue = HeaderValue::from_static("max-age=300");

/// `GET /oauth/jwks`: the public keys, also those that sign next and those that have signed.
#[utoipa::path(get, path = "/oauth/jwks", tag = "tokens", responses(
    (status = 200, description = "A set of JWKs (RFC 7517)", body = Object,
        example = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256",
            "kid": "Hd0yxi1p-3zrLQwRGuY9qSWAM0F3z5gbUcjQkLKGTGU",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" }] })),
    (status = 404, description = "`not_found`: there are no clients, or tokens are off",
        body = ProblemBody),
    (status = 503, description = "`unavailable`", body = ProblemBody),
))]
pub(crate) async fn keys(
    State(sessions): State<Sessions>,
    OpenRegistry(registry): OpenRegistry,
) -> Response {
    let keys = Json(registry.to_jwks(sessions.now()));
    ([(header::CACHE_CONTROL, KEYS_FRESH)], keys).into_response()
}

/// A token, and the client unless it authenticates by HTTP Basic.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the form")]
pub(crate) struct TokenForm {
    /// The token.
    token: String,
    /// Ignored: a token says what it is.
    #[schema(nullable = false)]
    token_type_hint: Option<String>,
    #[schema(nullable = false)]
    client_id: Option<String>,
    #[schema(nullable = false, format = Password)]
    client_secret: Option<String>,
}

/// A token and its session (RFC 7662).
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum IntrospectionBody {
    Active(Box<ActiveToken>),
    Inactive(InactiveToken),
}

/// A token that is not valid, whose session has ended, or that is not for this client.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InactiveToken {
    /// `false`.
    active: bool,
}

/// A valid token of a live session, with the user as the account is now.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActiveToken {
    /// `true`.
    active: bool,
    token_type: &'static str,
    iss: String,
    /// The id of the user.
    sub: String,
    aud: String,
    exp: u64,
    iat: u64,
    jti: String,
    client_id: String,
    scope: String,
    /// The id of the session.
    sid: String,
    /// When the user last proved their identity.
    auth_time: u64,
    /// How, in the words of RFC 8176.
    amr: Vec<&'static str>,
    roles: [&'static str; 1],
    /// With the scope `groups`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    groups: Option<Vec<String>>,
}

impl ActiveToken {
    fn new(issuer: &str, token: &AccessToken, session: &Session, user: &User) -> Self {
        let proven = session.authenticated_at.unwrap_or(session.created_at);
        Self {
            active: true,
            token_type: "Bearer",
            iss: issuer.to_owned(),
            sub: user.id.to_string(),
            aud: token.audience.to_string(),
            exp: seconds(token.expires_at),
            iat: seconds(token.issued_at),
            jti: token.id.to_string(),
            client_id: token.client.to_string(),
            scope: token.scope.to_string(),
            sid: session.id.to_string(),
            auth_time: seconds(proven),
            amr: authentication_methods(session),
            roles: [user.role.as_str()],
            groups: shows_groups(&token.scope)
                .then(|| user.groups.iter().map(str::to_owned).collect()),
        }
    }
}

/// `POST /oauth/introspect`: reports the present state of a token (RFC 7662). A client learns this of tokens
/// for its audiences, and of those that it got. As fast and as fresh as a session check.
#[utoipa::path(post, path = "/oauth/introspect", tag = "tokens",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token", body = IntrospectionBody),
        (status = 400, description = "`invalid_request`", body = OAuthErrorBody),
        (status = 401, description = "`invalid_client`", body = OAuthErrorBody),
        (status = 404, description = "`not_found`: there are no clients, or tokens are off",
            body = ProblemBody),
        (status = 503, description = "`temporarily_unavailable`", body = OAuthErrorBody),
    )
)]
pub(crate) async fn introspect(
    State(access_tokens): State<AccessTokens>,
    OpenRegistry(registry): OpenRegistry,
    headers: HeaderMap,
    form: Result<Form, Problem>,
) -> Result<Response, OAuthError> {
    let form = form?;
    let client = authenticated(&registry, &headers, &form)?;
    let holder = access_tokens.introspect(client, token_of(&form)?).await?;
    let shown = holder.and_then(|TokenHolder { token, identity }| {
        let user = identity.user?;
        Some(ActiveToken::new(&registry.issuer, &token, &identity.session, &user))
    });
    let inactive = IntrospectionBody::Inactive(InactiveToken { active: false });
    let body = shown.map_or(inactive, |token| IntrospectionBody::Active(Box::new(token)));
    let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(([no_store], Json(body)).into_response())
}

/// `POST /oauth/revoke`: revokes an access token of the client (RFC 7009). Once this is answered no
/// server accepts it. The answer is the same for any other token.
#[utoipa::path(post, path = "/oauth/revoke", tag = "tokens",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The client has no such token any more"),
        (status = 400, description = "`invalid_request`", body = OAuthErrorBody),
        (status = 401, description = "`invalid_client`", body = OAuthErrorBody),
        (status = 404, description = "`not_found`: there are no clients, or tokens are off",
            body = ProblemBody),
        (status = 503, description = "`temporarily_unavailable`", body = OAuthErrorBody),
    )
)]
pub(crate) async fn revoke(
    State(access_tokens): State<AccessTokens>,
    OpenRegistry(registry): OpenRegistry,
    headers: HeaderMap,
    form: Result<Form, Problem>,
) -> Result<StatusCode, OAuthError> {
    let form = form?;
    let client = authenticated_or_public(&registry, &headers, &form)?;
    access_tokens.revoke(&registry, client, token_of(&form)?).await?;
    Ok(StatusCode::OK)
}

fn token_of(form: &Form) -> Result<&str, OAuthError> {
    let missing = || OAuthError::invalid_request(Cow::from("The field `token` is missing."));
    form.find("token").filter(|token| !token.is_empty()).ok_or_else(missing)
}
