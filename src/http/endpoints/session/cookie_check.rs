//! Cookie check after a sign-in by form: detects browsers that keep no cookies.
//!
//! A browser that sent no cookie may keep none. After the form of a page, the redirect therefore
//! goes over `/login` with the digest of the new token. If the browser arrives without its cookie,
//! the unusable session is ended. The digest cannot sign in, and only this browser knows it, so no
//! link of another site can end a session. A program that posts the fields without our page is
//! redirected at once and recognised by its connection.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::applications::Applications;
use crate::http::security::redirect::{destination, see_other, with_next};
use crate::http::session::current::{CurrentSession, SessionState};
use crate::http::session::recent_sign_ins::{JUST_STARTED, RecentSignIn, RecentSignIns};
use crate::sessions::{ResumeError, Sessions, TokenDigest};
use crate::use_cases::Logout;

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
