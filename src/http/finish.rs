//! The last word on every answer: its request id, its log line, and the form of its error.
//!
//! The path alone decides the form: programs get a problem document, people get a page.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::{Instrument as _, Span};

use crate::entropy::Entropy;
use crate::http::response::error::{Code, Problem};
use crate::http::routes::{self, is_for_programs, is_routine};
use crate::http::web::error_page::ErrorPage;
use crate::http::web::page_context::Frame;
use crate::http::web::render::{frame_of, shown};

pub(in crate::http) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The ids of requests: they have to tell requests apart and are no secret, so chance gives the
/// first of a process, and each is scattered from the one before. Cheap to clone.
#[derive(Clone)]
pub(in crate::http) struct RequestIds(Arc<AtomicU64>);

impl RequestIds {
    /// Without chance they begin with the same one at every start.
    pub(in crate::http) fn new(entropy: &Entropy) -> Self {
        let first = entropy.bytes::<8>().map(u64::from_be_bytes).unwrap_or_default();
        Self(Arc::new(AtomicU64::new(first)))
    }

    pub(in crate::http) fn next(&self) -> RequestId {
        // An odd factor and a shift back and forth: no two numbers become one.
        const SCATTERS: u64 = 0x9E37_79B9_7F4A_7C15;
        let number = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(SCATTERS);
        RequestId((number ^ (number >> 32)).wrapping_mul(SCATTERS))
    }
}

/// The id of one request.
#[derive(Clone, Copy)]
pub(in crate::http) struct RequestId(u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl RequestId {
    /// What is logged on behalf of the request stands in this.
    fn span(self, request: &Request) -> Span {
        tracing::info_span!(
            "request",
            request.id = %self,
            method = %request.method(),
            path = request.uri().path()
        )
    }

    /// Logs an answer that is no news and was given at once, and writes the id on it.
    pub(in crate::http) fn routine(self, request: &Request, answer: &mut Response, begun: Instant) {
        if tracing::enabled!(tracing::Level::DEBUG) {
            let log = || log(request.method(), request.uri().path(), answer.status(), begun);
            self.span(request).in_scope(log);
        }
        self.stamp(answer);
    }

    fn stamp(self, answer: &mut Response) {
        if let Some(id) = self.header() {
            answer.headers_mut().insert(REQUEST_ID, id);
        }
    }

    fn header(self) -> Option<HeaderValue> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 16];
        for (place, digit) in text.iter_mut().rev().enumerate() {
            *digit = DIGITS[usize::from((self.0 >> (4 * place)).to_le_bytes()[0] & 15)];
        }
        HeaderValue::from_bytes(&text).ok()
    }
}

/// Logs how a request was answered.
fn log(method: &Method, path: &str, status: StatusCode, begun: Instant) {
    // Looked at only where it is logged.
    let took = || u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let number = status.as_u16();
    if is_routine(method, path, status) {
        tracing::debug!(status = number, milliseconds = took(), "answered");
    } else {
        tracing::info!(status = number, milliseconds = took(), "answered");
    }
}

/// Gives the request an id, logs how it was answered, and gives a problem its form.
pub(in crate::http) async fn finish_response(
    State(ids): State<RequestIds>,
    request: Request,
    next: Next,
) -> Response {
    let id = ids.next();
    let span = id.span(&request);
    let (method, uri) = (request.method().clone(), request.uri().clone());
    // Only a page needs them, should it have to tell of an error.
    let headers =
        if is_for_programs(uri.path()) { HeaderMap::new() } else { request.headers().clone() };
    let begun = Instant::now();
    async {
        let mut response = next.run(request).await;
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            response = formed(
                &problem,
                &response,
                || frame_of(&method, &uri, &headers),
                (uri.path(), &id.to_string()),
            );
        }
        log(&method, uri.path(), response.status(), begun);
        id.stamp(&mut response);
        response
    }
    .instrument(span)
    .await
}

/// The problem in its form, with the headers that the answer had already.
fn formed(
    problem: &Problem,
    answer: &Response,
    frame: impl FnOnce() -> Frame,
    (path, id): (&str, &str),
) -> Response {
    let mut formed =
        if is_for_programs(path) { problem.document(id) } else { page(problem, frame(), path, id) };
    for (name, value) in answer.headers() {
        let about_the_body = matches!(name.as_str(), "content-type" | "content-length");
        if !about_the_body {
            formed.headers_mut().append(name, value.clone());
        }
    }
    // The theme and the language of an error page come from cookies, wherever it was made.
    let vary = formed.headers().get_all(header::VARY);
    if !is_for_programs(path) && !vary.iter().any(|vary| vary == "Cookie") {
        formed.headers_mut().append(header::VARY, HeaderValue::from_static("Cookie"));
    }
    formed
}

fn page(problem: &Problem, frame: Frame, path: &str, id: &str) -> Response {
    let not_found = || routes::not_found_code(path).filter(|_| problem.code == Code::NotFound);
    let code = not_found().unwrap_or(problem.code.as_str());
    let page =
        ErrorPage { frame, status: problem.status.as_u16(), code, request_id: id.to_owned() };
    shown(problem.status, &page)
}

/// The answer to a path that is nobody's.
pub(in crate::http) async fn no_such_path() -> Problem {
    Problem::not_found()
}

/// The answer to a method that a path does not take; the router adds `Allow`.
pub(in crate::http) async fn no_such_method() -> Response {
    let detail = "This path does not take this method: see `Allow`.";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, Code::MethodNotAllowed, detail).into_response()
}
