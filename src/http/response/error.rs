//! HTTP errors: a status, a stable code, a sentence; sent as RFC 9457 problem documents or pages.
//!
//! Services and use cases have their own errors; this file maps each to a status. Causes are
//! logged here, once, and never sent.

mod clients;
mod code;
mod fields;
mod links;
mod throttled;

pub use code::Code;
pub use fields::FieldError;
pub(crate) use fields::FieldErrors;

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::accounts::{Busy, ChangeError, CreateError, Factor, PasswordCheckError, WeakPassword};
use crate::failure::StoreError;
use crate::sessions::{EndReason, ResumeError, StartError};
use crate::use_cases::{
    ChangePasswordError, LoginError, OwnChangeError, OwnFactorsError, PasskeySignInError,
    ReauthenticateError, RevokeSessionsError, SecondFactorError,
};

/// An error response. The outermost layer makes it a problem document or a page.
#[derive(Clone, Debug)]
pub struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: Code,
    pub(crate) detail: Cow<'static, str>,
    pub(crate) errors: BTreeMap<&'static str, FieldError>,
    pub(crate) reason: Option<EndReason>,
    /// The second factors that may be used.
    pub(crate) methods: Vec<&'static str>,
    /// Seconds.
    pub(crate) retry_after: Option<u64>,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        code: Code,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (errors, reason, retry_after) = (BTreeMap::new(), None, None);
        let methods = Vec::new();
        Self { status, code, detail: detail.into(), errors, reason, methods, retry_after }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, Code::NotFound, "There is nothing here.")
    }

    pub(crate) fn no_session() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, Code::NoSession, "Nobody is signed in: sign in first.")
    }

    pub(crate) fn several_cookies() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            Code::NoSession,
            "The browser sent several session cookies of the same name, so none counts: delete \
             the cookies of this site and sign in again.",
        )
    }

    pub(crate) fn session_ended(reason: EndReason) -> Self {
        let detail = "The session has ended: sign in again.";
        let problem = Self::new(StatusCode::UNAUTHORIZED, Code::SessionEnded, detail);
        Self { reason: Some(reason), ..problem }
    }

    pub(crate) fn reauthentication_required() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            Code::ReauthenticationRequired,
            "This needs a proof of identity from within the last ten minutes: reauthenticate, \
             then try again.",
        )
    }

    pub(crate) fn second_factor_required() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            Code::SecondFactorRequired,
            "This needs a session with a second factor.",
        )
    }

    pub(crate) fn second_factor_missing(factors: &[Factor]) -> Self {
        let detail = "The password is right, and a second factor is needed: send a code or a passkey \
                      to `/api/session/second-factor`.";
        let problem = Self::new(StatusCode::UNAUTHORIZED, Code::SecondFactorRequired, detail);
        Self { methods: factors.iter().map(|factor| factor.as_str()).collect(), ..problem }
    }

    pub(crate) fn second_factor_setup_required() -> Self {
        let detail = "This account needs a second factor: set one up by `/api/account/totp` or \
                      `/api/account/passkeys`.";
        Self::new(StatusCode::UNAUTHORIZED, Code::SecondFactorSetupRequired, detail)
    }

    pub(crate) fn wrong_code() -> Self {
        let detail = "The code is wrong, or was used already.";
        Self::new(StatusCode::FORBIDDEN, Code::InvalidCredentials, detail)
    }

    pub(crate) fn wrong_passkey() -> Self {
        let detail = "The passkey was not accepted: ask for other options, and try again.";
        Self::new(StatusCode::FORBIDDEN, Code::InvalidCredentials, detail)
    }

    pub(crate) fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::MalformedBody, detail)
    }

    pub(crate) fn bad_parameter(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::InvalidInput, detail)
    }

    pub(crate) fn invalid(errors: BTreeMap<&'static str, FieldError>) -> Self {
        let detail = "Some values cannot be accepted: see `errors`.";
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, Code::InvalidInput, detail);
        Self { errors, ..problem }
    }

    pub(crate) fn wrong_credentials() -> Self {
        let detail = "The email address or the password is wrong.";
        Self::new(StatusCode::UNAUTHORIZED, Code::InvalidCredentials, detail)
    }

    pub(crate) fn wrong_password() -> Self {
        Self::new(StatusCode::FORBIDDEN, Code::InvalidCredentials, "The password is wrong.")
    }

    pub(crate) fn busy(busy: Busy) -> Self {
        let detail = "Too many passwords are being checked at once: try again in a few seconds.";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::Busy, detail);
        let seconds = u64::try_from(busy.wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
        Self { retry_after: Some(seconds.max(1)), ..problem }
    }

    pub(crate) fn unavailable(error: &StoreError) -> Self {
        let error: &dyn std::error::Error = error;
        tracing::error!(error, "a store failed");
        Self::silent_store()
    }

    /// 503 for a failure that was logged where it was met.
    pub(crate) fn silent_store() -> Self {
        let detail = "A store does not answer. The change of this request may or may not have \
                      happened: look again in a moment.";
        Self::no_store(detail)
    }

    /// 503 for a health check.
    pub(crate) fn not_ready() -> Self {
        Self::no_store("A store does not answer, or takes no writes: the log says which.")
    }

    fn no_store(detail: &'static str) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, detail);
        Self { retry_after: Some(1), ..problem }
    }

    pub(crate) fn cursor_expired() -> Self {
        let detail = "The ends after this cursor are no longer known: drop everything that you \
                      keep of sessions, and begin again without `after`.";
        Self::new(StatusCode::GONE, Code::CursorExpired, detail)
    }

    pub(crate) fn internal() -> Self {
        let detail = "Something went wrong here; the request id tells the operator what.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, detail)
    }
}

impl IntoResponse for Problem {
    /// A problem document without a request id, for applications that mount the session layer on
    /// a separate router; our own layers give it the form that belongs to the path.
    fn into_response(self) -> Response {
        let mut response = self.document("");
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // RFC 6750, section 3.
        let bearer = match self.code {
            Code::InvalidToken => Some("Bearer error=\"invalid_token\""),
            Code::InsufficientScope => {
                Some("Bearer error=\"insufficient_scope\", scope=\"openid\"")
            }
            _ => None,
        };
        if let Some(bearer) = bearer {
            let bearer = HeaderValue::from_static(bearer);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response.extensions_mut().insert(self);
        response
    }
}

fn weak_password(field: &'static str, weak: WeakPassword) -> Problem {
    if matches!(weak, WeakPassword::TooShort { .. }) {
        // For the operator; a user who signs up cannot change it.
        tracing::info!(
            "refused a password as too short: the minimum is ANTEROOM_PASSWORD_MIN_LENGTH"
        );
    }
    Problem::invalid(BTreeMap::from([(field, weak.into())]))
}

fn email_taken() -> Problem {
    let detail = "Another account has this address: sign in, or use another address.";
    Problem::new(StatusCode::CONFLICT, Code::EmailTaken, detail)
}

fn limit_reached() -> Problem {
    let detail = "This account has as many sessions as allowed: sign out elsewhere first.";
    Problem::new(StatusCode::CONFLICT, Code::SessionLimitReached, detail)
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::unavailable(&error)
    }
}

impl From<ResumeError> for Problem {
    fn from(error: ResumeError) -> Self {
        match error {
            ResumeError::Unknown => Self::no_session(),
            ResumeError::Ended(reason) => Self::session_ended(reason),
            ResumeError::Store(error) => error.into(),
        }
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::PasswordCheck(PasswordCheckError::Refused) => Self::wrong_credentials(),
            LoginError::PasswordCheck(error) => error.into(),
            LoginError::LimitReached => limit_reached(),
            LoginError::EmailUnverified => Self::email_unverified(),
        }
    }
}

impl From<PasskeySignInError> for Problem {
    fn from(error: PasskeySignInError) -> Self {
        match error {
            PasskeySignInError::Refused | PasskeySignInError::Unknown(_) => {
                Self { status: StatusCode::UNAUTHORIZED, ..Self::wrong_passkey() }
            }
            PasskeySignInError::LimitReached => limit_reached(),
            PasskeySignInError::EmailUnverified => Self::email_unverified(),
            PasskeySignInError::Store(error) => error.into(),
        }
    }
}

impl From<SecondFactorError> for Problem {
    fn from(error: SecondFactorError) -> Self {
        match error {
            SecondFactorError::NotPending => Self::no_session(),
            SecondFactorError::Code(PasswordCheckError::Refused) => {
                Self { status: StatusCode::UNAUTHORIZED, ..Self::wrong_code() }
            }
            SecondFactorError::Code(error) => error.into(),
            SecondFactorError::Passkey => PasskeySignInError::Refused.into(),
            SecondFactorError::LimitReached => limit_reached(),
        }
    }
}

impl From<OwnFactorsError> for Problem {
    fn from(error: OwnFactorsError) -> Self {
        match error {
            OwnFactorsError::NotFound => Self::not_found(),
            OwnFactorsError::TooManyPasskeys => Self::new(
                StatusCode::CONFLICT,
                Code::TooManyPasskeys,
                "The account has as many passkeys as allowed: delete one first.",
            ),
            OwnFactorsError::EmailUnverified => Self::email_unverified(),
            OwnFactorsError::WrongCode => Self::wrong_code(),
            OwnFactorsError::WrongPasskey => Self::wrong_passkey(),
            OwnFactorsError::Ended(reason) => Self::session_ended(reason),
            OwnFactorsError::NotPending | OwnFactorsError::NotStarted(StartError::EpochMoved) => {
                Self::no_session()
            }
            OwnFactorsError::NotStarted(StartError::LimitReached) => limit_reached(),
            OwnFactorsError::NotStarted(StartError::Store(error)) => error.into(),
            OwnFactorsError::Busy(busy) => Self::busy(busy),
            OwnFactorsError::Change(error) => error.into(),
        }
    }
}

impl From<CreateError> for Problem {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Weak(weak) => weak_password("password", weak),
            CreateError::EmailTaken => email_taken(),
            CreateError::AdministratorExists => Self::needless_setup(),
            CreateError::Throttled(throttled) => throttled.into(),
            CreateError::Busy(busy) => Self::busy(busy),
            CreateError::Store(error) => error.into(),
        }
    }
}

impl From<PasswordCheckError> for Problem {
    fn from(error: PasswordCheckError) -> Self {
        match error {
            PasswordCheckError::Refused => Self::wrong_password(),
            PasswordCheckError::Throttled(throttled) => throttled.into(),
            PasswordCheckError::Busy(busy) => Self::busy(busy),
            PasswordCheckError::Store(error) => error.into(),
        }
    }
}

impl From<ReauthenticateError> for Problem {
    fn from(error: ReauthenticateError) -> Self {
        match error {
            ReauthenticateError::PasswordCheck(error) => error.into(),
            ReauthenticateError::Passkey => Self::wrong_passkey(),
            ReauthenticateError::Ended(reason) => Self::session_ended(reason),
        }
    }
}

impl From<ChangePasswordError> for Problem {
    fn from(error: ChangePasswordError) -> Self {
        match error {
            ChangePasswordError::PasswordCheck(error) => error.into(),
            ChangePasswordError::Weak(weak) => weak_password("new_password", weak),
            ChangePasswordError::Ended(reason) => Self::session_ended(reason),
        }
    }
}

impl From<RevokeSessionsError> for Problem {
    fn from(error: RevokeSessionsError) -> Self {
        match error {
            RevokeSessionsError::NotFound => Self::not_found(),
            RevokeSessionsError::Ended(reason) => Self::session_ended(reason),
            RevokeSessionsError::Store(error) => error.into(),
        }
    }
}

impl From<OwnChangeError> for Problem {
    fn from(error: OwnChangeError) -> Self {
        match error {
            OwnChangeError::Change(error) => error.into(),
            OwnChangeError::Throttled(throttled) => throttled.into(),
            OwnChangeError::Busy(busy) => Self::busy(busy),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NotFound | ChangeError::InvitationGone | ChangeError::FactorGone => {
                Self::not_found()
            }
            ChangeError::LinkGone => Self::link_expired(),
            ChangeError::EmailTaken => email_taken(),
            ChangeError::CredentialTaken => Self::wrong_passkey(),
            ChangeError::Groups(error) => Self::invalid([("groups", error.into())].into()),
            ChangeError::LastAdministrator => Self::new(
                StatusCode::CONFLICT,
                Code::LastAdministrator,
                "This is the last active administrator: make another one first.",
            ),
            ChangeError::KeptSessionEnded => Self::no_session(),
            ChangeError::Moved | ChangeError::TooManyLetters => {
                let detail = "Others keep changing this account: try again in a moment.";
                let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::Busy, detail);
                Self { retry_after: Some(1), ..problem }
            }
            ChangeError::Store(error) => error.into(),
        }
    }
}
