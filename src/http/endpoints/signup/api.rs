//! `/api/signup`: makes an account and signs its owner in.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::accounts::{Email, Name, Password};
use crate::http::endpoints::factors::access::accept;
use crate::http::endpoints::recovery::api::AcceptedBody;
use crate::http::request::body::JsonObject;
use crate::http::response::error::{Code, FieldErrors, Problem};
use crate::http::response::json::{ProblemBody, SignedInBody};
use crate::http::session::current::CurrentSession;
use crate::http::state::FormSettings;
use crate::sessions::Sessions;
use crate::use_cases::{FormTurn, Signup, SignupRequest};

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignupBody {
    email: String,
    #[schema(format = Password)]
    password: String,
    /// How the person wants to be called.
    #[serde(default)]
    name: String,
}

/// `POST /api/signup`: creates an account and signs its owner in.
#[utoipa::path(post, path = "/api/signup", tag = "session", request_body = SignupBody, responses(
    (status = 201, description = "Signed up and in; the cookie comes along", body = SignedInBody),
    (status = 202, description = "Where addresses have to be confirmed: a message is on its way, \
        for a free and a taken address alike", body = AcceptedBody),
    (status = 401, description = "`second_factor_setup_required`: the account was made; the cookie \
        of a pending session comes along", body = ProblemBody),
    (status = 403, description = "`signup_closed`", body = ProblemBody),
    (status = 409, description = "`email_taken`", body = ProblemBody),
    (status = 422, description = "`invalid_input`", body = ProblemBody),
    (status = 429, description = "`too_many_attempts`", body = ProblemBody),
))]
pub(crate) async fn sign_up(
    State(signup): State<Signup>,
    State(sessions): State<Sessions>,
    State(form_settings): State<FormSettings>,
    current: CurrentSession,
    JsonObject(body): JsonObject<SignupBody>,
) -> Result<Response, Problem> {
    if !form_settings.signup_is_open {
        return Err(signup_closed());
    }
    let request = signup_request(&current, &body.email, &body.name, &body.password)?;
    if signup.is_by_mail() {
        signup.by_mail(request).await?;
        return Ok((StatusCode::ACCEPTED, Json(AcceptedBody {})).into_response());
    }
    let (user, session) = accept(&current, signup.with_password(request).await?)?;
    let body = SignedInBody::new(&user, &session, sessions.policy());
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

pub(crate) fn signup_closed() -> Problem {
    let detail = "Sign-up is closed here: ask its operator for an account.";
    Problem::new(StatusCode::FORBIDDEN, Code::SignupClosed, detail)
}

/// Parses the fields of a form or a JSON body. The error names every invalid field.
pub(crate) fn signup_request(
    current: &CurrentSession,
    email: &str,
    name: &str,
    password: &str,
) -> Result<SignupRequest, Problem> {
    let mut errors = FieldErrors::default();
    let email = errors.check("email", Email::parse(email));
    let name = errors.check("name", Name::parse(name));
    match (email, name) {
        (Some(email), Some(name)) => Ok(SignupRequest {
            email,
            name,
            password: Password::from_typed(password),
            from: current.browser(),
            form: FormTurn::default(),
        }),
        _ => Err(errors.into_problem()),
    }
}
