//! `/api/session/events`: tells an open page as soon as its session ends.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse, Sse};
use futures_core::Stream;
use futures_core::future::BoxFuture;
use serde_json::json;

use crate::flows::Check;
use crate::http::current::CurrentSession;
use crate::http::extract::CurrentUser;
use crate::http::json::ProblemBody;
use crate::sessions::{EndReason, ResumeError, SessionId, Sessions, Token};

/// How often an open stream looks by itself, for what nobody on this server did: a timeout, a
/// command.
const LOOK: Duration = Duration::from_secs(1);

/// `GET /api/session/events`: `ended` with its reason, or `rotated` when the token changed in
/// another tab; then the stream is over. Watching is not activity.
#[utoipa::path(get, path = "/api/session/events", tag = "session", responses(
    (status = 200, description = "Events, as `text/event-stream`", content_type = "text/event-stream"),
    (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
))]
pub(crate) async fn watch(
    State(sessions): State<Sessions>,
    State(check): State<Check>,
    current: CurrentSession,
    CurrentUser { session, token, .. }: CurrentUser,
) -> impl IntoResponse {
    current.is_no_activity();
    let end = Box::pin(end_of(sessions, check, session.id, token));
    Sse::new(Events(Some(end))).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

/// A stream of one event: the end.
pub(crate) struct Events(Option<BoxFuture<'static, Option<Event>>>);

impl Stream for Events {
    type Item = Result<Event, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let Some(end) = &mut self.0 else { return std::task::Poll::Ready(None) };
        end.as_mut().poll(context).map(|event| {
            self.0 = None;
            event.map(Ok)
        })
    }
}

/// `None`: the server stops, which is not the end of the session.
async fn end_of(sessions: Sessions, check: Check, id: SessionId, token: Token) -> Option<Event> {
    let watch = sessions.watch(id);
    loop {
        let changed = watch.changed();
        if watch.is_closed() {
            return None;
        }
        match check.who(&token).await {
            Err(ResumeError::Ended(EndReason::Replaced)) => {
                return Some(Event::default().event("rotated").data("{}"));
            }
            Err(ResumeError::Ended(reason)) => return Some(ended(reason.as_str())),
            Err(ResumeError::Unknown) => return Some(ended(EndReason::SignedOut.as_str())),
            // Nothing is known while the store is silent: look again.
            Ok(_) | Err(ResumeError::Store(_)) => {}
        }
        let _ = tokio::time::timeout(LOOK, changed).await;
    }
}

fn ended(reason: &str) -> Event {
    Event::default().event("ended").data(json!({ "reason": reason }).to_string())
}
