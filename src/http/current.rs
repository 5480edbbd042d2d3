//! The session of one request: resolved once, and what the answer says of it to the browser.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use super::cookie::{CookieShape, Presented};
use super::error::Problem;
use crate::accounts::{Password, PasswordCheck, User};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::metrics::{CacheOutcome, CheckOutcome, Metrics};
use crate::network::Sender;
use crate::sessions::{
    Client, EndReason, NewSession, Owner, ResumeError, Session, SessionId, Sessions, StartError,
    StartedSession, Token,
};
use crate::throttle::{Network, OwnWrites};
use crate::use_cases::{Check, Identity};

/// What the session layer hands to handlers, in the extensions of the request. Cheap to clone.
#[derive(Clone)]
pub struct CurrentSession(Arc<Inner>);

struct Inner {
    sessions: Sessions,
    cookie: CookieShape,
    writes: Arc<OwnWrites>,
    audit: AuditTrail,
    sender: Sender,
    sent_cookies: bool,
    state: Mutex<State>,
}

struct State {
    /// The token that the browser brought, whatever it is worth, until it gets another.
    shown: Option<Token>,
    session_state: SessionState,
    answer: Answer,
    is_activity: bool,
}

/// What is known of the browser's session.
#[derive(Clone, Debug)]
pub(crate) enum SessionState {
    /// It brought none that was ever issued, or one forgotten.
    Nobody,
    /// It brought several cookies of our name.
    SeveralCookies,
    /// It brought one that has ended.
    Ended(EndReason),
    /// It brought a live one.
    Live(Identity),
    /// The store failed; nothing is known.
    Unknown,
}

/// The store failed, so it is not known whether there is a session.
pub(super) struct SessionStateUnknown;

/// What the answer says to the browser about its cookie.
#[derive(Clone, Debug)]
enum Answer {
    Nothing,
    Set(Token, Option<i64>),
    Remove,
}

/// What a layer brings along for every request.
pub(super) struct LookupContext<'l> {
    pub(super) sessions: Sessions,
    pub(super) cookie: CookieShape,
    pub(super) writes: Arc<OwnWrites>,
    pub(super) metrics: &'l Metrics,
    pub(super) audit: AuditTrail,
}

impl CurrentSession {
    /// Looks up what the request shows. Reading only: a look is not yet activity.
    pub(super) async fn look_up(
        context: LookupContext<'_>,
        check: &Check,
        headers: &HeaderMap,
        sender: Sender,
    ) -> Self {
        let LookupContext { sessions, cookie, writes, audit, metrics } = context;
        let presented = cookie.presented(headers);
        let shown = match &presented {
            Presented::Token(token) => Some(token.clone()),
            Presented::Nothing | Presented::Malformed | Presented::Several => None,
        };
        let is_malformed = matches!(presented, Presented::Malformed);
        let session_state = match presented {
            Presented::Nothing | Presented::Malformed => SessionState::Nobody,
            Presented::Several => {
                tracing::warn!("several session cookies of one name: none of them counts");
                SessionState::SeveralCookies
            }
            Presented::Token(token) => match check.who(&token).await {
                Ok(visitor) => SessionState::Live(visitor),
                Err(ResumeError::Unknown) => SessionState::Nobody,
                Err(ResumeError::Ended(reason)) => SessionState::Ended(reason),
                Err(ResumeError::Store(error)) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "the session of a request could not be looked up");
                    SessionState::Unknown
                }
            },
        };
        if shown.is_some() {
            let under_lease =
                matches!(&session_state, SessionState::Live(visitor) if visitor.under_lease);
            metrics.cache(if under_lease { CacheOutcome::Hit } else { CacheOutcome::Miss });
        }
        metrics.check(match &session_state {
            SessionState::Nobody if is_malformed => CheckOutcome::Malformed,
            SessionState::Nobody if shown.is_some() => CheckOutcome::Unknown,
            SessionState::Nobody => CheckOutcome::None,
            SessionState::SeveralCookies => CheckOutcome::SeveralCookies,
            SessionState::Ended(reason) => CheckOutcome::Ended(reason.as_str()),
            SessionState::Live(visitor) if visitor.user.is_some() => CheckOutcome::LiveUser,
            SessionState::Live(_) => CheckOutcome::LiveAnonymous,
            SessionState::Unknown => CheckOutcome::StoreFailed,
        });
        let state = State { shown, session_state, answer: Answer::Nothing, is_activity: true };
        let state = Mutex::new(state);
        let sent_cookies = headers.contains_key(COOKIE);
        Self(Arc::new(Inner { sessions, cookie, writes, audit, sender, sent_cookies, state }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn session_state(&self) -> SessionState {
        self.state().session_state.clone()
    }

    /// The handle of the live session, if there is one. Does not copy what else is known.
    pub(super) fn live_id(&self) -> Result<Option<SessionId>, SessionStateUnknown> {
        match &self.state().session_state {
            SessionState::Live(visitor) => Ok(Some(visitor.session.id)),
            SessionState::Unknown => Err(SessionStateUnknown),
            _ => Ok(None),
        }
    }

    /// Where the request comes from.
    pub(crate) fn client(&self) -> Client {
        self.0.sender.client()
    }

    /// Whether the browser sent a cookie, whichever: then it keeps some.
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
        self.state().shown.clone()
    }

    /// Who is signed in, or why nobody is.
    pub(crate) fn signed_in(&self) -> Result<(Arc<User>, Arc<Session>, Token), Problem> {
        match self.session_state() {
            SessionState::Live(visitor) => match (visitor.user, self.token()) {
                (Some(user), Some(token)) => Ok((user, visitor.session, token)),
                _ => Err(Problem::no_session()),
            },
            SessionState::Nobody => Err(Problem::no_session()),
            SessionState::SeveralCookies => Err(Problem::several_cookies()),
            SessionState::Ended(reason) => Err(Problem::session_ended(reason)),
            SessionState::Unknown => Err(unknown()),
        }
    }

    /// The live session, a visitor's or a user's, or `None`.
    pub(crate) fn session(&self) -> Result<Option<Arc<Session>>, Problem> {
        match self.session_state() {
            SessionState::Live(visitor) => Ok(Some(visitor.session)),
            SessionState::Nobody => Ok(None),
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
        if let Some(address) = self.0.sender.address
            && let Err(wait) = self.0.writes.count_start(Network::of(address))
        {
            self.record_refusal(&By::anonymous(self.client()), "anonymous_sessions").await;
            return Err(too_many_starts(wait));
        }
        let beginning = NewSession {
            owner: Owner::Anonymous,
            administrator: false,
            remember_me: false,
            client: self.client(),
            brought: None,
            risen: None,
        };
        let started = self.0.sessions.start(beginning).await.map_err(|error| match error {
            StartError::Store(error) => Problem::from(error),
            // An anonymous session has neither a limit nor an epoch.
            StartError::LimitReached | StartError::EpochMoved => Problem::internal(),
        })?;
        Ok(self.began(started, None))
    }

    /// Counts a change of the own account that is made in this session.
    pub(crate) async fn count_change(&self, session: SessionId, by: &By) -> Result<(), Problem> {
        let Err(wait) = self.0.writes.count_change(session.as_uuid()) else { return Ok(()) };
        self.record_refusal(by, "own_changes").await;
        Err(Problem::too_many_attempts(wait))
    }

    /// Counts a write of the data of this session.
    pub(crate) fn count_data(&self, session: &Session) -> Result<(), Problem> {
        self.0.writes.count_data(session.id.as_uuid()).map_err(Problem::too_many_attempts)
    }

    async fn record_refusal(&self, by: &By, limit: &'static str) {
        let event = Event::new(Kind::Throttled, by).outcome("refused").with("limit", limit);
        self.0.audit.record([event]).await;
    }

    /// Why the session is gone that was live when this request came.
    pub(crate) async fn why_gone(&self) -> Problem {
        let Some(token) = self.token() else { return Problem::no_session() };
        match self.0.sessions.resume(&token).await {
            Ok(_) => Problem::no_session(),
            Err(error) => error.into(),
        }
    }

    /// The browser gets this session's token with the answer.
    pub(crate) fn began(&self, started: StartedSession, user: Option<Arc<User>>) -> Arc<Session> {
        let StartedSession { token, session, .. } = started;
        let session = Arc::new(session);
        let left = session.expires_at - self.0.sessions.now();
        let max_age = session.remember_me.then(|| left.whole_seconds().max(0));
        let mut state = self.state();
        state.answer = Answer::Set(token.clone(), max_age);
        state.shown = Some(token);
        let visitor = Identity { session: Arc::clone(&session), user, under_lease: false };
        state.session_state = SessionState::Live(visitor);
        session
    }

    /// The session goes on under a new token, unless somebody has ended it since: then the browser
    /// keeps its cookie, and is told by its next request.
    pub(crate) fn went_on(&self, started: Option<StartedSession>, user: Arc<User>) {
        match started {
            Some(started) => drop(self.began(started, Some(user))),
            None => self.state().session_state = SessionState::Nobody,
        }
    }

    /// The browser's cookie goes with the answer.
    pub(crate) fn over(&self) {
        let mut state = self.state();
        state.answer = Answer::Remove;
        state.shown = None;
        state.session_state = SessionState::Nobody;
    }

    /// Whether this answer takes the browser's cookie away.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state().answer, Answer::Remove)
    }

    /// This request is not activity of its session.
    pub(crate) fn is_no_activity(&self) {
        self.state().is_activity = false;
    }

    /// Notes the activity, and gives the cookie header of the answer.
    pub(super) fn finish(&self) -> Option<HeaderValue> {
        let state = self.state();
        if let SessionState::Live(visitor) = &state.session_state
            && state.is_activity
        {
            self.0.sessions.seen(&visitor.session, || self.client());
        }
        match &state.answer {
            Answer::Nothing => None,
            Answer::Set(token, max_age) => self.0.cookie.set(token, *max_age),
            Answer::Remove => self.0.cookie.remove(),
        }
    }

    pub(super) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// Gives the session a new token, as `cycle_id` of server code asks for.
    pub(super) async fn rotate(&self) -> Result<(), ResumeError> {
        let SessionState::Live(visitor) = self.session_state() else { return Ok(()) };
        let Some(token) = self.token() else { return Ok(()) };
        let sessions = self.0.sessions.clone();
        let before = Arc::clone(&visitor.session);
        // Seen through: what began to change is not remembered, whether or not anybody waits.
        let rotating = tokio::spawn(async move { sessions.rotate(&before, &token, false).await });
        let started = rotating.await.map_err(StoreError::backend)??;
        self.began(started, visitor.user);
        Ok(())
    }
}

impl fmt::Debug for CurrentSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CurrentSession")
    }
}

/// The failure itself was logged at the look-up.
fn unknown() -> Problem {
    Problem::silent_store()
}

fn too_many_starts(wait: std::time::Duration) -> Problem {
    let detail = "Too many new sessions from this network: try again in a moment.";
    Problem { detail: detail.into(), ..Problem::too_many_attempts(wait) }
}
