//! Whole requests before the guard.

use std::net::SocketAddr;
use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderName, HeaderValue, Method, Uri, Version};
use ipnet::IpNet;

use crate::http::fuzzing::addresses::names;
use crate::http::security::applications::Applications;
use crate::http::security::guard::RequestGuard;
use crate::http::security::public_url::PublicUrl;
use crate::network::TrustedProxies;

const OURS: &str = "https://auth.example.org";
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
const TRUSTED: &str = "https://app.example.org";

static GUARD: LazyLock<Option<RequestGuard>> = LazyLock::new(|| {
    let networks: Vec<IpNet> = "10.0.0.0/8".parse().into_iter().collect();
    Some(RequestGuard::new(
        PublicUrl::parse(OURS).ok()?,
        vec![TRUSTED.to_owned()],
        TrustedProxies::new(networks),
        Applications::default(),
    ))
});

/// `METHOD TARGET VERSION PEER` and a header per line: who is let in is who by these rules may be.
pub(crate) fn guard(input: &[u8]) {
    let Some(request_guard) = &*GUARD else { panic!("no request guard") };
    let Some((request, by_proxy)) = request(input) else { return };
    let result = request_guard.check(&request);
    let expected = is_small(&request)
        && is_for_us(&request, by_proxy)
        && may_change(&request)
        && !is_embedded(&request);
    assert_eq!(result.is_ok(), expected, "{result:?} {request:?}");
    if let Err(problem) = result {
        assert!(problem.status.is_client_error() && !problem.detail.is_empty());
    }
}

fn request(input: &[u8]) -> Option<(Request, bool)> {
    let mut lines = input.split(|byte| *byte == b'\n');
    let first = std::str::from_utf8(lines.next()?).ok()?;
    let mut words = first.split(' ');
    let mut request = Request::new(Body::empty());
    *request.method_mut() = words.next()?.parse::<Method>().ok()?;
    *request.uri_mut() = words.next()?.parse::<Uri>().ok()?;
    let version = if words.next() == Some("2") { Version::HTTP_2 } else { Version::HTTP_11 };
    *request.version_mut() = version;
    let by_proxy = words.next() == Some("proxy");
    let peer = if by_proxy { [10, 0, 0, 1] } else { [192, 0, 2, 1] };
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from((peer, 4000))));
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        request.headers_mut().try_append(name, value).ok()?;
    }
    Some((request, by_proxy))
}

/// Every value of a header; one that is no text is `None`.
fn values<'r>(request: &'r Request, name: &str) -> Vec<Option<&'r str>> {
    request.headers().get_all(name).iter().map(|value| value.to_str().ok()).collect()
}

fn is_small(request: &Request) -> bool {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let size: usize = request.headers().iter().map(|(n, v)| n.as_str().len() + v.len()).sum();
    let first = values(request, "content-length").into_iter().next().flatten();
    let announced = first.and_then(|length| length.parse::<u64>().ok()).unwrap_or(0);
    let plain = |coding: Option<&str>| coding.is_some_and(|c| c.eq_ignore_ascii_case("identity"));
    target <= 8192
        && size <= 16384
        && request.headers().len() <= 64
        && announced <= 16384
        && values(request, "content-encoding").into_iter().all(plain)
}

fn is_for_us(request: &Request, by_proxy: bool) -> bool {
    let Ok(url) = PublicUrl::parse(OURS) else { return false };
    if ["/healthz", "/readyz"].contains(&request.uri().path()) {
        return true;
    }
    let hosts = values(request, "host");
    let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
    let is_ours = |host: &str| names(&url, host);
    let host = match hosts.as_slice() {
        [_, _, ..] => return false,
        [] if request.version() == Version::HTTP_11 => return false,
        [] => authority,
        [host] => *host,
    };
    let forwarded: Vec<String> = listed(request, "x-forwarded-host");
    let is_named = if by_proxy && !forwarded.is_empty() {
        forwarded.iter().any(|host| is_ours(host))
    } else {
        host.is_some_and(is_ours)
    };
    is_named && authority.is_none_or(is_ours)
}

/// Each member of a list header, over all of its lines.
fn listed(request: &Request, name: &str) -> Vec<String> {
    let lines = request.headers().get_all(name).iter();
    let lines = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
    lines
        .flat_map(|line| line.split(',').map(|m| m.trim_ascii().to_owned()).collect::<Vec<_>>())
        .collect()
}

fn is_embedded(request: &Request) -> bool {
    let by_another = values(request, "sec-fetch-site") == [Some("cross-site")];
    let as_what = values(request, "sec-fetch-dest");
    by_another
        && !request.uri().path().starts_with("/auth/")
        && matches!(as_what[..], [Some(as_what)] if EMBEDDED.contains(&as_what))
}

fn may_change(request: &Request) -> bool {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    let (site, origin) = (values(request, "sec-fetch-site"), values(request, "origin"));
    reads
        || origin == [Some(TRUSTED)]
        || site == [Some("same-origin")]
        || site == [Some("none")]
        || (site.is_empty() && (origin.is_empty() || origin == [Some(OURS)]))
}
