//! `/api/session`: signing in and out, reauthentication, and who is signed in.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::accounts::{Assertion, Email, Password, PasswordCheck, PasswordCheckError, TypedCode};
use crate::http::endpoints::factors::access::accept;
use crate::http::endpoints::passkeys::api::read_assertion;
use crate::http::request::body::{JsonObject, UniqueObject, present};
use crate::http::response::error::{FieldErrors, Problem};
use crate::http::response::json::{ProblemBody, SignedInBody};
use crate::http::session::bearer::{authenticated, bearer_of};
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::CurrentUser;
use crate::sessions::{EndReason, Sessions};
use crate::use_cases::{
    AccessTokens, FormTurn, Login, LoginRequest, Logout, Reauthenticate, ReauthenticateError,
};

/// A sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginBody {
    email: String,
    #[schema(format = Password)]
    password: String,
    /// Whether the session outlives the browser.
    #[serde(default)]
    remember_me: bool,
}

/// A proof of identity: `password`, `code` of an authenticator app, `recovery_code` or `credential`
/// of a passkey, one of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "password": "velvet otter hums at nine" }))]
pub(crate) struct ProofBody {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, format = Password)]
    password: Option<String>,
    /// Six digits.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    code: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    recovery_code: Option<String>,
    /// The result of `PublicKeyCredential.toJSON()` in the browser.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Object, nullable = false)]
    credential: Option<UniqueObject>,
}

enum TypedProof {
    Password(PasswordCheck),
    Code(TypedCode),
    Passkey(Box<Assertion>),
}

impl ProofBody {
    fn proof(self, current: &CurrentSession) -> Result<TypedProof, Problem> {
        let Self { password, code, recovery_code, credential } = self;
        match (password, code, recovery_code, credential) {
            (Some(password), None, None, None) => {
                Ok(TypedProof::Password(current.proof(&password)))
            }
            (None, Some(code), None, None) => Ok(TypedProof::Code(TypedCode::totp(&code))),
            (None, None, Some(code), None) => Ok(TypedProof::Code(TypedCode::recovery(&code))),
            (None, None, None, Some(credential)) => {
                Ok(TypedProof::Passkey(Box::new(read_assertion(credential.0)?)))
            }
            _ => {
                let detail =
                    "One of `password`, `code`, `recovery_code` and `credential` is needed.";
                Err(Problem::malformed(detail))
            }
        }
    }
}

/// `POST /api/session`: signs a user in.
#[utoipa::path(post, path = "/api/session", tag = "session", request_body = LoginBody, responses(
    (status = 200, description = "Signed in; the cookie comes along", body = SignedInBody),
    (status = 401, description = "`invalid_credentials`; `second_factor_required` or \
        `second_factor_setup_required` with the cookie of a pending session", body = ProblemBody),
    (status = 403, description = "`email_unverified`: the link was sent again", body = ProblemBody),
    (status = 409, description = "`session_limit_reached`", body = ProblemBody),
    (status = 422, description = "`invalid_input`: this is no address", body = ProblemBody),
    (status = 429, description = "`too_many_attempts`", body = ProblemBody),
    (status = 503, description = "`busy` or `unavailable`", body = ProblemBody),
))]
pub(crate) async fn sign_in(
    State(login): State<Login>,
    State(sessions): State<Sessions>,
    current: CurrentSession,
    JsonObject(body): JsonObject<LoginBody>,
) -> Result<Json<SignedInBody>, Problem> {
    let request = login_request(&current, &body.email, &body.password, body.remember_me)?;
    let (user, session) = accept(&current, login.with_password(request).await?)?;
    Ok(Json(SignedInBody::new(&user, &session, sessions.policy())))
}

pub(crate) fn login_request(
    current: &CurrentSession,
    email: &str,
    password: &str,
    remember_me: bool,
) -> Result<LoginRequest, Problem> {
    let mut errors = FieldErrors::default();
    let Some(email) = errors.check("email", Email::parse(email)) else {
        return Err(errors.into_problem());
    };
    Ok(LoginRequest {
        email,
        password: Password::from_typed(password),
        remember_me,
        from: current.browser(),
        form: FormTurn::default(),
    })
}

/// `GET /api/session`: the current user and session, by the cookie or by an access token in
/// `Authorization`.
#[utoipa::path(get, path = "/api/session", tag = "session", responses(
    (status = 200, description = "Who is signed in", body = SignedInBody),
    (status = 400, description = "`invalid_input`: a cookie and an access token", body = ProblemBody),
    (status = 401, description = "`no_session`, `session_ended` or `invalid_token`",
        body = ProblemBody),
))]
pub(crate) async fn who(
    State(sessions): State<Sessions>,
    State(access_tokens): State<AccessTokens>,
    current: CurrentSession,
    headers: HeaderMap,
) -> Result<Json<SignedInBody>, Problem> {
    let audience = access_tokens.issuer();
    if current.token().is_some()
        && bearer_of(&headers).is_some()
        && access_tokens.registry().await?.is_some()
    {
        let detail = "The request has a session cookie and an access token: send one of them.";
        return Err(Problem::bad_parameter(detail));
    }
    let found = authenticated(&current, &access_tokens, &headers, audience).await?;
    let who = (&*found.user, &*found.session);
    Ok(Json(SignedInBody::asked_from(&current.client(), who, sessions.policy())))
}

/// `DELETE /api/session`: signs out. The response is the same if nobody was signed in.
#[utoipa::path(delete, path = "/api/session", tag = "session", responses(
    (status = 204, description = "Nobody is signed in any more"),
    (status = 503, description = "`unavailable`: still signed in", body = ProblemBody),
))]
pub(crate) async fn sign_out(
    State(logout): State<Logout>,
    current: CurrentSession,
) -> Result<StatusCode, Problem> {
    end_current(&logout, &current).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the session of the browser, if it has one, and takes the cookie away.
pub(crate) async fn end_current(logout: &Logout, current: &CurrentSession) -> Result<(), Problem> {
    match (current.session(), current.token()) {
        (Ok(Some(session)), _) => logout.of_session(&session, current.client()).await?,
        (Ok(None), Some(token)) => logout.of_pending(&token, current.client()).await?,
        (Ok(None), None) => {}
        (Err(problem), Some(token)) if problem.reason == Some(EndReason::Replaced) => {
            logout.of_rotated(&token, current.client()).await?;
        }
        // Ended before, or two cookies: there is no session to end, and the cookie is removed.
        (Err(problem), _) if problem.status == StatusCode::UNAUTHORIZED => {}
        (Err(problem), _) => return Err(problem),
    }
    current.forget_session();
    Ok(())
}

/// `POST /api/session/reauthenticate`: confirms the password or a second factor of the user, and
/// issues a new token.
#[utoipa::path(
    post, path = "/api/session/reauthenticate", tag = "session", request_body = ProofBody,
    responses(
        (status = 200, description = "Proven; the new cookie comes along", body = SignedInBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 403, description = "`invalid_credentials`", body = ProblemBody),
        (status = 429, description = "`too_many_attempts`", body = ProblemBody),
    )
)]
pub(crate) async fn reauthenticate(
    State(reauthenticate): State<Reauthenticate>,
    State(sessions): State<Sessions>,
    current: CurrentSession,
    CurrentUser { user, session, token, actor }: CurrentUser,
    JsonObject(body): JsonObject<ProofBody>,
) -> Result<Json<SignedInBody>, Problem> {
    let proof = body.proof(&current)?;
    actor.count_change().await?;
    let by = (&actor.by(), &FormTurn::default());
    let held = (&*session, &token);
    let started = match proof {
        TypedProof::Password(password) => {
            reauthenticate.with_password(&user, held, &password, by).await?
        }
        TypedProof::Passkey(assertion) => {
            reauthenticate.with_passkey(&user, held, *assertion, by).await?
        }
        TypedProof::Code(code) => match reauthenticate.with_code(&user, held, code, by).await {
            Err(ReauthenticateError::PasswordCheck(PasswordCheckError::Refused)) => {
                return Err(Problem::wrong_code());
            }
            started => started?,
        },
    };
    let who = (&*user, &started.session);
    let body = SignedInBody::asked_from(&current.client(), who, sessions.policy());
    current.set_session(started, Some(user));
    Ok(Json(body))
}
