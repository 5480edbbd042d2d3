//! Passes the requests of one connection to the service, and reports active requests and unread
//! responses to [`Activity`].

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
use super::admission::ConnectionSlot;
use super::slow_body::SlowBodyTimeout;

/// An infallible HTTP service: an [`axum::Router`], or anything like it.
pub trait HttpService:
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

impl<S> HttpService for S where
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

/// How far the shutdown of the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerPhase {
    Open,
    /// Active requests finish, no new ones are accepted.
    Draining,
    /// The drain timed out.
    Closing,
}

type PendingResponse =
    Pin<Box<dyn Future<Output = Result<Response<TrackedBody>, Infallible>> + Send + 'static>>;

/// The service of one connection.
pub(super) struct ConnectionService<S> {
    pub(super) service: S,
    pub(super) peer: SocketAddr,
    pub(super) slot: Arc<ConnectionSlot>,
    pub(super) activity: Arc<Activity>,
    pub(super) server_phase: watch::Receiver<ServerPhase>,
    pub(super) body_timeout: Duration,
}

impl<S: HttpService> hyper::service::Service<Request<Incoming>> for ConnectionService<S> {
    type Response = Response<TrackedBody>;
    type Error = Infallible;
    type Future = PendingResponse;

    fn call(&self, request: Request<Incoming>) -> PendingResponse {
        let is_http2 = request.version() == Version::HTTP_2;
        let active = ActiveRequest::start(self.slot.clone(), self.activity.clone(), is_http2);
        if !is_plainly_framed(request.headers()) {
            self.activity.body_left_unread();
            return Box::pin(ready(Ok(bad_framing().map(|body| TrackedBody::new(body, active)))));
        }
        let (timeout, activity) = (self.body_timeout, self.activity.clone());
        let mut request =
            request.map(|body| AnyBody::new(SlowBodyTimeout::new(body, timeout, activity)));
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let (service, server_phase) = (self.service.clone(), self.server_phase.clone());
        Box::pin(async move {
            let mut response = service.oneshot(request).await?;
            let is_last = *server_phase.borrow() != ServerPhase::Open
                || response.status() == StatusCode::REQUEST_TIMEOUT;
            if is_last && !is_http2 {
                response.headers_mut().insert(header::CONNECTION, CLOSE);
            }
            Ok(response.map(|body| TrackedBody::new(body, active)))
        })
    }
}

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Whether a request has no `Transfer-Encoding`, or `chunked` exactly once. Longer lists that end
/// with `chunked` are valid (RFC 9112, section 6.1), but a proxy may read them differently, which
/// allows request smuggling. HTTP/2 has none at all.
fn is_plainly_framed(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(header::TRANSFER_ENCODING).into_iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => true,
        (Some(only), None) => only.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

/// The response to an ambiguous `Transfer-Encoding`, as hyper gives it to invalid ones.
fn bad_framing() -> Response<AnyBody> {
    tracing::debug!("rejected a request with an unsupported Transfer-Encoding");
    let mut response = Response::new(AnyBody::empty());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response.headers_mut().insert(header::CONNECTION, CLOSE);
    response
}

/// A request whose response is not yet complete or dropped.
struct ActiveRequest {
    slot: Arc<ConnectionSlot>,
    activity: Arc<Activity>,
}

impl ActiveRequest {
    fn start(slot: Arc<ConnectionSlot>, activity: Arc<Activity>, is_http2: bool) -> Self {
        slot.request_started();
        activity.request_started(is_http2);
        Self { slot, activity }
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let now = Instant::now();
        self.activity.request_finished(now);
        self.slot.request_finished(now);
    }
}

/// A response body that reports whether the client reads it. The protocol polls it only while the
/// client has room. Between a frame and the next poll, the client has yet to read that frame.
pub(super) struct TrackedBody {
    body: AnyBody,
    is_unread: bool,
    request: ActiveRequest,
}

impl TrackedBody {
    fn new(body: AnyBody, request: ActiveRequest) -> Self {
        request.activity.response_ready(Instant::now());
        Self { body, is_unread: true, request }
    }

    fn set_unread(&mut self, is_unread: bool) {
        let activity = &self.request.activity;
        match (self.is_unread, is_unread) {
            (false, true) => activity.response_ready(Instant::now()),
            (true, false) => activity.response_drained(Instant::now()),
            (true, true) => activity.response_read(Instant::now()),
            (false, false) => {}
        }
        self.is_unread = is_unread;
    }
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.set_unread(matches!(polled, Poll::Ready(Some(Ok(_)))));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        self.set_unread(false);
    }
}
