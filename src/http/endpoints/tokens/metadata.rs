//! The metadata of the server (RFC 8414; `OpenID` Connect Discovery 1.0): where the endpoints are.

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::api::OpenRegistry;
use super::oauth::KEYS_FRESH;
use crate::http::response::json::ProblemBody;
use crate::tokens::Algorithm;

const BY_SECRET: [&str; 2] = ["client_secret_basic", "client_secret_post"];
const BY_SECRET_OR_PUBLIC: [&str; 3] = ["client_secret_basic", "client_secret_post", "none"];

/// The metadata of the server.
#[derive(Serialize, ToSchema)]
pub(crate) struct MetadataBody {
    /// The public URL, the `iss` of every token.
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    /// A client may have further ones.
    scopes_supported: [&'static str; 4],
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 2],
    grant_types_supported: [&'static str; 1],
    subject_types_supported: [&'static str; 1],
    /// The algorithms that sign ID tokens, by the registration of the client.
    id_token_signing_alg_values_supported: Vec<&'static str>,
    /// The algorithms that sign access tokens, by the registration of the client.
    access_token_signing_alg_values_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    revocation_endpoint_auth_methods_supported: [&'static str; 3],
    code_challenge_methods_supported: [&'static str; 1],
    prompt_values_supported: [&'static str; 4],
    /// `1`: one factor, `2`: two.
    acr_values_supported: [&'static str; 2],
    claims_supported: Vec<&'static str>,
    /// Whether answers name this server (RFC 9207).
    authorization_response_iss_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
}

const CLAIMS: [&str; 14] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "sid",
    "name",
    "preferred_username",
    "email",
    "email_verified",
];

impl MetadataBody {
    fn of(issuer: &str) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        let algorithms: Vec<&str> = Algorithm::ALL.map(Algorithm::as_str).into();
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: at("/oauth/authorize"),
            token_endpoint: at("/oauth/token"),
            userinfo_endpoint: at("/oauth/userinfo"),
            jwks_uri: at("/oauth/jwks"),
            introspection_endpoint: at("/oauth/introspect"),
            revocation_endpoint: at("/oauth/revoke"),
            scopes_supported: ["openid", "profile", "email", "groups"],
            response_types_supported: ["code"],
            response_modes_supported: ["query", "form_post"],
            grant_types_supported: ["authorization_code"],
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: algorithms.clone(),
            access_token_signing_alg_values_supported: algorithms,
            token_endpoint_auth_methods_supported: BY_SECRET_OR_PUBLIC,
            introspection_endpoint_auth_methods_supported: BY_SECRET,
            revocation_endpoint_auth_methods_supported: BY_SECRET_OR_PUBLIC,
            code_challenge_methods_supported: ["S256"],
            prompt_values_supported: ["none", "login", "consent", "select_account"],
            acr_values_supported: ["1", "2"],
            claims_supported: CLAIMS.into_iter().chain(["groups"]).collect(),
            authorization_response_iss_parameter_supported: true,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
        }
    }
}

/// `GET /.well-known/oauth-authorization-server`: where the endpoints are.
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "tokens", responses(
    (status = 200, description = "Metadata (RFC 8414)", body = MetadataBody),
    (status = 404, description = "`not_found`: there are no clients, or tokens are off",
        body = ProblemBody),
    (status = 503, description = "`unavailable`", body = ProblemBody),
))]
pub(crate) async fn show(OpenRegistry(registry): OpenRegistry) -> Response {
    let body = MetadataBody::of(&registry.issuer);
    ([(header::CACHE_CONTROL, KEYS_FRESH)], Json(body)).into_response()
}

/// `GET /.well-known/openid-configuration`: the same, where clients of `OpenID` Connect look.
#[utoipa::path(get, path = "/.well-known/openid-configuration", tag = "tokens", responses(
    (status = 200, description = "Metadata (OpenID Connect Discovery 1.0)", body = MetadataBody),
    (status = 404, description = "`not_found`: there are no clients, or tokens are off",
        body = ProblemBody),
    (status = 503, description = "`unavailable`", body = ProblemBody),
))]
pub(crate) async fn show_for_openid(registry: OpenRegistry) -> Response {
    show(registry).await
}
