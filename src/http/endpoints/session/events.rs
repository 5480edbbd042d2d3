//! `/api/session/events`: event stream that tells an open page when its session ends.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse, Response, Sse};
use futures_util::Stream;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::accounts::UserId;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::response::json::ProblemBody;
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::CurrentUser;
use crate::sessions::{EndReason, ResumeError, SessionId, SessionSubscription, Sessions, Token};
use crate::use_cases::Check;

/// `GET /api/session/events`: a stream of events for an open page. `ended`, with its reason, or
/// `rotated`, when another tab changed the token, is the last one. With `sessions=true` the
/// stream begins with `watching`, the id of the session. It then sends `sessions` whenever a
/// session of the same user starts or ends. An open stream is no activity of the session.
#[utoipa::path(get, path = "/api/session/events", tag = "session",
    params(("sessions" = Option<bool>, Query,
        description = "Tell also that a session of the same person started or ended")),
    responses(
        (status = 200, description = "Events, as `text/event-stream`",
            content_type = "text/event-stream",
            example = json!("event: ended\ndata: {\"reason\":\"revoked_by_user\"}\n\n")),
        (status = 400, description = "`invalid_input`", body = ProblemBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
    )
)]
pub(crate) async fn watch(
    State(sessions): State<Sessions>,
    State(check): State<Check>,
    current: CurrentSession,
    CurrentUser { user, session, token, .. }: CurrentUser,
    query: Query,
) -> Result<Response, Problem> {
    current.skip_activity();
    let with_list = query.switch("sessions")?;
    let watch = sessions.subscribe(&session, token.digest(), with_list);
    let list = with_list.then(|| List { user: user.id, known: None });
    let watcher = Watcher { sessions, check, token, watch, list, greeting: session.id };
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Sse::new(Events(Some(watcher.next()))).keep_alive(keep_alive).into_response())
}

/// The watcher of one open page.
struct Watcher {
    sessions: Sessions,
    check: Check,
    token: Token,
    watch: SessionSubscription,
    list: Option<List>,
    greeting: SessionId,
}

/// The sessions of a user, as last sent to the page.
struct List {
    user: UserId,
    /// `None` before the first look.
    known: Option<Vec<SessionId>>,
}

/// The next event, and the watcher that continues; none after an end. `None`: the server stops,
/// which is not the end of the session.
type NextEvent = Option<(Event, Option<Watcher>)>;

impl Watcher {
    fn next(self) -> BoxFuture<'static, NextEvent> {
        Box::pin(self.look())
    }

    async fn look(mut self) -> NextEvent {
        let mut is_list = true;
        loop {
            let changed = self.watch.changed();
            if self.watch.is_closed() {
                return None;
            }
            match self.check.who(&self.token).await {
                Err(ResumeError::Ended(EndReason::Replaced)) => {
                    return Some((event("rotated", &json!({})), None));
                }
                Err(ResumeError::Ended(reason)) => return Some((ended(reason), None)),
                Err(ResumeError::Unknown) => return Some((ended(EndReason::SignedOut), None)),
                // Nothing is known while the store is silent: look again.
                Ok(_) | Err(ResumeError::Store(_)) => {}
            }
            if is_list
                && let Some(list) = &mut self.list
                && let Ok(listed) = self.sessions.list(list.user).await
            {
                let mut found: Vec<SessionId> = listed.iter().map(|session| session.id).collect();
                found.sort_unstable();
                match list.known.replace(found.clone()) {
                    None => {
                        let told =
                            event("watching", &json!({ "session": self.greeting.to_string() }));
                        drop(changed);
                        return Some((told, Some(self)));
                    }
                    Some(known) if known != found => {
                        drop(changed);
                        return Some((event("sessions", &json!({})), Some(self)));
                    }
                    Some(_) => {}
                }
            }
            is_list = changed.await;
        }
    }
}

fn event(name: &'static str, data: &Value) -> Event {
    Event::default().event(name).data(data.to_string())
}

fn ended(reason: EndReason) -> Event {
    event("ended", &json!({ "reason": reason.as_str() }))
}

/// The events of a watcher, as a stream.
struct Events(Option<BoxFuture<'static, NextEvent>>);

impl Stream for Events {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(look) = &mut self.0 else { return Poll::Ready(None) };
        look.as_mut().poll(context).map(|told| {
            let (event, watcher) = told.unzip();
            self.0 = watcher.flatten().map(Watcher::next);
            event.map(Ok)
        })
    }
}
