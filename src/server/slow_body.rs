//! A timeout for request bodies that arrive too slowly (slow POST attack).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::activity::Activity;

/// Bytes that add one second to the timeout.
const BYTES_PER_SECOND: u64 = 16 * 1024;

/// A request body arrived too slowly.
#[derive(Debug, thiserror::Error)]
#[error("the body came too slowly")]
pub(crate) struct TooSlow;

/// A request body that fails with [`TooSlow`] when its timeout passes.
pub(super) struct SlowBodyTimeout {
    body: Incoming,
    timeout: Duration,
    received: u64,
    started: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    is_read: bool,
    activity: Arc<Activity>,
}

impl SlowBodyTimeout {
    pub(super) fn new(body: Incoming, timeout: Duration, activity: Arc<Activity>) -> Self {
        let is_read = body.is_end_stream();
        Self { body, timeout, received: 0, started: None, timer: None, is_read, activity }
    }

    /// Ready when the timeout has passed, extended by the bytes received so far.
    fn poll_timeout(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let started = *self.started.get_or_insert_with(Instant::now);
        let until = started + self.timeout + Duration::from_secs(self.received / BYTES_PER_SECOND);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        while timer.as_mut().poll(context).is_ready() {
            if timer.deadline() >= until {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
        Poll::Pending
    }
}

impl Body for SlowBodyTimeout {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                self.received = self.received.saturating_add(length as u64);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(other) => {
                self.is_read = other.is_none();
                Poll::Ready(other.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => self.poll_timeout(context).map(|()| Some(Err(TooSlow.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for SlowBodyTimeout {
    fn drop(&mut self) {
        if !self.is_read && !self.body.is_end_stream() {
            self.activity.body_left_unread();
        }
    }
}
