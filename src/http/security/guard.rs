//! Request guard: rejects requests by size, host and origin before any handler runs.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::audit::{AuditTrail, By, Event, Kind};
use crate::http::request::body::{LARGEST_BODY, too_large};
use crate::http::response::error::{Code, Problem};
use crate::http::routes::{is_from_any_site, is_probe};
use crate::http::security::applications::{Application, Applications};
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
    pub(in crate::http) applications: Applications,
}

impl RequestGuard {
    pub(in crate::http) fn new(
        public_url: PublicUrl,
        trusted_origins: Vec<String>,
        proxies: TrustedProxies,
        applications: Applications,
    ) -> Self {
        Self(Arc::new(GuardSettings { public_url, trusted_origins, proxies, applications }))
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
            let refusal = request_guard.refusal(&request);
            refuse(&audit, refusal, problem).await
        }
    }
}

/// As [`guard`], for requests to the host of an application. Passes the [`Application`] on.
pub(in crate::http) async fn application_guard(
    State((request_guard, audit)): State<(RequestGuard, AuditTrail)>,
    mut request: Request,
    next: Next,
) -> Response {
    match request_guard.check_at_application(&request) {
        Ok(application) => {
            request.extensions_mut().insert(application);
            next.run(request).await
        }
        Err(problem) => {
            let refusal = request_guard.refusal(&request);
            refuse(&audit, refusal, problem).await
        }
    }
}

/// `refusal` is for the audit trail.
async fn refuse(audit: &AuditTrail, refusal: Event, problem: Problem) -> Response {
    if problem.code == Code::CrossOrigin {
        audit.record([refusal]).await;
    }
    problem.into_response()
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

    /// As [`Self::check`], for a request that an application's proxy passes on. Pages of that
    /// application are of the same origin, and nothing else is.
    fn check_at_application(&self, request: &Request) -> Result<Application, Problem> {
        within_limits(request)?;
        let application = self.application(request)?.clone();
        let is_own = |origin: &str| origin == application.url().origin();
        if !is_from(request, is_own) {
            return Err(another_site());
        }
        not_embedded(request)?;
        Ok(application)
    }

    /// The application whose host the request names.
    fn application(&self, request: &Request) -> Result<&Application, Problem> {
        let host = one_host(request)?.and_then(|host| host.to_str().ok());
        let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
        let applications = &self.0.applications;
        let at_host = |host: &str| applications.at_host(host);
        let asked = match self.forwarded_hosts(request) {
            Some(hosts) => {
                let mut asked = hosts.filter_map(at_host);
                let first = asked.next();
                first.filter(|first| asked.all(|other| other.url() == first.url()))
            }
            None => host.or(authority).and_then(at_host),
        };
        asked.ok_or_else(|| {
            let detail = "This address is for the applications that this server guards, and for no \
                          other host. Its operator lists them in ANTEROOM_APPLICATIONS.";
            Problem::new(StatusCode::MISDIRECTED_REQUEST, Code::Misdirected, detail)
        })
    }

    /// Whether the request names this server as its host. Health checks may call it anything.
    fn is_ours(&self, request: &Request) -> Result<(), Problem> {
        if is_probe(request.uri().path()) {
            return Ok(());
        }
        let host = one_host(request)?;
        let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
        let is_host = |host: &str| self.0.public_url.is_host(host);
        let is_named = match self.forwarded_hosts(request) {
            Some(mut hosts) => hosts.any(is_host),
            None => host.map_or(authority, |host| host.to_str().ok()).is_some_and(is_host),
        };
        if is_named && authority.is_none_or(is_host) {
            return Ok(());
        }
        Err(misdirected(self.0.public_url.origin()))
    }

    /// The hosts that a trusted proxy says were asked for. Each proxy of a chain adds the name by
    /// which it was asked itself, so some may be internal names. `None` where the proxy says nothing.
    fn forwarded_hosts<'r>(
        &self,
        request: &'r Request,
    ) -> Option<impl Iterator<Item = &'r str> + use<'r>> {
        if !self.0.proxies.sent(request.extensions()) {
            return None;
        }
        let mut lines = request.headers().get_all(&X_FORWARDED_HOST).into_iter().peekable();
        lines.peek()?;
        let hosts = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        Some(hosts.filter_map(|host| str::from_utf8(host.trim_ascii()).ok()))
    }

    /// Whether a request of an unsafe method may come from its origin.
    fn same_origin(&self, request: &Request) -> Result<(), Problem> {
        let origin = single(request.headers(), &header::ORIGIN);
        let is_trusted = |origin: &str| self.0.trusted_origins.iter().any(|known| known == origin);
        let allowed = is_from_any_site(request.uri().path())
            || matches!(origin, Sent::Once(origin) if is_trusted(origin))
            || is_from(request, |origin| self.0.public_url.is_origin(origin));
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

/// Whether a request of an unsafe method may come from its origin, which is ours if `is_own` says
/// so. A request without these headers is not from a browser, so no cookie of another user is at
/// risk.
fn is_from(request: &Request, is_own: impl Fn(&str) -> bool) -> bool {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return true;
    }
    let headers = request.headers();
    match single(headers, &SEC_FETCH_SITE) {
        Sent::Once(site) => matches!(site, "same-origin" | "none"),
        Sent::Wrongly => false,
        Sent::Never => match single(headers, &header::ORIGIN) {
            Sent::Never => true,
            Sent::Once(origin) => is_own(origin),
            Sent::Wrongly => false,
        },
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

/// How often a header was sent.
pub(in crate::http) enum Sent<'r> {
    Never,
    Once(&'r str),
    /// Several times, or not as text.
    Wrongly,
}

pub(in crate::http) fn single<'r>(headers: &'r HeaderMap, name: &HeaderName) -> Sent<'r> {
    let mut values = headers.get_all(name).into_iter();
    match (values.next(), values.next()) {
        (None, _) => Sent::Never,
        (Some(value), None) => value.to_str().map_or(Sent::Wrongly, Sent::Once),
        (Some(_), Some(_)) => Sent::Wrongly,
    }
}

#[cfg(test)]
mod tests;
