//! `/auth/verify`: what a proxy is told.

use std::time::Duration;

use anteroom::accounts::Role;
use anteroom::{Anteroom, Options};
use reqwest::header::HeaderName;
use serde_json::json;

use crate::harness::app::{HOUR, Kind, PASSWORD, TestApp, on_one_store};
use crate::harness::browser::Browser;
use crate::harness::wire::{parse, raw, raw_get, send};

on_one_store!(
    all_four_headers_are_there_always,
    a_name_beyond_ascii_travels_percent_encoded,
    an_address_is_empty_until_verified,
    without_a_session_there_is_no_header,
    what_the_client_sends_under_these_names_counts_for_nothing,
    it_counts_as_activity,
    no_answer_about_anybody_is_kept_by_a_cache,
    no_spelling_of_a_header_names_anybody,
);

async fn all_four_headers_are_there_always(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.add("ada@example.org", Role::User).await;
    let browser = app.signed_in("ada@example.org").await;

    let answer = browser.get("/auth/verify").await;

    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    assert_eq!(answer.header("remote-user"), ada.user.id.to_string());
    assert_eq!(answer.header("remote-email"), "ada@example.org");
    assert_eq!(answer.header("remote-name"), "Ada");
    assert_eq!(answer.header("remote-groups"), "user");
    assert_eq!(answer.set_cookies().len(), 0);
    browser.patch("/api/account", json!({ "name": "" })).await;
    let answer = browser.get("/auth/verify").await;
    assert!(answer.headers.contains_key("remote-name"), "an empty name leaves a gap");
}

async fn a_name_beyond_ascii_travels_percent_encoded(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    for (name, sent) in [
        ("이아름", "%EC%9D%B4%EC%95%84%EB%A6%84"),
        ("José O'Neil", "Jos%C3%A9 O'Neil"),
        ("a,admin", "a,admin"),
    ] {
        browser.patch("/api/account", json!({ "name": name })).await;
        assert_eq!(browser.get("/auth/verify").await.header("remote-name"), sent);
    }
    for name in ["x\r\nRemote-Groups: admin", "x\nRemote-Groups: admin", "x\u{0}"] {
        assert_eq!(browser.patch("/api/account", json!({ "name": name })).await.status, 422);
    }
    assert_eq!(browser.get("/auth/verify").await.header("remote-groups"), "user");
}

async fn an_address_is_empty_until_verified(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.browser();
    browser.sign_up("victim@example.org", PASSWORD).await;

    let answer = browser.get("/auth/verify").await;

    assert!(answer.headers.contains_key("remote-email"));
    assert_eq!(answer.header("remote-email"), "");
}

async fn without_a_session_there_is_no_header(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ended = app.signed_in("ada@example.org").await;
    app.pass(HOUR).await;
    let visitor = app.browser();
    visitor.patch("/api/session/data", json!({ "a": 1 })).await;
    for (browser, why) in
        [(&app.browser(), "no_session"), (&visitor, "no_session"), (&ended, "idle_timeout")]
    {
        let answer = browser.get("/auth/verify").await;
        assert_eq!(answer.refusal(), (401, why.to_owned()));
        let named = answer.headers.keys().any(|name| name.as_str().starts_with("remote-"));
        assert!(!named && answer.set_cookies().is_empty());
    }
}

async fn what_the_client_sends_under_these_names_counts_for_nothing(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let forged = format!(
        "Cookie: anteroom={}\r\nRemote-User: root\r\nRemote-Groups: admin\r\nRemote_Groups: admin\r\n\
         Connection: Remote-User\r\n",
        browser.token()
    );
    let answer = raw_get(&app, "/auth/verify", forged.as_bytes()).await;
    assert_eq!(answer.status, 200);
    let groups: Vec<_> = answer.headers.get_all("remote-groups").iter().collect();
    assert_eq!(groups, ["user"]);
    assert_eq!(answer.header("remote-user"), browser.user_id().await);
    let nobody = raw_get(&app, "/auth/verify", b"Remote-User: root\r\n").await;
    assert_eq!(nobody.status, 401);
}

async fn it_counts_as_activity(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    for _ in 0..3 {
        app.pass(HOUR / 2).await;
        assert_eq!(browser.get("/auth/verify").await.status, 200);
    }
    assert!(browser.is_signed_in().await);
}

async fn no_answer_about_anybody_is_kept_by_a_cache(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    for browser in [&ada, &app.browser()] {
        let answer = browser.get("/auth/verify").await;
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.headers.get_all("vary").iter().any(|vary| vary == "Cookie"));
    }
}

async fn no_spelling_of_a_header_names_anybody(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    let cookie = format!("Cookie: anteroom={}\r\n", ada.token());
    let expected = ada.get("/auth/verify").await;
    for spelled in ["Remote-User", "Remote_User", "remote.user", "REMOTE-USER", "Remote-Groups"] {
        for lines in [
            format!("{spelled}: admin\r\n"),
            format!("{spelled}: admin\r\n{spelled}: root\r\n"),
            format!("{spelled}: admin\r\nConnection: {spelled}\r\n"),
        ] {
            let nobody = raw_get(&app, "/auth/verify", lines.as_bytes()).await;
            assert_eq!(nobody.status, 401, "{lines}");
            let answer = raw_get(&app, "/auth/verify", (cookie.clone() + &lines).as_bytes()).await;
            assert_eq!(answer.status, 200, "{lines}");
            for name in ["remote-user", "remote-email", "remote-name", "remote-groups"] {
                let values: Vec<_> = answer.headers.get_all(name).iter().collect();
                assert_eq!(values, [expected.header(name)], "{lines}");
            }
        }
    }
}

/// The service with the shorter way for checks and without it, and somebody signed in at each.
/// Another origin may call the API.
async fn both_ways() -> [(TestApp, Browser); 2] {
    let set = |options: &mut Options| {
        options.trusted_origins = vec![FRONT_END.to_owned()];
        options.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    };
    let shorter = TestApp::start_around(Kind::Memory, set, Anteroom::front).await;
    let usual = TestApp::start_around(Kind::Memory, set, Anteroom::router).await;
    let first = shorter.signed_in("ada@example.org").await;
    let second = usual.signed_in("ada@example.org").await;
    shorter.remembers(&first).await;
    [(shorter, first), (usual, second)]
}

const FRONT_END: &str = "http://app.localhost:9000";

const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "TRACE"];

/// Headers of original requests that other routes judge.
const ORIGINALS: [&str; 12] = [
    "",
    "Content-Type: text/plain\r\n",
    "Content-Type: application/json; charset=utf-16\r\n",
    "Content-Encoding: gzip\r\n",
    "Expect: 100-continue\r\n",
    "Origin: https://evil.example\r\n",
    "Origin: http://app.localhost:9000\r\nAccess-Control-Request-Method: PUT\r\n",
    "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: iframe\r\n",
    "X-Forwarded-Host: wiki.example.org\r\n",
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    "If-None-Match: *\r\nRange: bytes=0-1\r\n",
    "Authorization: Basic eDp5\r\n",
];

#[tokio::test]
async fn attack_149_the_cookie_alone_counts_whatever_the_original_request_was() {
    for (app, ada) in both_ways().await {
        let cookie = format!("Cookie: {}\r\n", ada.cookies());
        let methods = METHODS.map(|method| (method, "", "a body of no kind"));
        let originals = ["POST", "OPTIONS"].into_iter();
        let originals =
            originals.flat_map(|method| ORIGINALS.map(|original| (method, original, "")));
        for (method, original, body) in methods.into_iter().chain(originals) {
            let line = format!("{method} /auth/verify HTTP/1.1");
            let what = format!("{method} {original:?} {body:?}");
            let headers = format!("{cookie}{original}");
            let answer = raw(&app, &line, headers.as_bytes(), body.as_bytes()).await;
            assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{what}");
            assert_eq!(answer.header("remote-email"), "ada@example.org", "{what}");
            let nobody = raw(&app, &line, original.as_bytes(), body.as_bytes()).await;
            assert_eq!(nobody.status, 401, "{what}");
            assert!(!nobody.headers.contains_key("remote-user"), "{what}");
        }
        let fat = format!("{cookie}X-Fat: {}\r\n", "x".repeat(20_000));
        let many = cookie.clone() + &"X: y\r\n".repeat(80);
        for headers in [fat, many] {
            assert_eq!(raw_get(&app, "/auth/verify", headers.as_bytes()).await.status, 200);
        }
        let line = format!("GET /auth/verify?{} HTTP/1.1", "x".repeat(9000));
        assert_eq!(raw(&app, &line, cookie.as_bytes(), b"").await.status, 200);
        let other_host = format!("GET /auth/verify HTTP/1.0\r\nHost: 10.0.0.11\r\n{cookie}\r\n");
        assert_eq!(parse(&send(app.address, other_host.as_bytes()).await).status, 200);
    }
}

/// Sends a head on a connection that is to be kept, and reads until the server closes it.
async fn answers_until_closed(app: &TestApp, head: &str, rest: &str) -> String {
    let head = format!("{head}\r\nHost: {}\r\n{rest}", app.host());
    let answers = tokio::time::timeout(Duration::from_secs(5), send(app.address, head.as_bytes()));
    String::from_utf8(answers.await.unwrap()).unwrap()
}

#[tokio::test]
async fn no_body_is_waited_for_and_none_becomes_the_next_request() {
    let next = "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (app, ada) in both_ways().await {
        for (cookie, status) in
            [(format!("Cookie: {}\r\n", ada.cookies()), 200), (String::new(), 401)]
        {
            for announced in [
                "Content-Length: 77\r\n",
                "Content-Length: 100000000\r\n",
                "Transfer-Encoding: chunked\r\n",
                "Content-Length: 77\r\nExpect: 100-continue\r\n",
                "Content-Length: 77\r\nContent-Encoding: gzip\r\n",
            ] {
                for (method, body) in
                    [("POST", ""), ("GET", ""), ("PUT", next), ("POST", "4d\r\nabc")]
                {
                    let head = format!("{method} /auth/verify HTTP/1.1");
                    let rest = format!("{cookie}{announced}\r\n{body}");
                    let answers = answers_until_closed(&app, &head, &rest).await;
                    let what = format!("{method} {announced:?} {body:?}: {answers}");
                    assert!(answers.starts_with(&format!("HTTP/1.1 {status} ")), "{what}");
                    assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{what}");
                    assert!(answers.contains("connection: close\r\n"), "{what}");
                }
            }
            // Without a body the connection is kept.
            let two = format!("{cookie}Content-Length: 0\r\n\r\n{next}").replacen(
                "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n",
                &format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", app.host()),
                1,
            );
            let answers = answers_until_closed(&app, "POST /auth/verify HTTP/1.1", &two).await;
            assert_eq!(answers.matches("HTTP/1.1 ").count(), 2, "{answers}");
            assert!(answers.starts_with(&format!("HTTP/1.1 {status} ")), "{answers}");
        }
        // A body that comes in spite of the answer does not cost the client that answer.
        let cookie = format!("Cookie: {}\r\n", ada.cookies());
        let line = "POST /auth/verify HTTP/1.1";
        let large = raw(&app, line, cookie.as_bytes(), &vec![b'x'; 5_000_000]).await;
        assert_eq!(large.status, 200);
    }
}

#[tokio::test]
async fn its_answers_carry_nothing_that_only_a_page_needs() {
    for (app, ada) in both_ways().await {
        for browser in [&ada, &app.browser()] {
            let answer = browser.get("/auth/verify").await;
            let mut names: Vec<_> = answer.headers.keys().map(HeaderName::as_str).collect();
            names.retain(|name| !name.starts_with("remote-") && *name != "content-type");
            names.sort_unstable();
            assert_eq!(names, ["cache-control", "content-length", "date", "vary", "x-request-id"]);
        }
    }
}
