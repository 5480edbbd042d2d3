//! Security headers of every response.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use url::{Host, Url, form_urlencoded};

use crate::http::security::guard::RequestGuard;
use crate::tokens::RedirectUri;

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

/// Lets the forms of a page lead to `next`, where that is a URL of an application, or to the client of
/// a sign-in: browsers check every redirect after a form.
pub(in crate::http) fn forms_lead_to(next: &str, mut response: Response) -> Response {
    let redirect_uri = redirect_uri_of(next);
    if let Ok(url) = Url::parse(redirect_uri.as_deref().unwrap_or(next)) {
        let origin = url.origin();
        // An app on a device has a scheme of its name. No policy can name an IPv6 address.
        let is_named = origin.is_tuple() && !matches!(url.host(), Some(Host::Ipv6(_)));
        let scheme = || format!("{}:", url.scheme());
        let target = if is_named { origin.ascii_serialization() } else { scheme() };
        let target = format!("form-action 'self' {target}");
        let policy = CONTENT_SECURITY_POLICY.replace("form-action 'self'", &target);
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
    }
    response
}

/// Where a request for a code is answered. Whether the client has this redirect URI is checked once the
/// browser gets there.
fn redirect_uri_of(next: &str) -> Option<String> {
    let query = next.strip_prefix("/oauth/authorize?")?;
    let mut fields = form_urlencoded::parse(query.as_bytes());
    let (_, uri) = fields.find(|(name, _)| name == "redirect_uri")?;
    RedirectUri::parse(&uri).map(|uri| uri.as_str().to_owned())
}

/// Whether an answer is a stream of events.
fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    kind.starts_with(b"text/event-stream")
}
