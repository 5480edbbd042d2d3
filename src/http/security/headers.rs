//! Security headers of every response.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use url::Url;

use crate::http::security::guard::RequestGuard;

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";

const ALWAYS: [(HeaderName, HeaderValue); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // Under `no-referrer` browsers post forms with `Origin: null`.
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "camera=(), geolocation=(), microphone=(), payment=(), usb=(), \
             publickey-credentials-create=(self), publickey-credentials-get=(self)",
        ),
    ),
];

/// Keeps nginx and similar proxies from buffering a stream.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");
/// A stream that some proxy compresses or rewrites arrives late, too.
const UNCHANGED: HeaderValue = HeaderValue::from_static("no-store, no-transform");

/// Adds the headers, and `no-store` where the response has no `Cache-Control`.
pub(in crate::http) fn security_headers(
    request_guard: &RequestGuard,
    response: Response,
) -> Response {
    let mut response = common_headers(response);
    let headers = response.headers_mut();
    if request_guard.is_https() {
        // Not for subdomains: of those this service knows nothing.
        let two_years = HeaderValue::from_static("max-age=63072000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, two_years);
    }
    response
}

/// As [`security_headers`], at the host of an application. How browsers reach that one is not decided
/// here. A hand-over code may stand in the URL, and the pages there have no form.
pub(in crate::http) fn application_headers(response: Response) -> Response {
    let mut response = common_headers(response);
    let no_referrer = HeaderValue::from_static("no-referrer");
    response.headers_mut().insert(header::REFERRER_POLICY, no_referrer);
    response
}

fn common_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    if is_stream(headers) {
        headers.insert(UNBUFFERED, HeaderValue::from_static("no"));
        headers.insert(header::CACHE_CONTROL, UNCHANGED);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Lets the forms of a page lead to `next`, where that is a URL of an application: browsers check
/// every redirect after a form.
pub(in crate::http) fn forms_lead_to(next: &str, mut response: Response) -> Response {
    if let Ok(url) = Url::parse(next) {
        let target = format!("form-action 'self' {}", url.origin().ascii_serialization());
        let policy = CONTENT_SECURITY_POLICY.replace("form-action 'self'", &target);
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
    }
    response
}

/// Whether an answer is a stream of events.
fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    kind.starts_with(b"text/event-stream")
}
