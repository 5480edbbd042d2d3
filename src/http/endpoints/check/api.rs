//! `/auth/verify` and `/auth/verify/redirect`: session checks for reverse proxies and back ends.

use axum::extract::{Request, State};
use axum::http::{Extensions, HeaderMap};
use axum::response::{IntoResponse as _, Response};

use crate::http::forward_auth::ForwardAuth;
use crate::http::response::error::Problem;
use crate::http::response::json::ProblemBody;
use crate::http::security::applications::Application;
use crate::http::session::bearer::{Authenticated, authenticated};
use crate::http::session::current::CurrentSession;
use crate::use_cases::AccessTokens;

/// `/auth/verify`: 200 with the user in headers, and no body. All four headers are always there, so
/// that a proxy overwrites headers of the same names from a client. The cookie counts, or without
/// one an access token in `Authorization`. Every method is accepted, and neither the body nor the
/// query is read. If a body was announced, the
/// connection ends with the response. `IDENTITY_HEADERS` sets other names.
#[utoipa::path(get, path = "/auth/verify", tag = "forward auth", responses(
    (status = 200, description = "Signed in", headers(
        ("Remote-User" = String, description = "The id of the user"),
        ("Remote-Email" = String, description = "The address; empty until verified"),
        ("Remote-Name" = String, description = "The name; may be empty"),
        ("Remote-Groups" = String, description = "The role, then the groups, sorted and separated by \
                                                  commas: `user,dev,ops`"),
    )),
    (status = 401, description = "`no_session`, `session_ended` or `invalid_token`", body = ProblemBody),
    (status = 403, description = "`forbidden`: with `FORWARD_AUTH`, an identity header from the \
                                  client, an original URL of another origin, or rules that do not \
                                  allow the request; `reauthentication_required` and \
                                  `second_factor_required` by rules", body = ProblemBody),
))]
pub(crate) async fn verify(
    State(forward_auth): State<ForwardAuth>,
    State(access_tokens): State<AccessTokens>,
    current: CurrentSession,
    request: Request,
) -> Result<HeaderMap, Problem> {
    let user = user_of(&current, &access_tokens, (request.headers(), request.extensions())).await;
    forward_auth.answer(&forward_auth.admit(&request)?, request.headers(), user)
}

/// `/auth/verify/redirect`: as `/auth/verify`, but a browser that wanted to see a page is sent to
/// the sign-in page. The original request decides that: GET or HEAD, with `Sec-Fetch-Mode:
/// navigate`, or without that header and with `text/html` in `Accept`.
#[utoipa::path(get, path = "/auth/verify/redirect", tag = "forward auth", responses(
    (status = 200, description = "Signed in; headers as of `/auth/verify`"),
    (status = 302, description = "To the form for signing in or reauthenticating, and from there \
                                  back to the original URL; for an application on another host, to \
                                  `/auth/continue`, with a cookie for that host",
        headers(("Location" = String, description = "The form, or `/auth/continue`"))),
    (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
    (status = 403, description = "`forbidden`, `reauthentication_required` or \
                                  `second_factor_required`, as of `/auth/verify`", body = ProblemBody),
))]
pub(crate) async fn verify_or_redirect(
    State(forward_auth): State<ForwardAuth>,
    State(access_tokens): State<AccessTokens>,
    current: CurrentSession,
    request: Request,
) -> Result<Response, Problem> {
    let user = user_of(&current, &access_tokens, (request.headers(), request.extensions())).await;
    let (admitted, sent) = (forward_auth.admit(&request)?, request.headers());
    match forward_auth.answer(&admitted, sent, user) {
        Ok(headers) => Ok(headers.into_response()),
        Err(problem) => forward_auth.redirect(&admitted, sent, problem),
    }
}

/// At the origin of an application an access token for that application counts.
async fn user_of(
    current: &CurrentSession,
    access_tokens: &AccessTokens,
    (headers, extensions): (&HeaderMap, &Extensions),
) -> Result<Authenticated, Problem> {
    let application = extensions.get::<Application>();
    let audience = access_tokens.audience_at(application.map(Application::origin));
    authenticated(current, access_tokens, headers, audience).await
}
