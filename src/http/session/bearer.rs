//! Bearer tokens (RFC 6750): an access token in place of the cookie.

use std::sync::Arc;

use axum::http::{HeaderMap, header};

use crate::accounts::User;
use crate::http::response::error::Problem;
use crate::http::session::current::{CurrentSession, SessionState};
use crate::sessions::Session;
use crate::use_cases::{AccessTokens, TokenHolder};

/// The signed-in user of a request, by the cookie or by an access token.
#[derive(Clone, Debug)]
pub(in crate::http) struct Authenticated {
    pub(in crate::http) user: Arc<User>,
    pub(in crate::http) session: Arc<Session>,
}

/// The access token of a request; `None` where its only `Authorization` header has another scheme, or
/// there is none.
pub(in crate::http) fn bearer_of(headers: &HeaderMap) -> Option<&str> {
    let mut sent = headers.get_all(header::AUTHORIZATION).into_iter();
    let only = sent.next().filter(|_| sent.next().is_none())?;
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
}

/// Who sent a request: by the cookie, or, where there is none, by an access token for this audience.
/// `Authorization` belongs to the application while there are no clients.
pub(in crate::http) async fn authenticated(
    current: &CurrentSession,
    access_tokens: &AccessTokens,
    headers: &HeaderMap,
    audience: &str,
) -> Result<Authenticated, Problem> {
    let has_no_cookie =
        current.token().is_none() && matches!(current.session_state(), SessionState::Missing);
    if has_no_cookie && let Some(bearer) = bearer_of(headers) {
        let holder = access_tokens.who(bearer).await?;
        if let Some(holder) = holder.filter(|holder| holder.token.is_for(audience)) {
            return current.authenticated_by(holder);
        }
        if access_tokens.registry().await?.is_some() {
            return Err(Problem::invalid_token());
        }
    }
    let (user, session, _) = current.signed_in()?;
    Ok(Authenticated { user, session })
}

impl CurrentSession {
    /// The user of an access token. Its use is activity of the session.
    fn authenticated_by(&self, holder: TokenHolder) -> Result<Authenticated, Problem> {
        let session = holder.identity.session;
        let user = holder.identity.user.ok_or_else(Problem::invalid_token)?;
        self.note_activity(&session);
        Ok(Authenticated { user, session })
    }
}
