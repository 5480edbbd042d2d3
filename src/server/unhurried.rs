//! A request body with a deadline: an attacker sends one byte now and then.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::activity::Activity;

/// So many bytes give one more second.
const BYTES_PER_SECOND: u64 = 16 * 1024;

/// A body came more slowly than any honest line is.
#[derive(Debug, thiserror::Error)]
#[error("the body came too slowly")]
pub(crate) struct TooSlow;

/// The body of a request, which fails with [`TooSlow`] past its time.
pub(super) struct SlowBodyTimeout {
    body: Incoming,
    time: Duration,
    received: u64,
    begun: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
    /// Whether all of it was read.
    is_read: bool,
    activity: Arc<Activity>,
}

impl SlowBodyTimeout {
    pub(super) fn new(body: Incoming, time: Duration, activity: Arc<Activity>) -> Self {
        let is_read = body.is_end_stream();
        Self { body, time, received: 0, begun: None, alarm: None, is_read, activity }
    }

    /// Ready once the time is over that what came so far allows.
    fn poll_over(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let begun = *self.begun.get_or_insert_with(Instant::now);
        let until = begun + self.time + Duration::from_secs(self.received / BYTES_PER_SECOND);
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
        while alarm.as_mut().poll(context).is_ready() {
            if alarm.deadline() >= until {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(until);
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
            Poll::Pending => self.poll_over(context).map(|()| Some(Err(TooSlow.into()))),
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
            self.activity.left_a_body();
        }
    }
}
