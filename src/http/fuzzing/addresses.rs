//! Paths to go to, hosts, origins and the public URL.

use std::net::IpAddr;

use axum::http::{HeaderValue, header};
use url::{Host, Url};

use crate::http::request::body::Form;
use crate::http::security::applications::Applications;
use crate::http::security::public_url::PublicUrl;
use crate::http::security::redirect::{ApplicationUrl, Next, safe_next, see_other, with_next};

/// `next`: what is sent stays on this site, is final, and leads to a page.
pub(crate) fn next(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let page = Next::for_preferences(text);
    if let Some(next) = Next::parse(text) {
        assert_eq!(page.as_ref(), Some(&next));
        assert!(leads_to_a_page(next.as_str()), "{next:?}");
        if next.as_str().len() <= 2048 {
            assert_eq!(Next::parse(next.as_str()), Some(next));
        }
    } else if let Some(next) = &page {
        assert!(!leads_to_a_page(next.as_str()), "{next:?}");
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte);
    if text.starts_with('/') && !text.contains("//") && text.bytes().all(plain) {
        assert!(text.len() > 2048 || page.as_ref().is_some_and(|page| page.as_str() == text));
    }
    application(text);
    let Some(next) = page else { return };
    stays_here(next.as_str());
    if next.as_str().len() <= 2048 {
        assert_eq!(Next::for_preferences(next.as_str()), Some(next.clone()));
    }
    let carried = with_next("/login", next.as_str());
    let query = carried.strip_prefix("/login?").map(|query| Form::parse(query.as_bytes()));
    let Some(Ok(form)) = query else { panic!("{carried} cannot be read") };
    assert_eq!(form.get("next"), next.as_str());
    let location = see_other(next.as_str()).headers().get(header::LOCATION).cloned();
    assert_eq!(location.as_ref().map(HeaderValue::as_bytes), Some(next.as_str().as_bytes()));
}

/// A URL of an application stays at its origin, and is final.
fn application(text: &str) {
    let urls = ["https://auth.example.org", "https://wiki.example.org"].map(PublicUrl::parse);
    let [Ok(own), Ok(wiki)] = urls else { panic!("no URLs") };
    let Ok(applications) = Applications::beside(&own, [wiki]) else { panic!("no applications") };
    let Some(url) = ApplicationUrl::parse(text, &applications) else {
        let next = safe_next(Some(text), &applications);
        if !next.is_empty() {
            stays_here(&next);
        }
        return;
    };
    stays_here(url.path());
    let shown = url.to_string();
    assert_eq!(shown.strip_prefix("https://wiki.example.org"), Some(url.path()));
    if url.path().len() <= 2048 {
        let again = ApplicationUrl::parse(&shown, &applications);
        assert_eq!(again.map(|again| again.to_string()), Some(shown));
    }
}

fn stays_here(path: &str) {
    assert!(path.bytes().all(|byte| byte.is_ascii_graphic()) && !path.contains('\\'), "{path}");
    let mut bytes = path.bytes();
    assert_eq!(bytes.next(), Some(b'/'), "{path}");
    assert!(!matches!(bytes.next(), Some(b'/' | b'\\')), "{path}");
    for base in ["https://auth.example.org/login?next=/x", "http://localhost:8080/a/b/c"] {
        let Ok(base) = Url::parse(base) else { return };
        let Ok(there) = base.join(path) else { panic!("{path} is no address") };
        assert_eq!(there.origin(), base.origin(), "{path}");
        assert!(there.username().is_empty() && there.password().is_none(), "{path}");
        let shown = format!("{}{path}", base.origin().ascii_serialization());
        assert_eq!(there.as_str(), shown, "a browser would send something else");
    }
}

fn leads_to_a_page(path: &str) -> bool {
    const NO_PAGES: [&str; 11] = [
        "login",
        "logout",
        "signup",
        "setup",
        "reauthenticate",
        "auth",
        "api",
        "preferences",
        "openapi.json",
        "healthz",
        "readyz",
    ];
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let segments: Vec<_> = path.split('/').skip(1).collect();
    !segments.starts_with(&["account", "password"])
        && !NO_PAGES.iter().any(|name| segments.first() == Some(name))
}

/// `Host` and `Origin`, held against several public URLs.
pub(crate) fn host(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let urls = [
        "https://auth.example.org",
        "https://auth.example.org:8443",
        "http://localhost:8080",
        "http://127.0.0.1",
        "https://[2001:db8::1]",
    ];
    for url in urls.iter().filter_map(|url| PublicUrl::parse(url).ok()) {
        assert_eq!(url.is_host(text), names(&url, text), "{text:?} of {url}");
        let shape = text.strip_prefix(url.scheme()).and_then(|rest| rest.strip_prefix("://"));
        let bare = |host: &str| !host.ends_with(':') && host.to_ascii_lowercase() == host;
        if url.is_origin(text) {
            let host = shape.unwrap_or_default();
            assert!(bare(host) && names(&url, host), "{text:?} of {url}");
            assert!(url.is_loopback() || text == url.origin(), "{text:?} of {url}");
        }
        assert!(url.is_host(url.authority()) && url.is_origin(url.origin()));
    }
}

/// Whether a `Host` header names this URL, by another way than the parser's.
pub(super) fn names(url: &PublicUrl, text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (text, ""),
    };
    let default = if url.is_https() { 443 } else { 80 };
    let port = if port.is_empty() { Some(default) } else { number(port) };
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    let host = host.chars().all(plain).then(|| Host::parse(host).ok()).flatten();
    let is_loopback = match &host {
        None => false,
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(*address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(*address).is_loopback(),
    };
    let same = host.is_some_and(|host| host.to_string() == url.host());
    (same || (is_loopback && url.is_loopback())) && port == Some(url.port())
}

fn number(port: &str) -> Option<u16> {
    port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse().ok()).flatten()
}

/// The public URL, and every origin that is read by its rules.
pub(crate) fn public_url(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let url = match PublicUrl::parse(text) {
        Ok(url) => url,
        Err(what) => return assert!(!what.is_empty() && !what.contains('\n'), "{what:?}"),
    };
    assert!(url.is_https() || (url.scheme() == "http" && url.is_loopback()), "{url}");
    assert_eq!(PublicUrl::parse(&url.to_string()), PublicUrl::parse(url.origin()));
    let again = PublicUrl::parse(url.origin());
    assert_eq!(again.as_ref().map(PublicUrl::origin), Ok(url.origin()));
    assert!(url.is_host(url.authority()) && url.is_origin(url.origin()), "{url}");
    assert!(!url.is_host("evil.example") && !url.is_origin("null"), "{url}");
    assert_eq!(url.origin(), format!("{}://{}", url.scheme(), url.authority()));
    assert!(url.origin().bytes().all(|byte| byte.is_ascii_graphic()), "{url}");
    assert!(!url.authority().contains(['/', '@', '?', '#', '\\', '%']), "{url}");
    assert!(url.port() != 0 && url.authority().starts_with(url.host()), "{url}");
}
