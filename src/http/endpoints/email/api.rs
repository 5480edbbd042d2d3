//! Confirms email addresses by mailed links.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::endpoints::recovery::api::{AcceptedBody, by_mail};
use crate::http::request::body::JsonObject;
use crate::http::response::error::{Code, Problem};
use crate::http::response::json::ProblemBody;
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::CurrentUser;
use crate::mail::Mail;
use crate::use_cases::EmailLinks;

/// The link that confirms an address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailVerificationBody {
    /// Of the link in the message.
    token: String,
}

pub(crate) fn already_verified() -> Problem {
    let detail = "The address of this account is verified already.";
    Problem::new(StatusCode::CONFLICT, Code::AlreadyVerified, detail)
}

/// `POST /api/account/email/verification`: mails the link that confirms the address again.
#[utoipa::path(post, path = "/api/account/email/verification", tag = "account", responses(
    (status = 202, description = "Sent, unless there were too many to this address",
        body = AcceptedBody),
    (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
    (status = 404, description = "`not_found`: mail is off", body = ProblemBody),
    (status = 409, description = "`already_verified`", body = ProblemBody),
    (status = 429, description = "`too_many_attempts`", body = ProblemBody),
))]
pub(crate) async fn send_again(
    (State(links), State(mail)): (State<EmailLinks>, State<Mail>),
    current: CurrentUser,
) -> Result<(StatusCode, Json<AcceptedBody>), Problem> {
    by_mail(&mail)?;
    current.actor.count_change().await?;
    if !links.send_again(&current.user).await? {
        return Err(already_verified());
    }
    Ok((StatusCode::ACCEPTED, Json(AcceptedBody {})))
}

/// `POST /api/email/verify`: confirms the address that the link was sent to. Nobody needs to be
/// signed in.
#[utoipa::path(post, path = "/api/email/verify", tag = "recovery",
    request_body = EmailVerificationBody,
    responses(
        (status = 204, description = "Verified; a new address is the one of the account now"),
        (status = 404, description = "`not_found`: mail is off", body = ProblemBody),
        (status = 410, description = "`link_expired`", body = ProblemBody),
    )
)]
pub(crate) async fn verify(
    (State(links), State(mail)): (State<EmailLinks>, State<Mail>),
    current: CurrentSession,
    JsonObject(body): JsonObject<EmailVerificationBody>,
) -> Result<StatusCode, Problem> {
    by_mail(&mail)?;
    links.confirm(&body.token, current.client()).await?;
    Ok(StatusCode::NO_CONTENT)
}
