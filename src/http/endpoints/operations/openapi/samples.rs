//! An example of each error: the very one that the server sends, where something makes it.

use std::time::Duration;

use axum::http::StatusCode;

use crate::accounts::{Busy, ChangeError, Email, Factor};
use crate::http::endpoints::email::api::already_verified;
use crate::http::endpoints::signup::api::signup_closed;
use crate::http::finish::method_not_allowed;
use crate::http::forward_auth::forbidden;
use crate::http::request::body;
use crate::http::response::error::{Code, FieldErrors, Problem};
use crate::http::security::guard;
use crate::sessions::{EndReason, KeepError};
use crate::use_cases::{ClientChangeError, LoginError, OwnFactorsError};

/// An error with this code, and with the status if the code has several.
pub(super) fn sample(code: Code, status: StatusCode) -> Problem {
    match code {
        Code::InvalidCredentials if status == StatusCode::FORBIDDEN => Problem::wrong_password(),
        Code::InvalidCredentials => Problem::wrong_credentials(),
        Code::TooManyAttempts => Problem::too_many_attempts(Duration::from_secs(30)),
        Code::Busy => Problem::busy(Busy { wait: Duration::from_secs(1) }),
        Code::NoSession => Problem::no_session(),
        Code::SessionEnded => Problem::session_ended(EndReason::RevokedByUser),
        Code::ReauthenticationRequired => Problem::reauthentication_required(),
        Code::SecondFactorRequired if status == StatusCode::UNAUTHORIZED => {
            Problem::second_factor_missing(&Factor::ALL)
        }
        Code::SecondFactorRequired => Problem::second_factor_required(),
        Code::SecondFactorSetupRequired => Problem::second_factor_setup_required(),
        Code::InvalidToken => Problem::invalid_token(),
        Code::InsufficientScope => Problem::insufficient_scope(),
        Code::CrossOrigin => guard::another_site(),
        Code::Forbidden => forbidden("A client may not send the header remote-user.".to_owned()),
        Code::EmailTaken => ChangeError::EmailTaken.into(),
        Code::EmailUnverified => Problem::email_unverified(),
        Code::LinkExpired => Problem::link_expired(),
        Code::AlreadyVerified => already_verified(),
        Code::SignupClosed => signup_closed(),
        Code::SessionLimitReached => LoginError::LimitReached.into(),
        Code::TooManyPasskeys => OwnFactorsError::TooManyPasskeys.into(),
        Code::ClientNotFound => ClientChangeError::NotFound.into(),
        Code::LastAdministrator => ChangeError::LastAdministrator.into(),
        Code::CursorExpired => Problem::cursor_expired(),
        Code::MalformedBody if status == StatusCode::REQUEST_TIMEOUT => body::too_slow(),
        Code::MalformedBody => Problem::malformed("Send a JSON object."),
        Code::InvalidInput => invalid_input(status),
        Code::UnsupportedMediaType => guard::encoded_body(),
        Code::BodyTooLarge => body::too_large(),
        Code::PreconditionFailed => KeepError::PreconditionFailed.into(),
        Code::NotFound => Problem::not_found(),
        Code::MethodNotAllowed => method_not_allowed(),
        Code::Misdirected if status == StatusCode::BAD_REQUEST => guard::no_single_host(),
        Code::Misdirected => guard::misdirected("https://auth.example.org"),
        Code::Unavailable => Problem::silent_store(),
        Code::Internal => Problem::internal(),
    }
}

fn invalid_input(status: StatusCode) -> Problem {
    match status {
        StatusCode::URI_TOO_LONG => guard::long_target(),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => guard::large_headers(),
        StatusCode::UNPROCESSABLE_ENTITY => {
            let mut errors = FieldErrors::default();
            errors.check("email", Email::parse("ada"));
            errors.into_problem()
        }
        _ => Problem::bad_parameter("`limit` is a number from 1 to 200."),
    }
}
