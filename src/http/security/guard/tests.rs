use axum::body::Body;
use axum::http::HeaderName;

use super::*;

const HOST: (&str, &str) = ("host", "auth.example.org");

fn guard_of(public_url: &str) -> RequestGuard {
    let public_url = PublicUrl::parse(public_url).unwrap();
    let (trusted_origins, proxies) = (Vec::new(), TrustedProxies::default());
    RequestGuard::new(public_url, trusted_origins, proxies, Applications::default())
}

/// The status that rejects a request for this path with these headers.
fn refusal(path: &str, headers: &[(String, String)]) -> Option<u16> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = path.parse().unwrap();
    request.headers_mut().insert(HOST.0, HeaderValue::from_static(HOST.1));
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    let result = guard_of("https://auth.example.org").check(&request);
    result.err().map(|problem| problem.status.as_u16())
}

fn header(name: &str, value: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), value.to_owned())]
}

#[test]
fn an_address_takes_8192_bytes_and_not_one_more() {
    let path = |length: usize| format!("/?{}", "x".repeat(length - 2));
    assert_eq!(refusal(&path(8192), &[]), None);
    assert_eq!(refusal(&path(8193), &[]), Some(414));
    assert_eq!(refusal(&path(9000), &[]), Some(414));
}

#[test]
fn headers_take_16384_bytes_and_not_one_more() {
    let others = HOST.0.len() + HOST.1.len() + "cookie".len();
    let cookie = |length: usize| header("cookie", &"x".repeat(length - others));
    assert_eq!(refusal("/", &cookie(16_384)), None);
    assert_eq!(refusal("/", &cookie(16_385)), Some(431));
    assert_eq!(refusal("/", &cookie(20_000)), Some(431));
}

#[test]
fn there_are_64_headers_and_not_one_more() {
    let headers = |count: usize| vec![("x".to_owned(), String::new()); count - 1];
    assert_eq!(refusal("/", &headers(64)), None);
    assert_eq!(refusal("/", &headers(65)), Some(431));
    assert_eq!(refusal("/", &headers(70)), Some(431));
}

#[test]
fn a_body_is_announced_with_16384_bytes_and_not_one_more() {
    assert_eq!(refusal("/", &header("content-length", "16384")), None);
    assert_eq!(refusal("/", &header("content-length", "16385")), Some(413));
    assert_eq!(refusal("/", &header("content-length", "99999999")), Some(413));
}

#[test]
fn the_guard_is_https_where_the_public_url_is() {
    assert!(guard_of("https://auth.example.org").is_https());
    assert!(!guard_of("http://localhost:8080").is_https());
}
