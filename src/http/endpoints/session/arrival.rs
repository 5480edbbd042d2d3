//! After a form has signed somebody in: on to the next page, or word that cookies are needed.
//!
//! A browser that sent no cookie at all may keep none. The form of a page is then followed by a
//! look: the redirect leads over an address of ours with the digest of the new token. If the
//! browser comes there without its cookie, the session that nobody can use is ended. The digest
//! signs nobody in, and nobody but the browser that was just signed in knows it, so no link that
//! somebody else made can end a session. A program that posts the fields without our page is
//! redirected at once; it is recognised by its connection, which nobody shares with it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::{Duration, OffsetDateTime};

use crate::http::endpoints::session::page::destination;
use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::security::redirect::{see_other, with_next};
use crate::http::session::current::{CurrentSession, SessionState};
use crate::sessions::{ResumeError, Sessions, TokenDigest};
use crate::use_cases::Logout;

/// How old a session may be that is ended because its browser did not keep the cookie.
const JUST_STARTED: Duration = Duration::minutes(1);
/// How many connections are remembered at once; the oldest makes room.
const MOST: usize = 1024;

/// Connections by which somebody was just signed in without having sent a cookie. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Arrivals(Arc<Mutex<VecDeque<Arrival>>>);

struct Arrival {
    connection: SocketAddr,
    at: OffsetDateTime,
    token: TokenDigest,
    leads_to: String,
}

impl Arrivals {
    fn note(&self, arrival: Arrival) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| other.connection != arrival.connection);
        if all.len() >= MOST {
            all.pop_front();
        }
        all.push_back(arrival);
    }

    /// What was started by this connection a moment ago, if it was led to where `next` comes from.
    fn take(&self, connection: SocketAddr, next: &str, now: OffsetDateTime) -> Option<TokenDigest> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|one| one.connection == connection && one.leads_to == next)?;
        let Arrival { at, token, .. } = all.remove(at)?;
        ((now - at).abs() < JUST_STARTED).then_some(token)
    }
}

/// 303 to where a form leads whose session just began.
pub(in crate::http) fn go_on(
    (arrivals, sessions): (&Arrivals, &Sessions),
    current: &CurrentSession,
    form: &Form,
) -> Response {
    let (next, token) = (form.find("next"), current.token());
    let leads_to = destination(next);
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
        arrivals.note(Arrival { connection, at: sessions.now(), token, leads_to });
    }
    see_other(&leads_to)
}

/// Whether the browser that asks for the sign-in page was just signed in and kept no cookie. Then
/// its session is ended.
pub(in crate::http) async fn kept_no_cookie(
    (arrivals, sessions): (&Arrivals, &Sessions),
    logout: &Logout,
    current: &CurrentSession,
    query: &Query,
) -> Result<bool, Problem> {
    if current.token().is_some() || !matches!(current.session_state(), SessionState::Nobody) {
        return Ok(false);
    }
    let begun = query.find("begun");
    let token = match (begun, query.find("next"), current.connection()) {
        (Some(begun), _, _) => digest_of(begun),
        (None, Some(next), Some(connection)) => arrivals.take(connection, next, sessions.now()),
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
