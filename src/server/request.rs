//! Requests and answers as the connection sees them: how many are under way, and whether the
//! client takes what it is given.

use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body as AnyBody;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::sync::watch;
use tokio::time::Instant;
use tower::{Service, ServiceExt as _};

use super::activity::Activity;
use super::admission::Place;
use super::listen::Stage;
use super::unhurried::SlowBodyTimeout;

/// What requests are handed to: a [`axum::Router`], a [`crate::http::FastPath`], or any other service
/// that has an answer to everything.
pub trait Answers:
    Service<
        Request<AnyBody>,
        Response = Response<AnyBody>,
        Error = Infallible,
        Future: Send + 'static,
    > + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Answers for S where
    S: Service<
            Request<AnyBody>,
            Response = Response<AnyBody>,
            Error = Infallible,
            Future: Send + 'static,
        > + Clone
        + Send
        + Sync
        + 'static
{
}

type PendingResponse =
    Pin<Box<dyn Future<Output = Result<Response<Answer>, Infallible>> + Send + 'static>>;

/// Hands the requests of one connection to the service.
pub(super) struct Requests<S> {
    pub(super) service: S,
    pub(super) peer: SocketAddr,
    pub(super) place: Arc<Place>,
    pub(super) activity: Arc<Activity>,
    pub(super) stage: watch::Receiver<Stage>,
    /// How long a body may take.
    pub(super) body: Duration,
}

impl<S: Answers> hyper::service::Service<Request<Incoming>> for Requests<S> {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = PendingResponse;

    fn call(&self, request: Request<Incoming>) -> PendingResponse {
        let multiplexed = request.version() == Version::HTTP_2;
        let under_way = UnderWay::begin(self.place.clone(), self.activity.clone(), multiplexed);
        if !is_plainly_framed(request.headers()) {
            self.activity.left_a_body();
            return Box::pin(ready(Ok(refused().map(|body| Answer::new(body, under_way)))));
        }
        let (time, activity) = (self.body, self.activity.clone());
        let mut request =
            request.map(|body| AnyBody::new(SlowBodyTimeout::new(body, time, activity)));
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let (service, stage) = (self.service.clone(), self.stage.clone());
        Box::pin(async move {
            let mut response = service.oneshot(request).await?;
            let is_last =
                *stage.borrow() != Stage::Open || response.status() == StatusCode::REQUEST_TIMEOUT;
            if is_last && !multiplexed {
                response.headers_mut().insert(header::CONNECTION, CLOSE);
            }
            Ok(response.map(|body| Answer::new(body, under_way)))
        })
    }
}

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Whether the body of a request has no transfer encoding, or `chunked` exactly once. HTTP/1 also
/// reads longer lists that end with `chunked`, but then two programs may disagree on where the body
/// ends. HTTP/2 has refused every `Transfer-Encoding` before.
fn is_plainly_framed(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(header::TRANSFER_ENCODING).into_iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => true,
        (Some(only), None) => only.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

/// The answer to a request whose body may be read in two ways: as hyper gives it to the others.
fn refused() -> Response<AnyBody> {
    tracing::debug!("a request with an unsupported Transfer-Encoding is refused");
    let mut response = Response::new(AnyBody::empty());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response.headers_mut().insert(header::CONNECTION, CLOSE);
    response
}

/// A request under way, until its answer is handed over or given up.
struct UnderWay {
    place: Arc<Place>,
    activity: Arc<Activity>,
}

impl UnderWay {
    fn begin(place: Arc<Place>, activity: Arc<Activity>, multiplexed: bool) -> Self {
        place.began();
        activity.began(multiplexed);
        Self { place, activity }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let now = Instant::now();
        self.activity.ended(now);
        self.place.ended(now);
    }
}

/// The body of an answer. The protocol asks it for more only when the client has room: while it
/// is not asked, the client owes a reading; once it was asked and has nothing, nobody does.
pub(super) struct Answer {
    body: AnyBody,
    owed: bool,
    under_way: UnderWay,
}

impl Answer {
    fn new(body: AnyBody, under_way: UnderWay) -> Self {
        under_way.activity.owes(Instant::now());
        Self { body, owed: true, under_way }
    }

    fn owe(&mut self, owed: bool) {
        let activity = &self.under_way.activity;
        match (self.owed, owed) {
            (false, true) => activity.owes(Instant::now()),
            (true, false) => activity.settled(Instant::now()),
            (true, true) => activity.took(Instant::now()),
            (false, false) => {}
        }
        self.owed = owed;
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.owe(matches!(polled, Poll::Ready(Some(Ok(_)))));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.owe(false);
    }
}
