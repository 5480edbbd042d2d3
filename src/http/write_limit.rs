//! Questions come first: whatever changes something takes turns, so that two hundred people who
//! sign in at the same moment hold nobody up who is signed in.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread::available_parallelism;

use axum::http::Method;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

/// The turns of requests that change something: as many at a time as there are cores. Cheap to
/// clone.
#[derive(Clone)]
pub(in crate::http) struct WriteLimit(Arc<Semaphore>);

impl WriteLimit {
    pub(in crate::http) fn new() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new(cores)))
    }

    /// Whether a request of this method takes turns.
    pub(in crate::http) fn is_for(method: &Method) -> bool {
        !matches!(*method, Method::GET | Method::HEAD)
    }

    /// Answers once it is its turn, after every request that has come by then. A turn is over with
    /// the first thing that has to be waited for.
    pub(in crate::http) async fn take<T>(self, answering: impl Future<Output = T>) -> T {
        // Closed it never is, and without a turn nothing worse happens than with one.
        let turn = self.0.acquire().await.ok();
        // The runtime looks for what has come in before it goes on here.
        yield_now().await;
        let mut answering = pin!(answering);
        let begun = poll_fn(|context| Poll::Ready(answering.as_mut().poll(context))).await;
        drop(turn);
        match begun {
            Poll::Ready(answer) => answer,
            Poll::Pending => answering.await,
        }
    }
}
