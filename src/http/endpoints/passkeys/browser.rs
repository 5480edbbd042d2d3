//! The cookie that ties a challenge to a browser where nobody is signed in. It has the form of a
//! token and opens no session.

use axum::http::{HeaderMap, HeaderValue};

use crate::accounts::{Assertion, BrowserBinding};
use crate::http::response::error::Problem;
use crate::http::session::cookie::{CookieShape, Presented};
use crate::http::session::current::CurrentSession;
use crate::sessions::{Sessions, Token};
use crate::use_cases::PasskeySignInRequest;

/// How long a browser keeps it, in seconds: as long as a challenge can be signed.
const LIFETIME: i64 = 5 * 60;

/// The secret of a browser.
pub(super) struct BrowserKey(Token);

impl BrowserKey {
    fn presented(headers: &HeaderMap, cookie: &CookieShape) -> Option<Self> {
        match cookie.of_passkey().presented(headers) {
            Presented::Token(token) => Some(Self(token)),
            Presented::Nothing | Presented::Malformed | Presented::Several => None,
        }
    }

    /// The one that the browser has, or a new one. Several tabs share it, so that each can sign in.
    pub(super) fn of(
        headers: &HeaderMap,
        cookie: &CookieShape,
        sessions: &Sessions,
    ) -> Result<Self, Problem> {
        match Self::presented(headers, cookie) {
            Some(key) => Ok(key),
            None => Ok(Self(sessions.new_token()?)),
        }
    }

    /// The binding of a challenge to the browser.
    pub(super) fn binding(&self) -> BrowserBinding {
        BrowserBinding::browser(self.0.digest().as_bytes())
    }

    /// The header that keeps it for five minutes.
    pub(super) fn cookie(&self, cookie: &CookieShape) -> Result<HeaderValue, Problem> {
        cookie.of_passkey().set(&self.0, Some(LIFETIME)).ok_or_else(Problem::internal)
    }
}

/// A sign-in by the passkey that this browser was asked for: where nobody was signed in, or where a
/// sign-in waited for its second step.
pub(in crate::http) fn sign_in_request(
    current: &CurrentSession,
    (headers, cookie): (&HeaderMap, &CookieShape),
    assertion: Assertion,
    remember_me: bool,
) -> PasskeySignInRequest {
    PasskeySignInRequest {
        assertion,
        browser: BrowserKey::presented(headers, cookie).map(|key| key.binding()),
        remember_me,
        from: current.browser(),
    }
}
