//! Limits concurrent writes so that reads stay fast during a burst of sign-ins.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread::available_parallelism;

use axum::http::Method;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

/// Permits for write requests: as many as there are cores. Cheap to clone.
#[derive(Clone)]
pub(in crate::http) struct WriteLimit(Arc<Semaphore>);

impl WriteLimit {
    pub(in crate::http) fn new() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new(cores)))
    }

    /// Whether a request of this method needs a permit.
    pub(in crate::http) fn is_for(method: &Method) -> bool {
        !matches!(*method, Method::GET | Method::HEAD)
    }

    /// Polls `response` for the first time under a permit, after all requests that are ready by
    /// then. The permit is returned at the first wait.
    pub(in crate::http) async fn take<T>(self, response: impl Future<Output = T>) -> T {
        // The semaphore is never closed.
        let permit = self.0.acquire().await.ok();
        // Lets the runtime run the requests that arrived before.
        yield_now().await;
        let mut response = pin!(response);
        let first_poll = poll_fn(|context| Poll::Ready(response.as_mut().poll(context))).await;
        drop(permit);
        match first_poll {
            Poll::Ready(output) => output,
            Poll::Pending => response.await,
        }
    }
}
