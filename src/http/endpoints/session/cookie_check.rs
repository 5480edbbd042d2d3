//! Cookie check after a sign-in by form: detects browsers that keep no cookies.
//!
//! A browser that sent no cookie may keep none. After the form of a page, the redirect therefore
//! goes over `/login` with the digest of the new token. If the browser arrives without its cookie,
//! the unusable session is ended. The digest cannot sign in, and only this browser knows it, so no
//! link of another site can end a session. A program that posts the fields without our page is
//! redirected at once and recognised by its connection.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::{Duration, OffsetDateTime};

use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::applications::Applications;
use crate::http::security::redirect::{destination, see_other, with_next};
use crate::http::session::current::{CurrentSession, SessionState};
use crate::sessions::{ResumeError, Sessions, TokenDigest};
use crate::use_cases::Logout;

/// The greatest age of a session that this check ends.
const JUST_STARTED: Duration = Duration::minutes(1);
/// Upper bound of remembered connections; the oldest is dropped.
const MAX_CONNECTIONS: usize = 1024;

/// Connections with a recent sign-in and no cookie in the request. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct RecentSignIns(Arc<Mutex<VecDeque<RecentSignIn>>>);

struct RecentSignIn {
    connection: SocketAddr,
    at: OffsetDateTime,
    token: TokenDigest,
    leads_to: String,
}

impl RecentSignIns {
    fn add(&self, arrival: RecentSignIn) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| other.connection != arrival.connection);
        if all.len() >= MAX_CONNECTIONS {
            all.pop_front();
        }
        all.push_back(arrival);
    }

    /// The token of the recent sign-in of this connection, if its redirect led to `next`.
    fn take(&self, connection: SocketAddr, next: &str, now: OffsetDateTime) -> Option<TokenDigest> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|one| one.connection == connection && one.leads_to == next)?;
        let RecentSignIn { at, token, .. } = all.remove(at)?;
        ((now - at).abs() < JUST_STARTED).then_some(token)
    }
}

/// 303 to the target of the form, after a sign-in.
pub(in crate::http) fn redirect_after_sign_in(
    (recent_sign_ins, applications): (&RecentSignIns, &Applications),
    sessions: &Sessions,
    current: &CurrentSession,
    form: &Form,
) -> Response {
    let (next, token) = (form.find("next"), current.token());
    let leads_to = destination(next, applications);
    let Some(token) = token.filter(|_| !current.sent_cookies()) else {
        return see_other(&leads_to);
    };
    let token = token.digest();
    if !form.get("form").is_empty() {
        let marker = URL_SAFE_NO_PAD.encode(token.as_bytes());
        let look = with_next("/login", &leads_to);
        return see_other(&format!("{look}&begun={marker}"));
    }
    if let Some(connection) = current.connection() {
        // A browser asks for the page without the fragment.
        let leads_to = leads_to.split('#').next().unwrap_or_default().to_owned();
        recent_sign_ins.add(RecentSignIn { connection, at: sessions.now(), token, leads_to });
    }
    see_other(&leads_to)
}

/// Whether this browser signed in a moment ago and kept no cookie. Then its session is ended.
pub(in crate::http) async fn cookie_was_refused(
    recent_sign_ins: &RecentSignIns,
    sessions: &Sessions,
    logout: &Logout,
    current: &CurrentSession,
    query: &Query,
) -> Result<bool, Problem> {
    if current.token().is_some() || !matches!(current.session_state(), SessionState::Missing) {
        return Ok(false);
    }
    let begun = query.find("begun");
    let token = match (begun, query.find("next"), current.connection()) {
        (Some(begun), _, _) => digest_of(begun),
        (None, Some(next), Some(connection)) => {
            recent_sign_ins.take(connection, next, sessions.now())
        }
        (None, _, _) => None,
    };
    let Some(token) = token else { return Ok(begun.is_some()) };
    match sessions.resume_digest(&token).await {
        Ok(session) if (sessions.now() - session.created_at).abs() < JUST_STARTED => {
            logout.of_session(&session, current.client()).await?;
        }
        Err(ResumeError::Store(error)) => return Err(error.into()),
        Ok(_) | Err(ResumeError::Unknown | ResumeError::Ended(_)) => {}
    }
    Ok(true)
}

fn digest_of(text: &str) -> Option<TokenDigest> {
    let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    Some(TokenDigest::from_bytes(bytes))
}
