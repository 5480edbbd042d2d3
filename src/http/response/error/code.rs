//! The stable codes of errors.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

// `docs/reference/error-codes.md` is rendered from these comments: the meaning of each code, and
// what a client should do.
/// The stable word for what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The email address or the password is wrong, or the code or the passkey. A sign-in does not
    /// say which of them, nor whether the account exists or is disabled.
    ///
    /// Ask the user for the password again.
    InvalidCredentials,
    /// Too many attempts of this account, network or session.
    ///
    /// Wait for the seconds in `Retry-After`.
    TooManyAttempts,
    /// The server hashes as many passwords as it can, or others keep changing the same account.
    /// Nothing has changed.
    ///
    /// Try again after the seconds in `Retry-After`.
    Busy,
    /// The request has no session of a user: no cookie, an unknown one, or several of the same
    /// name.
    ///
    /// Send the user to the sign-in page.
    NoSession,
    /// The session ended within the last day; `reason` says why.
    ///
    /// Show the reason, and send the user to the sign-in page.
    SessionEnded,
    /// The change requires a proof of identity from the last ten minutes.
    ///
    /// Ask for the password, a code or a passkey, send it to `POST /api/session/reauthenticate`, then
    /// repeat the request. Some changes need a second factor where the account has one.
    ReauthenticationRequired,
    /// With 401 the password was right, and the account has a second factor: `methods` names what
    /// may be used. With 403 a rule of forward auth requires a session with a second factor.
    ///
    /// Send a code or a passkey to `POST /api/session/second-factor` with the new cookie. With 403, set
    /// a second factor up, or ask the operator.
    SecondFactorRequired,
    /// The password was right, and the account must have a second factor and has none.
    ///
    /// Set one up with the new cookie: `POST /api/account/totp`, then
    /// `POST /api/account/totp/confirm`, or a passkey by `POST /api/account/passkeys`.
    SecondFactorSetupRequired,
    /// The access token in `Authorization` is not valid here: it has expired or was revoked, its
    /// session has ended, or it is for another audience.
    ///
    /// Get another token; if that fails, sign in again.
    InvalidToken,
    /// The access token has not the scope that this needs.
    ///
    /// Ask for a token with the scope that `WWW-Authenticate` names.
    InsufficientScope,
    /// The request comes from a page of another origin.
    ///
    /// Send it from the public URL, or add the origin of the page to `ANTEROOM_TRUSTED_ORIGINS`.
    CrossOrigin,
    /// The check of a proxy was refused: the rules do not allow the request, the client sent an
    /// identity header, or the original request cannot be read or is for another origin.
    ///
    /// Check the rules with `anteroom rules check`, let the proxy remove identity headers of clients,
    /// and check `ANTEROOM_FORWARD_AUTH`.
    Forbidden,
    /// Another account has this email address.
    ///
    /// Ask for another address, or let the user sign in.
    EmailTaken,
    /// The password is right, but the email address has to be confirmed first. The link was sent
    /// again.
    ///
    /// Ask the user to open the link in the message.
    EmailUnverified,
    /// The mailed link is used, expired, void or unknown.
    ///
    /// Let the user ask for another one.
    LinkExpired,
    /// The email address of the account is verified.
    ///
    /// Nothing is to do.
    AlreadyVerified,
    /// People cannot create their own account on this server.
    ///
    /// Ask an administrator for an invitation.
    SignupClosed,
    /// The account has as many sessions as allowed, and the policy refuses another.
    ///
    /// Sign out elsewhere first.
    SessionLimitReached,
    /// The account has as many passkeys as allowed, which is 20.
    ///
    /// Delete one that is not needed any more.
    TooManyPasskeys,
    /// No client has this id.
    ///
    /// Look at the list of clients.
    ClientNotFound,
    /// The change would leave no active administrator.
    ///
    /// Make another administrator first.
    LastAdministrator,
    /// The revocation feed can no longer say what followed this cursor.
    ///
    /// Drop everything that is kept of sessions, and begin without `after`.
    CursorExpired,
    /// The body is not the expected JSON or form, or did not arrive in time.
    ///
    /// Correct the request; `detail` says where it is wrong.
    MalformedBody,
    /// A parameter, a header or the path cannot be accepted; with status 422, `errors` has an error
    /// for each field.
    ///
    /// Correct the named values.
    InvalidInput,
    /// The media type or encoding of the body is not accepted.
    ///
    /// Send the type that the route describes, without `Content-Encoding`.
    UnsupportedMediaType,
    /// The body is larger than the route accepts.
    ///
    /// Send less.
    BodyTooLarge,
    /// The session data has changed since the `ETag` in `If-Match`.
    ///
    /// Read the data again, and decide again.
    PreconditionFailed,
    /// Nothing is at this path, or not for this user: the administration does not exist for other
    /// users.
    ///
    /// Check the path and the id.
    NotFound,
    /// The path does not accept this method.
    ///
    /// Use a method that `Allow` lists.
    MethodNotAllowed,
    /// `Host` is missing, malformed or not the host of the public URL.
    ///
    /// Send the request to the public URL; behind a proxy, check `ANTEROOM_PUBLIC_URL` and
    /// `ANTEROOM_TRUSTED_PROXIES`.
    Misdirected,
    /// A store does not answer. The change may or may not have been made.
    ///
    /// Read the state again after the seconds in `Retry-After`.
    Unavailable,
    /// A fault of the server.
    ///
    /// Report the `request_id`: the log of the server has the cause.
    Internal,
}

impl Code {
    /// The word itself.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidCredentials => "invalid_credentials",
            Self::TooManyAttempts => "too_many_attempts",
            Self::Busy => "busy",
            Self::NoSession => "no_session",
            Self::SessionEnded => "session_ended",
            Self::ReauthenticationRequired => "reauthentication_required",
            Self::SecondFactorRequired => "second_factor_required",
            Self::SecondFactorSetupRequired => "second_factor_setup_required",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::CrossOrigin => "cross_origin",
            Self::Forbidden => "forbidden",
            Self::EmailTaken => "email_taken",
            Self::EmailUnverified => "email_unverified",
            Self::LinkExpired => "link_expired",
            Self::AlreadyVerified => "already_verified",
            Self::SignupClosed => "signup_closed",
            Self::SessionLimitReached => "session_limit_reached",
            Self::TooManyPasskeys => "too_many_passkeys",
            Self::ClientNotFound => "client_not_found",
            Self::LastAdministrator => "last_administrator",
            Self::CursorExpired => "cursor_expired",
            Self::MalformedBody => "malformed_body",
            Self::InvalidInput => "invalid_input",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::BodyTooLarge => "body_too_large",
            Self::PreconditionFailed => "precondition_failed",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Misdirected => "misdirected",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}
