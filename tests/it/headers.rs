//! What every answer carries, whatever became of the request.

use std::collections::BTreeSet;

use anteroom::{Anteroom, Options};
use reqwest::Method;
use serde_json::json;

use crate::harness::app::{Kind, PASSWORD, TestApp};
use crate::harness::browser::Answer;
use crate::harness::failing::{Fault, Faults, INSIDES};
use crate::harness::wire::{parse, raw, raw_get, send};

const OURS: &str = "https://auth.example";

/// An answer, what it is called, and the status that it must have.
type Named = (&'static str, u16, Answer);

/// One answer of every class, under `https` or loopback `http`.
async fn answers(public_url: Option<&str>) -> Vec<Named> {
    let app = TestApp::start_with(Kind::Database, |options| {
        if let Some(url) = public_url {
            url.clone_into(&mut options.public_url);
        }
    })
    .await;
    let mut all = successes(&app).await;
    all.extend(refusals_of_the_door(&app).await);
    all.extend(refusals_of_handlers(&app).await);
    all.extend(failures(&app.public_url).await);
    for (what, status, answer) in &all {
        assert_eq!(answer.status, *status, "{what}: {}", answer.text);
    }
    all
}

async fn successes(app: &TestApp) -> Vec<Named> {
    let (ada, new) = (app.signed_in("ada@example.org").await, app.browser());
    let page = new.get("/").await.text;
    let style = page.split("href=\"").find(|part| part.contains(".css\"")).unwrap();
    let style = style.split('"').next().unwrap().to_owned();
    let head = new.ask(Method::HEAD, "/login", |request| request).await;
    assert_eq!(head.text, "");
    vec![
        ("page", 200, ada.get("/account").await),
        ("json", 200, ada.get("/api/session").await),
        ("data", 200, ada.get("/api/session/data").await),
        ("openapi", 200, new.get("/openapi.json").await),
        ("health", 200, new.get("/healthz").await),
        ("ready", 200, new.get("/readyz").await),
        ("file", 200, new.get(&style).await),
        ("head", 200, head),
        ("created", 201, app.browser().sign_up("new@example.org", PASSWORD).await),
        ("no content", 204, app.browser().delete("/api/session").await),
        ("redirect", 303, new.get("/account").await),
    ]
}

async fn refusals_of_the_door(app: &TestApp) -> Vec<Named> {
    let new = app.browser();
    let long = format!("/login?{}", "x".repeat(9000));
    let fat = format!("X-Fat: {}\r\n", "x".repeat(20_000));
    let elsewhere = b"GET /login HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    let from = |request: reqwest::RequestBuilder| request.header("Origin", "https://evil.example");
    vec![
        ("403 of another site", 403, new.ask(Method::POST, "/login", from).await),
        ("404 of the api", 404, new.get("/api/nothing").await),
        ("404 of a page", 404, new.get("/nothing").await),
        ("404 of a file", 404, new.get("/assets/nothing.css").await),
        ("405 of the api", 405, new.ask(Method::PUT, "/api/session", |r| r).await),
        ("405 of a page", 405, new.ask(Method::PUT, "/login", |r| r).await),
        ("413", 413, new.sign_up("a@b.c", &"x".repeat(20_000)).await),
        ("414", 414, raw_get(app, &long, b"").await),
        ("415", 415, raw(app, "POST /login HTTP/1.1", b"", b"a=b").await),
        ("421", 421, parse(&send(app.address, elsewhere).await)),
        ("431", 431, raw_get(app, "/login", fat.as_bytes()).await),
    ]
}

async fn refusals_of_handlers(app: &TestApp) -> Vec<Named> {
    let (ada, new) = (app.signed_in("ada@example.org").await, app.browser());
    let json = b"Content-Type: application/json\r\n";
    let unmatched = |request: reqwest::RequestBuilder| {
        request.header("If-Match", "\"other\"").json(&json!({ "a": 1 }))
    };
    let mut all = vec![
        ("400", 400, raw(app, "POST /api/session HTTP/1.1", json, b"{").await),
        ("401", 401, new.get("/api/session").await),
        ("401 of a form", 401, new.post_form("/login", &[("email", "x@example.org")]).await),
        ("403", 403, ada.reauthenticate("wrong").await),
        ("409", 409, new.sign_up("ada@example.org", PASSWORD).await),
        ("412", 412, ada.ask(Method::PATCH, "/api/session/data", unmatched).await),
        ("422", 422, new.sign_up("nobody", PASSWORD).await),
    ];
    for _ in 0..30 {
        app.browser().patch("/api/session/data", json!({ "a": 1 })).await;
    }
    all.push(("429", 429, new.patch("/api/session/data", json!({ "a": 1 })).await));
    all
}

async fn failures(public_url: &str) -> Vec<Named> {
    let mut all = Vec::new();
    let account = [("email", "ada@example.org"), ("password", PASSWORD)];
    for (fault, status) in [(Fault::Panic, 500), (Fault::Outage, 503)] {
        let faults = Faults::default();
        let set = |options: &mut Options| public_url.clone_into(&mut options.public_url);
        let wrap = |stores| faults.wrap(stores);
        let app = TestApp::start_over(Kind::Database, set, Anteroom::front, wrap).await;
        let browser = app.browser();
        faults.strike(1, fault);
        let answer = browser.try_to_sign_in("ada@example.org", PASSWORD, false).await;
        all.push(("failure of the api", status, answer));
        faults.strike(1, fault);
        all.push(("failure of a page", status, browser.post_form("/login", &account).await));
        faults.strike(1, fault);
        all.push(("failure of a probe", status, browser.get("/readyz").await));
        assert_eq!(browser.get("/login").await.status, 200, "it goes on");
    }
    all
}

/// Whether an answer carries a header once, with this value.
fn carries((what, status, answer): &Named, name: &str, value: &str) {
    let values: Vec<_> = answer.headers.get_all(name).iter().collect();
    assert_eq!(values, [value], "{what} ({status}): {name}");
}

#[tokio::test]
async fn hdr_1_no_answer_lets_anything_run_but_what_comes_from_here() {
    const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
                          connect-src 'self'; form-action 'self'; base-uri 'none'; object-src \
                          'none'; frame-ancestors 'none'";
    for answer in answers(None).await {
        carries(&answer, "content-security-policy", POLICY);
    }
}

#[tokio::test]
async fn hdr_2_https_alone_is_to_be_used_again_for_two_years() {
    for answer in answers(Some(OURS)).await {
        carries(&answer, "strict-transport-security", "max-age=63072000");
    }
    for (what, _, answer) in answers(None).await {
        assert!(!answer.headers.contains_key("strict-transport-security"), "{what} without TLS");
    }
}

#[tokio::test]
async fn hdr_3_every_answer_says_what_it_is_and_nobody_guesses() {
    for answer in answers(None).await {
        carries(&answer, "x-content-type-options", "nosniff");
        let (what, status, answer) = answer;
        let kind = answer.header("content-type");
        let empty = answer.text.is_empty() && what != "head";
        let known = match what {
            "file" => "text/css; charset=utf-8",
            "health" | "ready" => "text/plain; charset=utf-8",
            "failure of a probe" if status == 503 => "text/plain; charset=utf-8",
            "json" | "data" | "openapi" | "created" => "application/json",
            _ if answer.text.starts_with('{') => "application/problem+json",
            _ => "text/html; charset=utf-8",
        };
        assert_eq!(kind, if empty { "" } else { known }, "{what}");
    }
}

#[tokio::test]
async fn hdr_4_no_other_site_learns_which_page_a_link_was_on() {
    for answer in answers(None).await {
        carries(&answer, "referrer-policy", "same-origin");
    }
}

#[tokio::test]
async fn hdr_5_no_answer_may_be_framed() {
    for answer in answers(None).await {
        carries(&answer, "x-frame-options", "DENY");
        let policy = answer.2.header("content-security-policy");
        assert!(policy.ends_with("frame-ancestors 'none'"), "{}: {policy}", answer.0);
    }
}

#[tokio::test]
async fn hdr_6_no_answer_is_shared_with_a_window_of_another_origin() {
    for answer in answers(None).await {
        carries(&answer, "cross-origin-opener-policy", "same-origin");
        carries(&answer, "cross-origin-resource-policy", "same-origin");
    }
}

#[tokio::test]
async fn hdr_7_no_page_may_use_the_devices_senses() {
    for answer in answers(None).await {
        carries(
            &answer,
            "permissions-policy",
            "camera=(), geolocation=(), microphone=(), payment=(), usb=(), \
             publickey-credentials-create=(self), publickey-credentials-get=(self)",
        );
    }
}

#[tokio::test]
async fn hdr_8_no_answer_names_its_software() {
    for (what, _, answer) in answers(None).await {
        for name in ["server", "x-powered-by", "via", "x-runtime", "x-version"] {
            assert!(!answer.headers.contains_key(name), "{what} has {name}");
        }
    }
}

#[tokio::test]
async fn hdr_9_an_answer_of_every_class_carries_the_same_headers() {
    const SHARED: [&str; 9] = [
        "content-security-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "permissions-policy",
        "referrer-policy",
        "strict-transport-security",
        "x-content-type-options",
        "x-frame-options",
        "x-request-id",
    ];
    let all = answers(Some(OURS)).await;
    let classes: BTreeSet<u16> = all.iter().map(|(_, status, _)| *status).collect();
    let every = [
        200, 201, 204, 303, 400, 401, 403, 404, 405, 409, 412, 413, 414, 415, 421, 422, 429, 431,
        500, 503,
    ];
    assert_eq!(classes, BTreeSet::from(every));
    for (what, _, answer) in all {
        for name in SHARED {
            assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{what}: {name}");
        }
        assert_eq!(answer.header("x-request-id").len(), 16, "{what}");
        let kept = if what == "file" { "public, max-age=31536000, immutable" } else { "no-store" };
        let values: Vec<_> = answer.headers.get_all("cache-control").iter().collect();
        assert_eq!(values, [kept], "{what}");
    }
}

#[tokio::test]
async fn no_stream_is_held_back_changed_or_kept_on_its_way() {
    let app = TestApp::start(Kind::Memory).await;
    let root = app.administrator("root@example.org").await;
    for path in [
        "/api/session/events",
        "/api/session/events?sessions=true",
        "/api/admin/revocations?stream=true",
    ] {
        for method in [Method::GET, Method::HEAD] {
            let request = root.request(method.clone(), path);
            // Not read to its end: it has none.
            let headers = request.send().await.unwrap().headers().clone();
            let value = |name: &str| -> Vec<_> { headers.get_all(name).iter().collect() };
            assert_eq!(value("content-type"), ["text/event-stream"], "{method} {path}");
            assert_eq!(value("x-accel-buffering"), ["no"], "{method} {path}");
            assert_eq!(value("cache-control"), ["no-store, no-transform"], "{method} {path}");
        }
    }
    let plain = root.get("/api/admin/revocations").await;
    assert_eq!(plain.header("cache-control"), "no-store");
    assert!(!plain.headers.contains_key("x-accel-buffering"));
}

#[tokio::test]
async fn hdr_10_another_site_makes_nothing_of_here_a_part_of_its_page() {
    let app = TestApp::start(Kind::Memory).await;
    let ada = app.signed_in("ada@example.org").await;
    let ask = async |path: &str, site: &'static str, destination: &'static str| {
        let shape = |request: reqwest::RequestBuilder| {
            request.header("Sec-Fetch-Site", site).header("Sec-Fetch-Dest", destination)
        };
        ada.ask(Method::GET, path, shape).await.status
    };
    for path in ["/account", "/account/sessions", "/api/session", "/api/sessions", "/login"] {
        for embedded in ["iframe", "frame", "object", "embed", "script", "image", "style"] {
            assert_eq!(ask(path, "cross-site", embedded).await, 403, "{path} as {embedded}");
            assert_eq!(ask("/auth/verify", "cross-site", embedded).await, 200, "an application's");
        }
        assert_ne!(ask(path, "same-origin", "document").await, 403);
        assert_ne!(ask(path, "same-origin", "empty").await, 403);
        assert_ne!(ask(path, "cross-site", "document").await, 403, "a link from outside");
        assert_ne!(ask(path, "same-origin", "image").await, 403);
    }
}

/// Words that tell of what is inside. A page may well say "password".
const TELLING: [&str; 14] = [
    INSIDES,
    "sqlx",
    "sqlite",
    "SELECT",
    "/srv",
    ".rs",
    "::",
    "panicked",
    "thread '",
    "backtrace",
    "axum",
    "hyper",
    "tokio",
    env!("CARGO_PKG_VERSION"),
];

#[tokio::test]
async fn err_1_no_error_reveals_internals() {
    for (what, status, answer) in answers(None).await {
        if status < 400 {
            continue;
        }
        for word in TELLING {
            assert!(!answer.text.contains(word), "{what} ({status}) says {word}: {}", answer.text);
        }
        // A form that failed shows itself again; a probe is answered in one word.
        let is_an_error_page = !answer.text.contains("id=\"password\"") && answer.text.len() > 20;
        let id = answer.header("x-request-id");
        assert!(!id.is_empty());
        assert!(!is_an_error_page || answer.text.contains(id), "{what} without its request id");
    }
}
