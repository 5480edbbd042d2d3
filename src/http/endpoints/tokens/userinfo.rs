//! `/oauth/userinfo`: the claims of a user for a client (`OpenID` Connect Core, section 5.3).

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

use super::api::OpenRegistry;
use crate::http::response::error::Problem;
use crate::http::response::json::ProblemBody;
use crate::http::session::bearer::bearer_of;
use crate::tokens::{OPENID, UserClaims};
use crate::use_cases::AccessTokens;

/// `GET /oauth/userinfo`: the user of an access token with the scope `openid`, as the account is now.
/// The scopes say which claims are there.
#[utoipa::path(get, path = "/oauth/userinfo", tag = "tokens",
    responses(
        (status = 200, description = "The claims", body = Object,
            example = json!({ "sub": "01a1fc81-5b3e-7000-9a41-6f0c2d9be310", "name": "Ada",
                "preferred_username": "ada@example.org", "email": "ada@example.org",
                "email_verified": true })),
        (status = 401, description = "`invalid_token`", body = ProblemBody),
        (status = 403, description = "`insufficient_scope`", body = ProblemBody),
        (status = 404, description = "`not_found`: there are no clients, or tokens are off",
            body = ProblemBody),
        (status = 503, description = "`unavailable`", body = ProblemBody),
    )
)]
pub(crate) async fn show(
    State(access_tokens): State<AccessTokens>,
    _: OpenRegistry,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let bearer = bearer_of(&headers).ok_or_else(Problem::invalid_token)?;
    let holder = access_tokens.who(bearer).await?;
    // Whichever audience it has: a client gets this scope for this purpose.
    let holder = holder.filter(|holder| !holder.token.is_client_signed);
    let holder = holder.ok_or_else(Problem::invalid_token)?;
    let user = holder.identity.user.ok_or_else(Problem::invalid_token)?;
    let has = |name: &str| holder.token.scope.split(' ').any(|scope| scope == name);
    if !has(OPENID) {
        return Err(Problem::insufficient_scope());
    }
    let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(([no_store], Json(UserClaims::of(&user, has))).into_response())
}

/// `POST /oauth/userinfo`: the same, for clients that send it so.
#[utoipa::path(post, path = "/oauth/userinfo", tag = "tokens",
    responses(
        (status = 200, description = "The claims", body = Object,
            example = json!({ "sub": "01a1fc81-5b3e-7000-9a41-6f0c2d9be310" })),
        (status = 401, description = "`invalid_token`", body = ProblemBody),
        (status = 403, description = "`insufficient_scope`", body = ProblemBody),
        (status = 404, description = "`not_found`: there are no clients, or tokens are off",
            body = ProblemBody),
        (status = 503, description = "`unavailable`", body = ProblemBody),
    )
)]
pub(crate) async fn show_by_post(
    access_tokens: State<AccessTokens>,
    registry: OpenRegistry,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    show(access_tokens, registry, headers).await
}
