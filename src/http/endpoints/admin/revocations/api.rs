//! `/api/admin/revocations`: the revocation feed, by which a cache in another program stays exact.

use std::pin::pin;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;

use crate::accounts::Role;
use crate::http::endpoints::admin::revocations::stream::stream;
use crate::http::request::query::Query;
use crate::http::response::error::{Code, Problem};
use crate::http::response::json::{Id, ProblemBody, Timestamp};
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::CurrentUser;
use crate::http::session::extract_public::RequireAdmin;
use crate::sessions::{Cursor, Revocation, Revocations, SessionSubscription, Sessions};
use crate::use_cases::Check;

/// Interval between checks that a waiting client is still an administrator.
pub(in crate::http) const LOOK: Duration = Duration::from_secs(1);
/// The longest that an answer may be put off, in seconds.
const LONGEST_WAIT: u64 = 30;
/// The header in which a browser's own client says where its stream broke off.
const LAST_EVENT_ID: &str = "last-event-id";
/// The beginning of a stream, as an example.
const STREAM: &str = "event: position\nid: 5f3a9c_17\ndata: {\"next_cursor\":\"5f3a9c_17\"}\n\n";

/// The end of a session, or of one of its tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = Revocation)]
pub(crate) struct RevocationBody {
    /// The place in the feed right after this one.
    cursor: String,
    #[schema(value_type = String, format = "uuid")]
    session_id: Id,
    /// `null` where nobody had signed in.
    #[schema(value_type = Option<String>, format = "uuid")]
    user_id: Option<Id>,
    /// With `replaced` the session may go on under another token: forget the old one, and ask.
    reason: &'static str,
    #[schema(value_type = String, format = DateTime)]
    ended_at: Timestamp,
}

/// Ended sessions after a cursor.
#[derive(Serialize, ToSchema)]
pub(crate) struct RevocationsBody {
    revocations: Vec<RevocationBody>,
    /// The next value of `after`.
    next_cursor: String,
}

impl From<&Revocation> for RevocationBody {
    fn from(revocation: &Revocation) -> Self {
        Self {
            cursor: revocation.cursor.as_str().to_owned(),
            session_id: Id::of(revocation.session.as_uuid()),
            user_id: revocation.user.map(|user| Id::of(user.as_uuid())),
            reason: revocation.ended.reason.as_str(),
            ended_at: Timestamp::of(revocation.ended.at),
        }
    }
}

/// `GET /api/admin/revocations`: ended sessions after a cursor, in order and without gaps: at
/// once, as soon as there is one, or as a stream that stays open.
#[utoipa::path(get, path = "/api/admin/revocations", tag = "admin",
    params(
        ("after" = Option<String>, Query, description = "`next_cursor` of the answer before, or \
            the `cursor` of an entry; without it the feed begins now, with nothing in it"),
        ("wait" = Option<u32>, Query, maximum = 30,
            description = "How many seconds to wait for something, 0 to 30, 0 by default"),
        ("stream" = Option<bool>, Query, description = "Whether to answer with a stream of \
            events (`text/event-stream`): `position` first, with `next_cursor`, then each entry as \
            `revocation`; `expired` where the cursor expires meanwhile. An open stream is no \
            activity of the session"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200,
            description = "1 to 200, 50 by default"),
        ("Last-Event-ID" = Option<String>, Header, nullable = false,
            description = "Of a stream: counts instead of `after`"),
    ),
    responses(
        (status = 200, description = "In the order of the ends", content(
            (RevocationsBody = "application/json"),
            ("text/event-stream", example = json!(STREAM)),
        )),
        (status = 400, description = "`invalid_input`", body = ProblemBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`not_found`: not an administrator", body = ProblemBody),
        (status = 410, description = "`cursor_expired`: what came after it can no longer be told. \
            Drop everything that is kept of sessions, and begin without `after`",
            body = ProblemBody),
    )
)]
pub(crate) async fn follow(
    (State(sessions), State(check)): (State<Sessions>, State<Check>),
    current: CurrentSession,
    RequireAdmin(administrator): RequireAdmin,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (limit, wait) = (query.limit()?, wait(&query)?);
    let after = query.find("after").map(Cursor::of);
    let follower = Follower::new(sessions, check, administrator);
    if !query.switch("stream")? {
        let answer = follower.answer(after.as_ref(), limit, wait).await?;
        return Ok(Json(answer).into_response());
    }
    let last =
        headers.get(LAST_EVENT_ID).map(|id| Cursor::of(String::from_utf8_lossy(id.as_bytes())));
    let stream = stream(follower, last.or(after)).await?;
    current.skip_activity();
    Ok(stream.into_response())
}

fn wait(query: &Query) -> Result<Duration, Problem> {
    let Some(text) = query.find("wait") else { return Ok(Duration::ZERO) };
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|seconds| is_number && *seconds <= LONGEST_WAIT);
    let what = "`wait` is a number of seconds from 0 to 30.";
    seconds.map(Duration::from_secs).ok_or_else(|| Problem::bad_parameter(what))
}

/// A client of the feed, for as long as it is an administrator.
pub(in crate::http) struct Follower {
    pub(in crate::http) sessions: Sessions,
    check: Check,
    administrator: CurrentUser,
    watch: SessionSubscription,
}

impl Follower {
    fn new(sessions: Sessions, check: Check, administrator: CurrentUser) -> Self {
        let digest = administrator.token.digest();
        let watch = sessions.subscribe(&administrator.session, digest, false);
        Self { sessions, check, administrator, watch }
    }

    /// Whether this is an administrator still.
    pub(in crate::http) async fn may_go_on(&self) -> Result<(), Problem> {
        let visitor = self.check.who(&self.administrator.token).await?;
        match visitor.user.map(|user| user.role) {
            Some(Role::Admin) => Ok(()),
            Some(Role::User) | None => Err(Problem::not_found()),
        }
    }

    /// As [`Self::may_go_on`], but a failing store does not refuse the client.
    async fn is_not_refused(&self) -> Result<(), Problem> {
        match self.may_go_on().await {
            Err(problem) if problem.code != Code::Unavailable => Err(problem),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Whether the server stops.
    pub(in crate::http) fn is_closed(&self) -> bool {
        self.watch.is_closed()
    }

    /// The ends after a cursor; without one the feed begins now.
    pub(in crate::http) async fn read(
        &self,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<(Vec<Revocation>, Cursor), Problem> {
        match self.sessions.revocations_after(after, limit).await? {
            Revocations::After { revocations, next } => Ok((revocations, next)),
            Revocations::Expired => Err(Problem::cursor_expired()),
        }
    }

    /// Waits for `something` or the end of the server, and no longer than until the deadline.
    ///
    /// # Errors
    /// This is no administrator any more. While the stores are silent that is not known.
    pub(in crate::http) async fn wait_for(
        &self,
        something: impl Future<Output = ()>,
        deadline: Option<Instant>,
    ) -> Result<(), Problem> {
        let mut something = pin!(something);
        let left = || deadline.map_or(LOOK, |at| at.saturating_duration_since(Instant::now()));
        let mut is_over = false;
        while !is_over && !left().is_zero() && !self.watch.is_closed() {
            let own = self.watch.changed();
            is_over = tokio::select! {
                () = &mut something => true,
                _ = own => false,
                () = sleep(left().min(LOOK)) => false,
            };
            self.is_not_refused().await?;
        }
        Ok(())
    }

    async fn answer(
        &self,
        after: Option<&Cursor>,
        limit: u32,
        wait: Duration,
    ) -> Result<RevocationsBody, Problem> {
        let deadline = Instant::now() + wait;
        loop {
            let something = self.sessions.something_ended();
            let (revocations, next) = self.read(after, limit).await?;
            // An entry may be the end of the session that asks.
            if !revocations.is_empty() {
                self.is_not_refused().await?;
            }
            let is_late = Instant::now() >= deadline || self.is_closed();
            if after.is_none() || !revocations.is_empty() || is_late {
                let revocations = revocations.iter().map(RevocationBody::from).collect();
                return Ok(RevocationsBody { revocations, next_cursor: next.as_str().to_owned() });
            }
            self.wait_for(something, Some(deadline)).await?;
        }
    }
}
