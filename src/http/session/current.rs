//! The session of one request: looked up once, and the change of its cookie in the response.

mod counting;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use crate::accounts::{Password, PasswordCheck, Proof, User};
use crate::audit::AuditTrail;
use crate::detached;
use crate::http::response::error::Problem;
use crate::http::session::cookie::{CookieShape, Presented};
use crate::http::session::language::Language;
use crate::metrics::{CacheOutcome, CheckOutcome, Metrics};
use crate::network::Sender;
use crate::sessions::{
    Client, EndReason, FreshProof, NewSession, Origin, Owner, ResumeError, Session, SessionId,
    Sessions, StartError, StartedSession, Token,
};
use crate::throttle::{Network, OwnWrites};
use crate::use_cases::{Check, Identity, RequestingBrowser};

/// The session of the request, as the session layer adds it to the extensions. Cheap to clone.
#[derive(Clone)]
pub struct CurrentSession(Arc<RequestSession>);

struct RequestSession {
    sessions: Sessions,
    cookie: CookieShape,
    writes: Arc<OwnWrites>,
    audit: AuditTrail,
    sender: Sender,
    language: Language,
    sent_cookies: bool,
    state: Mutex<BrowserState>,
}

struct BrowserState {
    /// The token of the cookie, valid or not, until the response sets another.
    presented_token: Option<Token>,
    session_state: SessionState,
    cookie_change: CookieChange,
    is_activity: bool,
}

/// The state of the browser's session.
#[derive(Clone, Debug)]
pub(crate) enum SessionState {
    /// No cookie, or the token of no known session.
    Missing,
    /// Several cookies of our name.
    SeveralCookies,
    /// The session has ended.
    Ended(EndReason),
    /// The session is live.
    Live(Identity),
    /// The store failed; nothing is known.
    Unknown,
}

/// The store failed, so it is not known whether there is a session.
pub(in crate::http) struct SessionStateUnknown;

/// The change of the session cookie in the response.
#[derive(Clone, Debug)]
enum CookieChange {
    Keep,
    Set(Token, Option<i64>),
    Remove,
}

/// The services that a layer provides for every request.
pub(in crate::http) struct LookupContext<'l> {
    pub(in crate::http) sessions: Sessions,
    pub(in crate::http) cookie: CookieShape,
    pub(in crate::http) writes: Arc<OwnWrites>,
    pub(in crate::http) metrics: &'l Metrics,
    pub(in crate::http) audit: AuditTrail,
}

impl CurrentSession {
    /// Looks up the session of the request: at the origin of an application the parent of its child
    /// there, and no other. The lookup alone is not activity.
    pub(in crate::http) async fn look_up(
        context: LookupContext<'_>,
        (check, origin): (&Check, Option<&Origin>),
        headers: &HeaderMap,
        sender: Sender,
    ) -> Self {
        let LookupContext { sessions, cookie, writes, audit, metrics } = context;
        let presented = cookie.presented(headers);
        let presented_token = match &presented {
            Presented::Token(token) => Some(token.clone()),
            Presented::Nothing | Presented::Malformed | Presented::Several => None,
        };
        let is_malformed = matches!(presented, Presented::Malformed);
        let session_state = match presented {
            Presented::Nothing | Presented::Malformed => SessionState::Missing,
            Presented::Several => {
                tracing::warn!("several session cookies of one name: none of them counts");
                SessionState::SeveralCookies
            }
            Presented::Token(token) => match who(check, &token, origin).await {
                Ok(identity) => SessionState::Live(identity),
                Err(ResumeError::Unknown) => SessionState::Missing,
                Err(ResumeError::Ended(reason)) => SessionState::Ended(reason),
                Err(ResumeError::Store(error)) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "could not look up the session of a request");
                    SessionState::Unknown
                }
            },
        };
        if presented_token.is_some() {
            let under_lease =
                matches!(&session_state, SessionState::Live(identity) if identity.under_lease);
            metrics.cache(if under_lease { CacheOutcome::Hit } else { CacheOutcome::Miss });
        }
        metrics.check(match &session_state {
            SessionState::Missing if is_malformed => CheckOutcome::Malformed,
            SessionState::Missing if presented_token.is_some() => CheckOutcome::Unknown,
            SessionState::Missing => CheckOutcome::None,
            SessionState::SeveralCookies => CheckOutcome::SeveralCookies,
            SessionState::Ended(reason) => CheckOutcome::Ended(reason.as_str()),
            SessionState::Live(identity) if identity.user.is_some() => CheckOutcome::LiveUser,
            SessionState::Live(_) => CheckOutcome::LiveAnonymous,
            SessionState::Unknown => CheckOutcome::StoreFailed,
        });
        let state = BrowserState {
            presented_token,
            session_state,
            cookie_change: CookieChange::Keep,
            is_activity: true,
        };
        let state = Mutex::new(state);
        let sent_cookies = headers.contains_key(COOKIE);
        Self(Arc::new(RequestSession {
            sessions,
            cookie,
            writes,
            audit,
            sender,
            language: Language::of_headers(headers),
            sent_cookies,
            state,
        }))
    }

    fn state(&self) -> MutexGuard<'_, BrowserState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn session_state(&self) -> SessionState {
        self.state().session_state.clone()
    }

    /// The id of the live session, if there is one.
    pub(in crate::http) fn live_id(&self) -> Result<Option<SessionId>, SessionStateUnknown> {
        match &self.state().session_state {
            SessionState::Live(identity) => Ok(Some(identity.session.id)),
            SessionState::Unknown => Err(SessionStateUnknown),
            _ => Ok(None),
        }
    }

    /// Whether the user of `session` proved their identity in the last ten minutes.
    pub(super) fn fresh_proof(&self, session: &Session) -> Option<FreshProof> {
        self.0.sessions.fresh_proof(session)
    }

    /// Where the request comes from.
    pub(crate) fn client(&self) -> Client {
        self.0.sender.client()
    }

    /// The browser of the request, where that may start a session.
    pub(crate) fn browser(&self) -> RequestingBrowser {
        RequestingBrowser {
            client: self.client(),
            previous_token: self.token(),
            previous_session: self.session().ok().flatten(),
            language: self.language().tag(),
        }
    }

    /// The language of the request, for mail about it.
    pub(crate) fn language(&self) -> Language {
        self.0.language
    }

    /// Whether the browser sent any cookie, so that it accepts cookies.
    pub(crate) fn sent_cookies(&self) -> bool {
        self.0.sent_cookies
    }

    /// The other end of the connection, where no trusted proxy is in between.
    pub(crate) fn connection(&self) -> Option<SocketAddr> {
        self.0.sender.connection
    }

    /// A password that was typed, and where it comes from.
    pub(crate) fn proof(&self, typed: &str) -> PasswordCheck {
        let from = self.0.sender.address.map(Network::of);
        PasswordCheck { password: Password::from_typed(typed), from }
    }

    /// The token of the browser, whether its session is live, ended or not known.
    pub(crate) fn token(&self) -> Option<Token> {
        self.state().presented_token.clone()
    }

    /// The signed-in user, or the error where there is none.
    pub(crate) fn signed_in(&self) -> Result<(Arc<User>, Arc<Session>, Token), Problem> {
        match self.session_state() {
            SessionState::Live(identity) => match (identity.user, self.token()) {
                (Some(user), Some(token)) => Ok((user, identity.session, token)),
                _ => Err(Problem::no_session()),
            },
            SessionState::Missing => Err(Problem::no_session()),
            SessionState::SeveralCookies => Err(Problem::several_cookies()),
            SessionState::Ended(reason) => Err(Problem::session_ended(reason)),
            SessionState::Unknown => Err(unknown()),
        }
    }

    /// The live session, a visitor's or a user's, or `None`.
    pub(crate) fn session(&self) -> Result<Option<Arc<Session>>, Problem> {
        match self.session_state() {
            SessionState::Live(identity) => Ok(Some(identity.session)),
            SessionState::Missing => Ok(None),
            SessionState::SeveralCookies => Err(Problem::several_cookies()),
            SessionState::Ended(reason) => Err(Problem::session_ended(reason)),
            SessionState::Unknown => Err(unknown()),
        }
    }

    /// The live session, or a fresh one of an anonymous visitor.
    pub(crate) async fn session_or_start(&self) -> Result<Arc<Session>, Problem> {
        if let Some(session) = self.session()? {
            return Ok(session);
        }
        self.count_start().await?;
        let new_session = NewSession {
            owner: Owner::Anonymous,
            administrator: false,
            second_factor: None,
            passkey: None,
            remember_me: false,
            client: self.client(),
            previous_token: None,
            last_epoch_reason: None,
        };
        let started = self.0.sessions.start(new_session).await.map_err(|error| match error {
            StartError::Store(error) => Problem::from(error),
            // An anonymous session has neither a limit nor an epoch.
            StartError::LimitReached | StartError::EpochMoved => Problem::internal(),
        })?;
        Ok(self.set_session(started, None))
    }

    /// The error for a session that ended during this request.
    pub(crate) async fn end_problem(&self) -> Problem {
        let Some(token) = self.token() else { return Problem::no_session() };
        match self.0.sessions.resume(&token).await {
            Ok(_) => Problem::no_session(),
            Err(error) => error.into(),
        }
    }

    /// The response sets the cookie of this session.
    pub(crate) fn set_session(
        &self,
        started: StartedSession,
        user: Option<Arc<User>>,
    ) -> Arc<Session> {
        let StartedSession { token, session, .. } = started;
        let session = Arc::new(session);
        let identity = Identity { session: Arc::clone(&session), user, under_lease: false };
        self.set_token(token, identity);
        session
    }

    /// The response sets the cookie with this token: of a session, or of a child and its parent.
    pub(in crate::http) fn set_token(&self, token: Token, identity: Identity) {
        let session = &identity.session;
        let left = session.expires_at - self.0.sessions.now();
        let max_age = session.remember_me.then(|| left.whole_seconds().max(0));
        let mut state = self.state();
        state.cookie_change = CookieChange::Set(token.clone(), max_age);
        state.presented_token = Some(token);
        state.session_state = SessionState::Live(identity);
    }

    /// The response sets the new token of a continued session. `None`: it has ended since, so the
    /// cookie stays and the next request gets the reason.
    pub(crate) fn set_continued_session(&self, started: Option<StartedSession>, user: Arc<User>) {
        match started {
            Some(started) => drop(self.set_session(started, Some(user))),
            None => self.state().session_state = SessionState::Missing,
        }
    }

    /// The response sets the cookie of a pending session, which is none: nobody is signed in.
    pub(crate) fn set_pending(&self, token: Token) {
        let mut state = self.state();
        state.cookie_change = CookieChange::Set(token.clone(), None);
        (state.presented_token, state.session_state) = (Some(token), SessionState::Missing);
    }

    /// The response removes the cookie.
    pub(crate) fn forget_session(&self) {
        let mut state = self.state();
        state.cookie_change = CookieChange::Remove;
        state.presented_token = None;
        state.session_state = SessionState::Missing;
    }

    /// Whether the response removes the cookie.
    pub(in crate::http) fn is_forgotten(&self) -> bool {
        matches!(self.state().cookie_change, CookieChange::Remove)
    }

    /// This request is not activity of its session.
    pub(crate) fn skip_activity(&self) {
        self.state().is_activity = false;
    }

    /// Records a request of a live session that came without its cookie.
    pub(super) fn note_activity(&self, session: &Session) {
        self.0.sessions.seen(session, || self.client());
    }

    /// Records the activity, and returns the `Set-Cookie` header of the response.
    pub(in crate::http) fn finish(&self) -> Option<HeaderValue> {
        let state = self.state();
        if let SessionState::Live(identity) = &state.session_state
            && state.is_activity
        {
            self.0.sessions.seen(&identity.session, || self.client());
        }
        match &state.cookie_change {
            CookieChange::Keep => None,
            CookieChange::Set(token, max_age) => self.0.cookie.set(token, *max_age),
            CookieChange::Remove => self.0.cookie.remove(),
        }
    }

    pub(in crate::http) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// Gives the session a new token, as `cycle_id` of server code asks for.
    pub(in crate::http) async fn rotate(&self) -> Result<(), ResumeError> {
        let SessionState::Live(identity) = self.session_state() else { return Ok(()) };
        let Some(token) = self.token() else { return Ok(()) };
        let sessions = self.0.sessions.clone();
        let before = Arc::clone(&identity.session);
        // The rotation finishes even if the client disconnects.
        let rotating = async move { sessions.rotate(&before, &token, Proof::Nothing).await };
        let started = detached::run_to_completion(rotating).await??;
        self.set_session(started, identity.user);
        Ok(())
    }
}

impl fmt::Debug for CurrentSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CurrentSession")
    }
}

async fn who(
    check: &Check,
    token: &Token,
    origin: Option<&Origin>,
) -> Result<Identity, ResumeError> {
    match origin {
        Some(origin) => Ok(check.who_at(token, origin).await?.identity),
        None => check.who(token).await,
    }
}

/// The failure itself was logged at the look-up.
fn unknown() -> Problem {
    Problem::silent_store()
}
