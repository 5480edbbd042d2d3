//! The revocation feed as an event stream, until the administrator's session ends.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive, KeepAliveStream};
use futures_util::Stream;
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::time::sleep;

use crate::http::endpoints::admin::revocations::follower::{Follower, LOOK, RevocationBody};
use crate::http::response::error::{Code, Problem};
use crate::sessions::Cursor;

/// How many ends are read at once.
const AT_ONCE: u32 = 100;
/// Ends within this time are read together, so that many ends do not mean as many reads.
const BREATH: Duration = Duration::from_millis(50);

/// The stream after a cursor. An expired cursor is an error response instead.
pub(in crate::http) async fn stream(
    follower: Follower,
    after: Option<Cursor>,
) -> Result<Sse<KeepAliveStream<Events>>, Problem> {
    let begin = match after {
        Some(after) => {
            follower.read(Some(&after), 1).await?;
            after
        }
        None => follower.read(None, 0).await?.1,
    };
    let data = json!({ "next_cursor": begin.as_str() });
    let position = Event::default().event("position").id(begin.as_str()).data(data.to_string());
    let following = Following { follower, after: begin };
    let events =
        Events { ready: VecDeque::from([position]), next: Some(Box::pin(following.next())) };
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// Events to send, whether there are more, and the client if the stream goes on.
pub(in crate::http) struct Events {
    ready: VecDeque<Event>,
    next: Option<BoxFuture<'static, (Vec<Event>, Option<Following>)>>,
}

impl Stream for Events {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            let Some(next) = &mut self.next else { return Poll::Ready(None) };
            let (events, following) = ready!(next.as_mut().poll(context));
            self.ready.extend(events);
            self.next =
                following.map(|following| -> BoxFuture<'static, _> { Box::pin(following.next()) });
        }
    }
}

struct Following {
    follower: Follower,
    after: Cursor,
}

impl Following {
    /// Waits for the next revocations. Without a client to continue, the stream ends.
    async fn next(mut self) -> (Vec<Event>, Option<Self>) {
        loop {
            let something = self.follower.sessions.something_ended();
            let read = self.follower.read(Some(&self.after), AT_ONCE).await;
            // After the read, so that nothing is sent to a former administrator.
            let may_go_on = self.follower.may_go_on().await;
            if self.follower.is_closed()
                || may_go_on.is_err_and(|why| why.code != Code::Unavailable)
            {
                return (Vec::new(), None);
            }
            match read {
                Ok((ended, next)) if !ended.is_empty() => {
                    let events = ended.iter().map(|one| event_of(one.cursor.as_str(), &one.into()));
                    let events = events.collect();
                    self.after = next;
                    drop(something);
                    return (events, Some(self));
                }
                Ok((_, next)) => self.after = next,
                Err(problem) if problem.code == Code::CursorExpired => {
                    return (vec![Event::default().event("expired").data("{}")], None);
                }
                // Nothing is known while the store is silent: look again.
                Err(_) => {
                    sleep(LOOK).await;
                    continue;
                }
            }
            if self.follower.wait_for(something, None).await.is_err() {
                return (Vec::new(), None);
            }
            sleep(BREATH).await;
        }
    }
}

fn event_of(cursor: &str, revocation: &RevocationBody) -> Event {
    let data = serde_json::to_string(revocation).unwrap_or_default();
    Event::default().event("revocation").id(cursor).data(data)
}
