//! The span of a request in traces. Its attributes are method, route and status; see
//! [`crate::telemetry`].

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tracing::field::Empty;
use tracing::{Level, Span};

use crate::http::security::guard::{Sent, single};
use crate::network::TrustedProxies;
use crate::telemetry::{TRACES, continue_trace, within_request};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The span of a request, from its arrival to its response.
#[derive(Clone)]
pub(in crate::http) struct RequestSpan(Span);

impl RequestSpan {
    /// `None` where traces are off. A trace that a trusted proxy has begun goes on; one of anybody
    /// else is ignored.
    pub(in crate::http) fn begin(request: &Request, proxies: &TrustedProxies) -> Option<Self> {
        if !tracing::span_enabled!(target: TRACES, Level::TRACE) {
            return None;
        }
        let method = method(request.method());
        let span = tracing::trace_span!(
            target: TRACES,
            parent: None,
            "request",
            otel.name = Empty,
            otel.kind = "server",
            otel.status_code = Empty,
            http.request.method = method,
            http.route = Empty,
            http.response.status_code = Empty,
        );
        if proxies.sent(request.extensions()) {
            let headers = request.headers();
            if let Sent::Once(traceparent) = single(headers, &TRACEPARENT) {
                let state = single(headers, &TRACESTATE);
                let state = if let Sent::Once(state) = state { state } else { "" };
                continue_trace(&span, traceparent, state);
            }
        }
        Some(Self(span))
    }

    /// Names it, which has to be done before any work in it.
    pub(in crate::http) fn name(&self, of: &Method, route: Option<&str>) {
        let Self(span) = self;
        let method = method(of);
        if let Some(route) = route {
            span.record("otel.name", format!("{method} {route}"));
            span.record("http.route", route);
        } else {
            span.record("otel.name", method);
        }
    }

    /// Records how it was answered.
    pub(in crate::http) fn answered(&self, status: StatusCode) {
        let Self(span) = self;
        span.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            span.record("otel.status_code", "error");
        }
    }
}

/// A method of RFC 9110, or `_OTHER` (OpenTelemetry, semantic conventions of HTTP spans).
fn method(method: &Method) -> &str {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    if known.contains(&method.as_str()) { method.as_str() } else { "_OTHER" }
}

/// Puts the work for a request into its span.
pub(in crate::http) async fn traced(
    State(proxies): State<TrustedProxies>,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = request.extensions_mut().remove::<RequestSpan>();
    let Some(span) = begun.or_else(|| RequestSpan::begin(&request, &proxies)) else {
        return next.run(request).await;
    };
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    span.name(&method, route.as_ref().map(MatchedPath::as_str));
    let response = within_request(span.0.clone(), next.run(request)).await;
    span.answered(response.status());
    response
}
