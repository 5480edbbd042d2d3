//! Finishes every response: request id, log line, error format.
//!
//! The path alone decides the format of an error: a problem document for the API, a page elsewhere.

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
use crate::http::web::page_context::PageContext;
use crate::http::web::render::{page_context_of, render};

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
    /// The span of all log lines of the request.
    fn span(self, request: &Request) -> Span {
        tracing::info_span!(
            "request",
            request.id = %self,
            method = %request.method(),
            path = request.uri().path()
        )
    }

    /// Logs a response of the fast path, and adds the id to it.
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
        for (index, digit) in text.iter_mut().rev().enumerate() {
            *digit = DIGITS[usize::from((self.0 >> (4 * index)).to_le_bytes()[0] & 15)];
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

/// Gives the request an id, logs the response, and formats an error.
pub(in crate::http) async fn finish_response(
    State(ids): State<RequestIds>,
    request: Request,
    next: Next,
) -> Response {
    let id = ids.next();
    let span = id.span(&request);
    let (method, uri) = (request.method().clone(), request.uri().clone());
    // Only an error page needs the headers.
    let headers =
        if is_for_programs(uri.path()) { HeaderMap::new() } else { request.headers().clone() };
    let begun = Instant::now();
    async {
        let mut response = next.run(request).await;
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            response = formed(
                &problem,
                &response,
                || page_context_of(&method, &uri, &headers),
                uri.path(),
                &id.to_string(),
            );
        }
        log(&method, uri.path(), response.status(), begun);
        id.stamp(&mut response);
        response
    }
    .instrument(span)
    .await
}

/// The formatted error, with the headers that the response already had.
fn formed(
    problem: &Problem,
    answer: &Response,
    context: impl FnOnce() -> PageContext,
    path: &str,
    id: &str,
) -> Response {
    let mut formed = if is_for_programs(path) {
        problem.document(id)
    } else {
        page(problem, context(), path, id)
    };
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

fn page(problem: &Problem, context: PageContext, path: &str, id: &str) -> Response {
    let not_found = || routes::not_found_code(path).filter(|_| problem.code == Code::NotFound);
    let code = not_found().unwrap_or(problem.code.as_str());
    let page =
        ErrorPage { context, status: problem.status.as_u16(), code, request_id: id.to_owned() };
    render(problem.status, &page)
}

/// The response to an unknown path.
pub(in crate::http) async fn no_such_path() -> Problem {
    Problem::not_found()
}

/// The response to a method that the path does not support; the router adds `Allow`.
pub(in crate::http) async fn no_such_method() -> Response {
    method_not_allowed().into_response()
}

pub(in crate::http) fn method_not_allowed() -> Problem {
    let detail = "This path does not take this method: see `Allow`.";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, Code::MethodNotAllowed, detail)
}
