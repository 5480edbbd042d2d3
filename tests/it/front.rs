//! The shorter way to the answers that are asked most: nobody can tell it from the usual one.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anteroom::Options;
use anteroom::http::{ForwardAuthOptions, ForwardAuthProxy, IdentityHeaders};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower::ServiceExt as _;

use crate::harness::app::{Kind, PASSWORD, TestApp};
use crate::harness::browser::Browser;
use crate::harness::wire;

const PATHS: [&str; 10] = [
    "/auth/verify",
    "/auth/verify/redirect",
    "/api/session",
    "/auth/verify?next=/",
    "/auth/verify/",
    "/AUTH/verify",
    "/api/session/",
    "/api/sessions",
    "/api/account",
    "/account",
];

type Parts = (u16, Vec<(String, String)>, String);

/// What is answered, but for the id of the request.
async fn parts(answer: axum::response::Response) -> Parts {
    let status = answer.status().as_u16();
    let mut headers = sorted(answer.headers());
    headers.retain(|(name, _)| name != "x-request-id");
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    // Ids of requests stand in problem documents too.
    let body = body.split("\"request_id\":\"").enumerate();
    let body = body.map(|(part, text)| if part == 0 { text } else { &text[16..] }).collect();
    (status, headers, body)
}

fn sorted(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into();
    let mut all: Vec<_> = headers.iter().map(|(n, v)| (n.to_string(), text(v))).collect();
    all.sort();
    all
}

/// Sends the same request both ways.
async fn same_both_ways(app: &TestApp, method: &Method, path: &str, headers: &[(&str, String)]) {
    let request = |body: &'static str| {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 9))));
        request.body(Body::from(body)).unwrap()
    };
    for body in ["", "anything"] {
        let shorter = app.anteroom.front().oneshot(request(body)).await.unwrap();
        let usual = app.anteroom.router().oneshot(request(body)).await.unwrap();
        assert!(shorter.headers().contains_key("x-request-id"));
        let (mut shorter, mut usual) = (parts(shorter).await, parts(usual).await);
        if usual.2.starts_with("<!doctype") {
            // Pages carry ids as well.
            (shorter.2, usual.2) = (String::new(), String::new());
        }
        assert_eq!(shorter, usual, "{method} {path} {headers:?} {body:?}");
    }
}

/// What a request may carry besides its host: whatever decides something.
fn headers_of(app: &TestApp, browser: &Browser) -> Vec<Vec<(&'static str, String)>> {
    let (cookie, host) = (browser.cookies(), app.host().to_owned());
    let token = browser.token();
    let with = |name: &'static str, value: &str| {
        vec![("host", host.clone()), ("cookie", cookie.clone()), (name, value.to_owned())]
    };
    vec![
        vec![("host", host.clone())],
        vec![("host", host.clone()), ("cookie", cookie.clone())],
        vec![("cookie", cookie.clone())],
        vec![("host", "evil.example".to_owned()), ("cookie", cookie.clone())],
        vec![("host", host.clone()), ("cookie", format!("{cookie}; anteroom={token}"))],
        vec![("host", host.clone()), ("cookie", format!("a=b; {cookie}; theme=dark"))],
        vec![("host", host.clone()), ("cookie", "anteroom=no-token".to_owned())],
        vec![("host", host.clone()), ("cookie", format!("anteroom={}", "A".repeat(43)))],
        vec![("host", host.clone()), ("authorization", format!("Bearer {token}"))],
        with("host", &host),
        with("cookie", "anteroom=another"),
        with("origin", "https://evil.example"),
        with("origin", &app.public_url),
        with("sec-fetch-site", "cross-site"),
        with("sec-fetch-dest", "image"),
        with("x-forwarded-host", "evil.example"),
        with("content-encoding", "gzip"),
        with("content-length", "99999999"),
        with("if-none-match", "*"),
        with("remote-user", "somebody-else"),
        with("x-large", &"x".repeat(17_000)),
        with("accept-language", "ko"),
        with("x-forwarded_groups", "admin"),
        with("x-forwarded-uri", "/reports"),
        original(&cookie, &host, "http", &host),
        original("a=b", &host, "http", &host),
        original(&cookie, &host, "http", "evil.example"),
        original(&cookie, &host, "https", "auth.example"),
    ]
}

/// The headers of a proxy that asks about a request.
fn original(
    cookie: &str,
    host: &str,
    scheme: &str,
    original_host: &str,
) -> Vec<(&'static str, String)> {
    let headers = [
        ("host", host),
        ("cookie", cookie),
        ("sec-fetch-mode", "navigate"),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", scheme),
        ("x-forwarded-host", original_host),
        ("x-forwarded-uri", "/reports"),
    ];
    headers.map(|(name, value)| (name, value.to_owned())).into()
}

async fn alike(kind: Kind, set: fn(&mut Options)) {
    let app = TestApp::start_with(kind, set).await;
    let browser = app.signed_in("ada@example.org").await;
    let changed = browser.patch("/api/account", serde_json::json!({ "name": "에이다 100%" })).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    for path in PATHS {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::POST] {
            // Elsewhere it changes something.
            if method == Method::POST && !path.starts_with("/auth/verify") {
                continue;
            }
            for headers in headers_of(&app, &browser) {
                app.remembers(&browser).await;
                same_both_ways(&app, &method, path, &headers).await;
            }
        }
    }
}

#[tokio::test]
async fn the_fast_path_and_the_router_give_the_same_answer() {
    alike(Kind::Database, |_| ()).await;
}

#[tokio::test]
async fn both_give_the_same_answer_with_trusted_origins() {
    alike(Kind::Memory, |options| {
        options.trusted_origins = vec!["http://app.localhost:9000".to_owned()];
    })
    .await;
}

#[tokio::test]
async fn both_give_the_same_answer_under_tls_behind_a_proxy() {
    alike(Kind::Database, |options| {
        "https://auth.example".clone_into(&mut options.public_url);
        options.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
}

#[tokio::test]
async fn both_give_the_same_answer_for_the_original_request_of_a_proxy() {
    alike(Kind::Memory, |options| {
        options.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        options.forward_auth = ForwardAuthOptions {
            proxy: Some(ForwardAuthProxy::Traefik),
            headers: IdentityHeaders::XForwarded,
            ..Default::default()
        };
    })
    .await;
}

#[tokio::test]
async fn a_body_held_back_until_the_session_is_over_brings_nothing() {
    let app = TestApp::start(Kind::Database).await;
    let browser = app.signed_in("ada@example.org").await;
    for path in ["/api/session", "/api/sessions"] {
        let other = app.browser();
        let signed_in = other.try_to_sign_in("ada@example.org", PASSWORD, false).await;
        assert_eq!(signed_in.status, 200);
        app.remembers(&other).await;
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nConnection: close\r\n\
             Content-Length: 2\r\n\r\n{{",
            app.host(),
            other.cookies()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let ended = browser.delete(&format!("/api/sessions/{}", other.session_id().await)).await;
        assert_eq!(ended.status, 204);
        stream.write_all(b"}").await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(wire::parse(&answer).status, 401, "{path}");
    }
}

#[tokio::test]
async fn who_is_signed_in_waits_for_none_of_those_who_sign_in_at_the_same_moment() {
    let app = TestApp::start(Kind::Memory).await;
    let browser = app.signed_in("ada@example.org").await;
    app.remembers(&browser).await;
    let answered = Arc::new(Mutex::new(Vec::new()));
    let ask = |method: Method, cookie: String, body: &'static str| {
        let request = Request::builder().method(&method).uri("/api/session");
        let request = request.header("host", app.host()).header("cookie", cookie);
        let request = request.header("content-type", "application/json");
        let request = request.body(Body::from(body)).unwrap();
        let (front, answered) = (app.anteroom.front(), Arc::clone(&answered));
        tokio::spawn(async move {
            let answer = front.oneshot(request).await.unwrap();
            answered.lock().unwrap().push((method, answer.status().as_u16()));
        })
    };
    let mut all: Vec<_> = (0..200).map(|_| ask(Method::POST, String::new(), "of no use")).collect();
    all.push(ask(Method::GET, browser.cookies(), ""));
    for one in all {
        one.await.unwrap();
    }
    let answered = answered.lock().unwrap();
    assert_eq!(answered.len(), 201);
    let place = answered.iter().position(|answer| *answer == (Method::GET, 200)).unwrap();
    assert!(place < 20, "after {place} of those who came before");
    assert!(answered.iter().all(|(method, status)| *method == Method::GET || *status == 400));
}
