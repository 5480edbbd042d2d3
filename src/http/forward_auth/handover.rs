//! The state of a hand-over: a cookie at the host of an application, which only the browser that
//! went there has.

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::entropy::Entropy;
use crate::failure::StoreError;
use crate::http::response::error::Problem;
use crate::http::security::redirect::ApplicationUrl;
use crate::http::session::cookie::{CookieShape, Presented};
use crate::sessions::{Token, TokenDigest};

/// How long a browser may take to sign in, in seconds.
const LIFETIME: i64 = 10 * 60;

/// The state of a browser. It has the form of a token and opens no session.
pub(in crate::http) struct HandoverState(Token);

impl HandoverState {
    /// The state that a browser has at this host. One that several tabs share lets each arrive.
    pub(in crate::http) fn presented(headers: &HeaderMap, cookie: &CookieShape) -> Option<Self> {
        match cookie.of_state().presented(headers) {
            Presented::Token(token) => Some(Self(token)),
            Presented::Nothing | Presented::Malformed | Presented::Several => None,
        }
    }

    /// That state, or a new one.
    pub(super) fn of(
        headers: &HeaderMap,
        cookie: &CookieShape,
        entropy: &Entropy,
    ) -> Result<Self, Problem> {
        match Self::presented(headers, cookie) {
            Some(state) => Ok(state),
            None => Ok(Self(Token::generate(entropy).map_err(StoreError::from)?)),
        }
    }

    /// The digest, which may stand in URLs.
    pub(in crate::http) fn digest(&self) -> TokenDigest {
        self.0.digest()
    }

    /// The digest of a query.
    pub(in crate::http) fn digest_of(text: &str) -> Option<TokenDigest> {
        let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        Some(TokenDigest::from_bytes(bytes))
    }

    /// The path at the sign-in host that hands a session over to this URL.
    pub(super) fn hand_over_path(&self, url: &ApplicationUrl) -> String {
        let url = url.to_string();
        let (to, state) = (
            utf8_percent_encode(&url, NON_ALPHANUMERIC),
            URL_SAFE_NO_PAD.encode(self.digest().as_bytes()),
        );
        format!("/auth/continue?to={to}&state={state}")
    }

    /// The header that keeps it for ten minutes.
    pub(super) fn cookie(&self, cookie: &CookieShape) -> Result<HeaderValue, Problem> {
        cookie.of_state().set(&self.0, Some(LIFETIME)).ok_or_else(Problem::internal)
    }
}
