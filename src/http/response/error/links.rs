//! Errors of setup and invitation links, and of new accounts.

use axum::http::StatusCode;

use crate::http::response::error::{Code, Problem, limit_reached, weak_password};
use crate::sessions::StartError;
use crate::use_cases::{AcceptError, EmailLinkError, RecoveryError, SignupError};

impl Problem {
    pub(crate) fn needless_setup() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            Code::NotFound,
            "This setup link is used, expired or no longer needed. Its operator can \
             add an administrator with `anteroom user add --admin EMAIL`.",
        )
    }

    pub(crate) fn needless_invitation() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            Code::NotFound,
            "This invitation is used, expired or replaced: ask an administrator for a new one.",
        )
    }
}

impl Problem {
    pub(crate) fn link_expired() -> Self {
        let detail = "This link is used, expired or no longer valid: ask for another one.";
        Self::new(StatusCode::GONE, Code::LinkExpired, detail)
    }

    pub(crate) fn email_unverified() -> Self {
        let detail = "Confirm the email address first: the link in the message was sent again.";
        Self::new(StatusCode::FORBIDDEN, Code::EmailUnverified, detail)
    }
}

impl From<RecoveryError> for Problem {
    fn from(error: RecoveryError) -> Self {
        match error {
            RecoveryError::LinkGone => Self::link_expired(),
            RecoveryError::Weak(weak) => weak_password("new_password", weak),
            RecoveryError::Throttled(throttled) => throttled.into(),
            RecoveryError::Busy(busy) => Self::busy(busy),
            RecoveryError::Store(error) => error.into(),
        }
    }
}

impl From<EmailLinkError> for Problem {
    fn from(error: EmailLinkError) -> Self {
        match error {
            EmailLinkError::LinkGone => Self::link_expired(),
            EmailLinkError::Busy(busy) => Self::busy(busy),
            EmailLinkError::Store(error) => error.into(),
        }
    }
}

impl From<SignupError> for Problem {
    fn from(error: SignupError) -> Self {
        match error {
            SignupError::Create(error) => error.into(),
            SignupError::LinkRefused => Self::needless_setup(),
            SignupError::NotStarted(StartError::LimitReached) => limit_reached(),
            SignupError::NotStarted(StartError::Store(error)) => {
                let detail = "The account was made, but no session could be started: sign in with \
                              it in a moment.";
                Self { detail: detail.into(), ..error.into() }
            }
            // The account was disabled or deleted between its making and its first session.
            SignupError::NotStarted(StartError::EpochMoved) => Self::no_session(),
        }
    }
}

impl From<AcceptError> for Problem {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Refused => Self::needless_invitation(),
            AcceptError::Weak(weak) => weak_password("password", weak),
            AcceptError::Busy(busy) => Self::busy(busy),
            AcceptError::EmailUnverified => Self::email_unverified(),
            AcceptError::NotStarted(StartError::Store(error)) => {
                let detail = "The password was set, but no session could be started: sign in with \
                              it in a moment.";
                Self { detail: detail.into(), ..error.into() }
            }
            AcceptError::NotStarted(StartError::LimitReached) => limit_reached(),
            // The account was disabled or deleted between the change and the session.
            AcceptError::NotStarted(StartError::EpochMoved) => Self::no_session(),
            AcceptError::Store(error) => error.into(),
        }
    }
}
