//! `/api/admin/revocations`: the revocation feed, by which a cache in another program stays exact.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use crate::http::endpoints::admin::revocations::follower::{Follower, RevocationsBody};
use crate::http::endpoints::admin::revocations::stream::stream;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::response::json::ProblemBody;
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::RequireAdmin;
use crate::sessions::{Cursor, Sessions};
use crate::use_cases::Check;

/// The longest that an answer may be put off, in seconds.
const LONGEST_WAIT: u64 = 30;
/// The header in which a browser's own client says where its stream broke off.
const LAST_EVENT_ID: &str = "last-event-id";
/// The beginning of a stream, as an example.
const STREAM: &str = "event: position\nid: 5f3a9c_17\ndata: {\"next_cursor\":\"5f3a9c_17\"}\n\n";

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
