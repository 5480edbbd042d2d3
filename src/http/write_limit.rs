//! Limits concurrent writes so that reads stay fast during a burst of sign-ins.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::available_parallelism;

use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use futures_util::future::Either;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tower::{Layer, Service};

use crate::http::routes::is_only_read;

type Answer = Result<Response, Infallible>;

/// Permits for write requests: as many as there are cores. Cheap to clone.
#[derive(Clone)]
pub(in crate::http) struct WriteLimitLayer(Arc<Semaphore>);

impl WriteLimitLayer {
    pub(in crate::http) fn new() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new(cores)))
    }
}

impl<S> Layer<S> for WriteLimitLayer {
    type Service = WriteLimit<S>;

    fn layer(&self, inner: S) -> WriteLimit<S> {
        WriteLimit { permits: Arc::clone(&self.0), inner }
    }
}

/// Lets write requests begin only under a permit. Reads and session checks need none.
#[derive(Clone)]
pub struct WriteLimit<S> {
    permits: Arc<Semaphore>,
    inner: S,
}

impl<S> Service<Request> for WriteLimit<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<S::Future, Pin<Box<dyn Future<Output = Answer> + Send>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let needs_permit = !reads && !is_only_read(request.uri().path());
        let response = self.inner.call(request);
        if needs_permit {
            Either::Right(Box::pin(begin_in_turn(Arc::clone(&self.permits), response)))
        } else {
            Either::Left(response)
        }
    }
}

impl<S> std::fmt::Debug for WriteLimit<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WriteLimit")
    }
}

/// Polls `response` for the first time under a permit, after all requests that are ready by then.
/// The permit is returned at the first wait.
async fn begin_in_turn<T>(permits: Arc<Semaphore>, response: impl Future<Output = T>) -> T {
    // The semaphore is never closed.
    let permit = permits.acquire().await.ok();
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
