//! `/api/recovery`: asks for a link, and sets a password by it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::{Email, Password};
use crate::http::request::body::JsonObject;
use crate::http::response::error::{FieldErrors, Problem};
use crate::http::response::json::ProblemBody;
use crate::http::session::current::CurrentSession;
use crate::mail::Mail;
use crate::use_cases::Recovery;

/// Whose password is to be set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecoveryBody {
    email: String,
}

/// A link, and the password that it sets.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecoveryConfirmationBody {
    /// Of the link in the message.
    token: String,
    #[schema(format = Password)]
    new_password: String,
}

/// Nothing: the answer is in the mail.
#[derive(Serialize, ToSchema)]
pub(crate) struct AcceptedBody {}

/// 404 where mail is off: the paths do not exist.
pub(in crate::http) fn by_mail(mail: &Mail) -> Result<(), Problem> {
    if mail.is_on() { Ok(()) } else { Err(Problem::not_found()) }
}

/// `POST /api/recovery`: mails a link that sets a new password, if an active account has this
/// address. The response is the same without one.
#[utoipa::path(post, path = "/api/recovery", tag = "recovery", request_body = RecoveryBody,
    responses(
        (status = 202, description = "Asked for; whether there is an account is not told",
            body = AcceptedBody),
        (status = 404, description = "`not_found`: mail is off", body = ProblemBody),
        (status = 422, description = "`invalid_input`: this is no address", body = ProblemBody),
        (status = 429, description = "`too_many_attempts`", body = ProblemBody),
    )
)]
pub(crate) async fn request(
    (State(recovery), State(mail)): (State<Recovery>, State<Mail>),
    current: CurrentSession,
    JsonObject(body): JsonObject<RecoveryBody>,
) -> Result<(StatusCode, Json<AcceptedBody>), Problem> {
    by_mail(&mail)?;
    ask(&recovery, &current, &body.email).await?;
    Ok((StatusCode::ACCEPTED, Json(AcceptedBody {})))
}

pub(super) async fn ask(
    recovery: &Recovery,
    current: &CurrentSession,
    email: &str,
) -> Result<(), Problem> {
    let mut errors = FieldErrors::default();
    let Some(email) = errors.check("email", Email::parse(email)) else {
        return Err(errors.into_problem());
    };
    Ok(recovery.request(&email, current.language().tag(), current.client()).await?)
}

/// `POST /api/recovery/confirm`: sets a new password by a mailed link. All sessions of the account
/// end, and nobody is signed in.
#[utoipa::path(post, path = "/api/recovery/confirm", tag = "recovery",
    request_body = RecoveryConfirmationBody,
    responses(
        (status = 204, description = "Set; sign in with it"),
        (status = 404, description = "`not_found`: mail is off", body = ProblemBody),
        (status = 410, description = "`link_expired`", body = ProblemBody),
        (status = 422, description = "`invalid_input`", body = ProblemBody),
    )
)]
pub(crate) async fn confirm(
    (State(recovery), State(mail)): (State<Recovery>, State<Mail>),
    current: CurrentSession,
    JsonObject(body): JsonObject<RecoveryConfirmationBody>,
) -> Result<StatusCode, Problem> {
    by_mail(&mail)?;
    let password = Password::from_typed(&body.new_password);
    recovery.confirm(&body.token, &password, current.client()).await?;
    Ok(StatusCode::NO_CONTENT)
}
