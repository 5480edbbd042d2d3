//! Request guard: rejects requests by size, host and origin before any handler runs.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::audit::{AuditTrail, By, Event, Kind};
use crate::http::request::body::{LARGEST_BODY, too_large};
use crate::http::response::error::{Code, Problem};
use crate::http::routes::is_probe;
use crate::http::security::public_url::PublicUrl;
use crate::network::TrustedProxies;
use crate::sessions::Client;

// Looked for in every request, so not by names that have to be read first.
static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The longest request target, in bytes.
const LONGEST_TARGET: usize = 8 * 1024;
/// All headers together, in bytes.
const LARGEST_HEADERS: usize = 16 * 1024;
/// How many headers there may be.
const MOST_HEADERS: usize = 64;

/// The checks of requests to our own routes. Cheap to clone.
#[derive(Clone)]
pub(in crate::http) struct RequestGuard(pub(in crate::http) Arc<GuardSettings>);

pub(in crate::http) struct GuardSettings {
    pub(in crate::http) public_url: PublicUrl,
    pub(in crate::http) trusted_origins: Vec<String>,
    pub(in crate::http) proxies: TrustedProxies,
}

impl RequestGuard {
    pub(in crate::http) fn new(
        public_url: PublicUrl,
        trusted_origins: Vec<String>,
        proxies: TrustedProxies,
    ) -> Self {
        Self(Arc::new(GuardSettings { public_url, trusted_origins, proxies }))
    }

    pub(in crate::http) fn is_https(&self) -> bool {
        self.0.public_url.is_https()
    }

    /// Whether pages of another origin may read responses, which then have CORS headers.
    pub(in crate::http) fn lets_other_origins_read(&self) -> bool {
        !self.0.trusted_origins.is_empty()
    }
}

/// Passes a request on, or answers with the error.
pub(in crate::http) async fn guard(
    State((request_guard, audit)): State<(RequestGuard, AuditTrail)>,
    request: Request,
    next: Next,
) -> Response {
    match request_guard.check(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => {
            if problem.code == Code::CrossOrigin {
                audit.record([request_guard.refusal(&request)]).await;
            }
            problem.into_response()
        }
    }
}

/// The `Host` of a request. HTTP/1.1 demands it exactly once, whatever is asked.
pub(in crate::http) fn one_host(request: &Request) -> Result<Option<&HeaderValue>, Problem> {
    let mut hosts = request.headers().get_all(header::HOST).into_iter();
    let (host, another) = (hosts.next(), hosts.next());
    let missing = host.is_none() && request.version() == Version::HTTP_11;
    if another.is_some() || missing {
        return Err(no_single_host());
    }
    Ok(host)
}

fn within_limits(request: &Request) -> Result<(), Problem> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > LONGEST_TARGET {
        return Err(long_target());
    }
    let headers = request.headers();
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if size > LARGEST_HEADERS || headers.len() > MOST_HEADERS {
        return Err(large_headers());
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let announced = announced.and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > LARGEST_BODY as u64) {
        return Err(too_large());
    }
    let encoded = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().any(encoded) {
        return Err(encoded_body());
    }
    Ok(())
}

impl RequestGuard {
    /// Checks limits, host, origin and embedding.
    pub(in crate::http) fn check(&self, request: &Request) -> Result<(), Problem> {
        within_limits(request)
            .and_then(|()| self.is_ours(request))
            .and_then(|()| self.same_origin(request))
            .and_then(|()| not_embedded(request))
    }

    /// Whether the request names this server as its host. Health checks may call it anything.
    fn is_ours(&self, request: &Request) -> Result<(), Problem> {
        if is_probe(request.uri().path()) {
            return Ok(());
        }
        let host = one_host(request)?;
        let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
        let is_host = |host: &str| self.0.public_url.is_host(host);
        let is_named = self.is_forwarded(request).unwrap_or_else(|| {
            host.map_or(authority, |host| host.to_str().ok()).is_some_and(is_host)
        });
        if is_named && authority.is_none_or(is_host) {
            return Ok(());
        }
        Err(misdirected(self.0.public_url.origin()))
    }

    /// Whether this server is among the hosts that a trusted proxy says were asked for. Each proxy
    /// of a chain adds the name by which it was asked itself, so the others may be internal names.
    /// `None` where the proxy says nothing.
    fn is_forwarded(&self, request: &Request) -> Option<bool> {
        if !self.0.proxies.sent(request.extensions()) {
            return None;
        }
        let mut lines = request.headers().get_all(&X_FORWARDED_HOST).into_iter().peekable();
        lines.peek()?;
        let mut hosts = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        Some(hosts.any(|host| {
            str::from_utf8(host.trim_ascii()).is_ok_and(|host| self.0.public_url.is_host(host))
        }))
    }

    /// Whether a request of an unsafe method may come from its origin. A request without these
    /// headers is not from a browser, so no cookie of another user is at risk.
    fn same_origin(&self, request: &Request) -> Result<(), Problem> {
        if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
            return Ok(());
        }
        let headers = request.headers();
        let origin = single(headers, &header::ORIGIN);
        let is_trusted = |origin: &str| self.0.trusted_origins.iter().any(|known| known == origin);
        if matches!(origin, Sent::Once(origin) if is_trusted(origin)) {
            return Ok(());
        }
        let allowed = match single(headers, &SEC_FETCH_SITE) {
            Sent::Once(site) => matches!(site, "same-origin" | "none"),
            Sent::Wrongly => false,
            Sent::Never => match origin {
                Sent::Never => true,
                Sent::Once(origin) => self.0.public_url.is_origin(origin),
                Sent::Wrongly => false,
            },
        };
        if allowed {
            return Ok(());
        }
        let origin = if let Sent::Once(origin) = origin { origin } else { "" };
        tracing::warn!(
            origin = origin.escape_debug().to_string(),
            "refused a request from another origin; if it is a front end of yours on the same \
             site, name it in ANTEROOM_TRUSTED_ORIGINS"
        );
        Err(another_site())
    }
}

impl RequestGuard {
    /// Where a request comes from.
    pub(in crate::http) fn client(&self, request: &Request) -> Client {
        self.0.proxies.client(request.headers(), request.extensions())
    }

    /// A refusal of [`RequestGuard::same_origin`], for the audit trail.
    fn refusal(&self, request: &Request) -> Event {
        let by = By::anonymous(self.client(request));
        let event = Event::new(Kind::CrossOriginRefused, &by).outcome("refused");
        match single(request.headers(), &header::ORIGIN) {
            Sent::Once(origin) => event.with("origin", origin),
            Sent::Never | Sent::Wrongly => event,
        }
    }
}

/// Values of `Sec-Fetch-Dest` for embedded resources. Navigations and script requests are absent.
const EMBEDDED: [&str; 12] = [
    "audio",
    "embed",
    "fencedframe",
    "font",
    "frame",
    "iframe",
    "image",
    "object",
    "script",
    "style",
    "track",
    "video",
];

/// Rejects embedding by a page of another site. Browsers hide the response from it; this sends
/// none.
fn not_embedded(request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    let is_cross_site = matches!(single(headers, &SEC_FETCH_SITE), Sent::Once("cross-site"));
    let is_embedded = || matches!(single(headers, &SEC_FETCH_DEST), Sent::Once(as_what) if EMBEDDED.contains(&as_what));
    if is_cross_site && is_embedded() {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            Code::CrossOrigin,
            "Another site cannot show this as a part of its own page: open this site itself.",
        ));
    }
    Ok(())
}

pub(in crate::http) fn no_single_host() -> Problem {
    let detail = "A request names its host exactly once.";
    Problem::new(StatusCode::BAD_REQUEST, Code::Misdirected, detail)
}

pub(in crate::http) fn long_target() -> Problem {
    let detail = "The address is longer than 8 KiB.";
    Problem::new(StatusCode::URI_TOO_LONG, Code::InvalidInput, detail)
}

pub(in crate::http) fn large_headers() -> Problem {
    let detail =
        "The headers are larger than 16 KiB, or more than 64: delete the cookies of this site.";
    Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, Code::InvalidInput, detail)
}

pub(in crate::http) fn encoded_body() -> Problem {
    let detail = "Send the body without Content-Encoding.";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::UnsupportedMediaType, detail)
}

pub(in crate::http) fn misdirected(origin: &str) -> Problem {
    let detail = format!(
        "This server answers for {origin} and no other host. Its operator sets the address with \
         ANTEROOM_PUBLIC_URL."
    );
    Problem::new(StatusCode::MISDIRECTED_REQUEST, Code::Misdirected, detail)
}

pub(in crate::http) fn another_site() -> Problem {
    let detail = "This request comes from another site: open this site itself and try again there.";
    Problem::new(StatusCode::FORBIDDEN, Code::CrossOrigin, detail)
}

enum Sent<'r> {
    Never,
    Once(&'r str),
    /// Several times, or not as text.
    Wrongly,
}

fn single<'r>(headers: &'r HeaderMap, name: &HeaderName) -> Sent<'r> {
    let mut values = headers.get_all(name).into_iter();
    match (values.next(), values.next()) {
        (None, _) => Sent::Never,
        (Some(value), None) => value.to_str().map_or(Sent::Wrongly, Sent::Once),
        (Some(_), Some(_)) => Sent::Wrongly,
    }
}

#[cfg(test)]
mod tests;
