//! `/api/session/passkey`: options for the browser, and signing in with a passkey.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::accounts::{Accounts, Assertion, BrowserBinding, PendingPurpose, UserId};
use crate::http::endpoints::factors::access::signed_in;
use crate::http::endpoints::passkeys::browser::{BrowserKey, sign_in_request};
use crate::http::request::body::{JsonObject, UniqueObject};
use crate::http::response::error::Problem;
use crate::http::response::json::{ProblemBody, SignedInBody};
use crate::http::session::cookie::CookieShape;
use crate::http::session::current::{CurrentSession, SessionState};
use crate::sessions::Sessions;
use crate::use_cases::{PasskeySignIn, SecondFactor};

/// Nothing.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub(crate) struct NothingBody {}

/// The options for a proof.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub(crate) struct PasskeyOptionsBody {
    /// Asks for any passkey of this site, to sign in as somebody else than the user who is signed
    /// in, or whose second step is missing.
    #[serde(default)]
    sign_in: bool,
}

/// A sign-in with a passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "credential": { "id": "…", "rawId": "…", "type": "public-key",
    "response": { "clientDataJSON": "…", "authenticatorData": "…", "signature": "…",
    "userHandle": "…" } }, "remember_me": false }))]
pub(crate) struct PasskeyLoginBody {
    /// The result of `PublicKeyCredential.toJSON()` in the browser.
    #[schema(value_type = Object)]
    credential: UniqueObject,
    /// Whether the session outlives the browser.
    #[serde(default)]
    remember_me: bool,
}

/// Reads the answer of a browser.
pub(in crate::http) fn read_assertion(credential: Value) -> Result<Assertion, Problem> {
    Assertion::read(credential).ok_or_else(malformed_credential)
}

/// The same, from the field of a form.
pub(in crate::http) fn typed_assertion(credential: &str) -> Result<Assertion, Problem> {
    read_assertion(serde_json::from_str(credential).unwrap_or_default())
}

pub(super) fn malformed_credential() -> Problem {
    Problem::malformed("`credential` is not what `PublicKeyCredential.toJSON()` returns.")
}

/// 404 where passkeys are off.
pub(in crate::http) fn require_passkeys(accounts: &Accounts) -> Result<(), Problem> {
    if accounts.passkeys_are_on() { Ok(()) } else { Err(Problem::not_found()) }
}

/// Whose passkey a browser is asked for, and what binds the challenge to it.
async fn asked_for(
    second_factor: &SecondFactor,
    current: &CurrentSession,
) -> Result<Option<(UserId, BrowserBinding)>, Problem> {
    match current.session_state() {
        SessionState::Unknown => return Err(Problem::silent_store()),
        SessionState::Live(identity) => {
            let binding = BrowserBinding::session(identity.session.id.as_uuid());
            return Ok(identity.user.map(|user| (user.id, binding)));
        }
        SessionState::Missing | SessionState::SeveralCookies | SessionState::Ended(_) => {}
    }
    let Some(token) = current.token() else { return Ok(None) };
    let pending = second_factor.pending(&token).await?;
    let waiting = pending.filter(|(pending, account)| {
        pending.purpose == PendingPurpose::Code && second_factor.offers_passkey(account)
    });
    Ok(waiting.map(|(pending, _)| (pending.user, BrowserBinding::pending(&pending.digest))))
}

/// `POST /api/session/passkey/options`: the options for the browser
/// (`PublicKeyCredential.parseRequestOptionsFromJSON()`). Where nobody is signed in, any passkey of
/// this site, and a cookie ties the challenge to the browser. With a session, or a pending one that
/// waits for a second factor, the passkeys of that account.
#[utoipa::path(post, path = "/api/session/passkey/options", tag = "session",
    request_body = PasskeyOptionsBody,
    responses(
        (status = 200, description = "The options; the challenge works once, for five minutes",
            body = Object, example = json!({ "challenge": "…", "timeout": 300_000,
            "rpId": "auth.example.org", "allowCredentials": [], "userVerification": "required" })),
        (status = 404, description = "`not_found`: passkeys are off, or the user who is signed in \
            has none", body = ProblemBody),
        (status = 429, description = "`too_many_attempts`", body = ProblemBody),
    )
)]
pub(crate) async fn options(
    (State(accounts), State(second_factor)): (State<Accounts>, State<SecondFactor>),
    (State(sessions), State(cookie)): (State<Sessions>, State<CookieShape>),
    current: CurrentSession,
    headers: HeaderMap,
    JsonObject(body): JsonObject<PasskeyOptionsBody>,
) -> Result<Response, Problem> {
    require_passkeys(&accounts)?;
    current.count_ceremony().await?;
    let known = if body.sign_in { None } else { asked_for(&second_factor, &current).await? };
    if let Some((user, binding)) = known {
        let options = accounts.begin_proof(Some(user), binding).await?;
        return Ok(Json(options.ok_or_else(Problem::not_found)?).into_response());
    }
    let browser = BrowserKey::of(&headers, &cookie, &sessions)?;
    let options = accounts.begin_proof(None, browser.binding()).await?;
    let mut response = Json(options.ok_or_else(Problem::not_found)?).into_response();
    let kept: HeaderValue = browser.cookie(&cookie)?;
    response.headers_mut().append(header::SET_COOKIE, kept);
    Ok(response)
}

/// `POST /api/session/passkey`: signs a user in with a passkey, which counts as a password and a
/// second factor.
#[utoipa::path(post, path = "/api/session/passkey", tag = "session",
    request_body = PasskeyLoginBody,
    responses(
        (status = 200, description = "Signed in; the cookie comes along", body = SignedInBody),
        (status = 401, description = "`invalid_credentials`: the passkey is unknown or wrong, or \
            its challenge is", body = ProblemBody),
        (status = 403, description = "`email_unverified`: the link was sent again",
            body = ProblemBody),
        (status = 404, description = "`not_found`: passkeys are off", body = ProblemBody),
        (status = 409, description = "`session_limit_reached`", body = ProblemBody),
    )
)]
pub(crate) async fn sign_in(
    (State(accounts), State(passkeys)): (State<Accounts>, State<PasskeySignIn>),
    (State(sessions), State(cookie)): (State<Sessions>, State<CookieShape>),
    current: CurrentSession,
    headers: HeaderMap,
    JsonObject(body): JsonObject<PasskeyLoginBody>,
) -> Result<Json<SignedInBody>, Problem> {
    require_passkeys(&accounts)?;
    let assertion = read_assertion(body.credential.0)?;
    let shape = (&headers, &cookie);
    let request = sign_in_request(&current, shape, assertion, body.remember_me);
    let (user, started) = passkeys.sign_in(request).await?;
    let (user, session) = signed_in(&current, user, started);
    Ok(Json(SignedInBody::new(&user, &session, sessions.policy())))
}
