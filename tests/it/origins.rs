//! Which requests may change something, by where they come from.

use anteroom::accounts::Role;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::harness::app::{Kind, PASSWORD, TestApp};
use crate::harness::browser::{Answer, Browser};

const OURS: &str = "https://auth.example";
const TRUSTED: &str = "https://app.auth.example";

async fn app() -> TestApp {
    TestApp::start_with(Kind::Database, |options| {
        OURS.clone_into(&mut options.public_url);
        options.trusted_origins = vec![TRUSTED.to_owned()];
    })
    .await
}

/// Patches something harmless with these headers; an empty one is not sent.
async fn patch(browser: &Browser, site: &str, origin: &str) -> Answer {
    let shape = |mut request: RequestBuilder| {
        for (name, value) in [("Sec-Fetch-Site", site), ("Origin", origin)] {
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        request.json(&json!({ "name": "changed" }))
    };
    browser.ask(Method::PATCH, "/api/account", shape).await
}

#[tokio::test]
async fn csrf_4_the_site_counts_first_and_the_origin_where_it_is_missing() {
    let app = app().await;
    let browser = app.signed_in("ada@example.org").await;
    let cross = "https://evil.example";
    for (site, origin, status) in [
        ("", "", 200),
        ("", OURS, 200),
        ("", TRUSTED, 200),
        ("", cross, 403),
        ("", "null", 403),
        ("same-origin", "", 200),
        ("same-origin", OURS, 200),
        ("same-origin", cross, 200),
        ("none", "", 200),
        ("none", OURS, 200),
        ("same-site", "", 403),
        ("same-site", OURS, 403),
        ("same-site", TRUSTED, 200),
        ("cross-site", "", 403),
        ("cross-site", OURS, 403),
        ("cross-site", cross, 403),
        ("cross-site", "null", 403),
        ("garbage", "", 403),
        ("Same-Origin", "", 403),
        ("same-origin ", "", 200),
        ("same-origin, cross-site", "", 403),
    ] {
        let answer = patch(&browser, site, origin).await;
        assert_eq!(answer.status, status, "site {site:?}, origin {origin:?}");
        if status == 403 {
            assert_eq!(answer.code(), "cross_origin");
        }
    }
}

#[tokio::test]
async fn csrf_5_an_origin_that_only_looks_like_ours_is_refused() {
    let app = app().await;
    let browser = app.signed_in("ada@example.org").await;
    for origin in [
        "https://auth.example.evil.com",
        "https://evilauth.example",
        "https://x.auth.example",
        "https://evil.app.auth.example",
        "http://auth.example",
        "https://auth.example:8443",
        "https://auth.example:443",
        "https://AUTH.example",
        "https://auth.example.",
        "https://auth.example/",
        "https://auth.example@evil.com",
        "https://evil.com@auth.example",
        "https://auth.example https://evil.com",
        "https://auth.example,https://evil.com",
        "https://app.auth.example/",
        "https://APP.auth.example",
        "http://app.auth.example",
        "auth.example",
        "//auth.example",
        "Null",
        "*",
        " ",
    ] {
        let answer = patch(&browser, "", origin).await;
        let empty = origin.trim().is_empty();
        assert_eq!(answer.status, 403, "{origin}");
        assert!(empty || answer.code() == "cross_origin", "{origin}");
    }
    let twice = |request: RequestBuilder| {
        request.header("Origin", OURS).header("Origin", OURS).json(&json!({}))
    };
    assert_eq!(browser.ask(Method::PATCH, "/api/account", twice).await.status, 403);
    assert_eq!(browser.whoami().await.json()["user"]["name"], "Ada");
}

#[tokio::test]
async fn csrf_5_every_request_that_changes_something_is_held_to_it() {
    let app = app().await;
    let browser = app.signed_in("ada@example.org").await;
    let token = browser.token();
    let paths = [
        (Method::POST, "/login"),
        (Method::POST, "/signup"),
        (Method::POST, "/logout"),
        (Method::POST, "/setup"),
        (Method::POST, "/account/password"),
        (Method::POST, "/account/sessions/revoke-others"),
        (Method::POST, "/reauthenticate"),
        (Method::POST, "/preferences"),
        (Method::POST, "/api/signup"),
        (Method::POST, "/api/session"),
        (Method::DELETE, "/api/session"),
        (Method::POST, "/api/session/reauthenticate"),
        (Method::PATCH, "/api/session/data"),
        (Method::DELETE, "/api/sessions"),
        (Method::DELETE, "/api/account"),
        (Method::PUT, "/api/account/password"),
        (Method::POST, "/nowhere"),
    ];
    for (method, path) in paths {
        for (name, value) in [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")]
        {
            let answer =
                browser.ask(method.clone(), path, |request| request.header(name, value)).await;
            assert_eq!(answer.status, 403, "{method} {path} {name}");
            assert_eq!(answer.set_cookies().len(), 0);
            let html = !path.starts_with("/api");
            assert_eq!(answer.header("content-type").starts_with("text/html"), html, "{path}");
        }
    }
    assert_eq!(browser.token(), token);
    assert!(browser.is_signed_in().await);
    let link = |request: RequestBuilder| request.header("Sec-Fetch-Site", "cross-site");
    assert_eq!(browser.ask(Method::GET, "/account", link).await.status, 200, "a link from outside");
}

#[tokio::test]
async fn csrf_7_nobody_is_signed_in_by_another_site() {
    let app = app().await;
    app.add("evil@example.org", Role::User).await;
    let victim = app.browser();
    for (path, email) in [
        ("/login", "evil@example.org"),
        ("/signup", "new@example.org"),
        ("/api/session", "evil@example.org"),
        ("/api/signup", "new@example.org"),
    ] {
        for (name, value) in [
            ("Origin", "null"),
            ("Origin", "https://evil.example"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
        ] {
            let shape = |request: RequestBuilder| {
                let request = request.header(name, value);
                if path.starts_with("/api/") {
                    return request.json(&json!({ "email": email, "password": PASSWORD }));
                }
                let email = email.replace('@', "%40");
                let password = PASSWORD.replace(' ', "+");
                request
                    .header("Content-Type", "application/x-www-form-urlencoded")
                    .body(format!("email={email}&password={password}"))
            };
            let answer = victim.ask(Method::POST, path, shape).await;
            assert_eq!((answer.status, answer.set_cookies().len()), (403, 0), "{path} {value}");
        }
    }
    assert!(app.live_sessions().await.is_empty());
    let new = app.browser().try_to_sign_in("new@example.org", PASSWORD, false).await;
    assert_eq!(new.status, 401, "an account was made");
}

fn preflight(origin: &'static str) -> impl FnOnce(RequestBuilder) -> RequestBuilder {
    move |request| {
        request
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "PATCH")
            .header("Access-Control-Request-Headers", "content-type,if-match")
    }
}

#[tokio::test]
async fn cors_1_a_trusted_front_end_may_call_with_the_cookie_and_nobody_else() {
    let app = app().await;
    let browser = app.signed_in("ada@example.org").await;

    let answer = browser.ask(Method::OPTIONS, "/api/account", preflight(TRUSTED)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), TRUSTED);
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    assert!(answer.header("access-control-allow-methods").contains("PATCH"));
    let headers = answer.header("access-control-allow-headers").to_ascii_lowercase();
    assert!(headers.contains("content-type") && headers.contains("if-match"));
    let read =
        browser.ask(Method::GET, "/api/session", |request| request.header("Origin", TRUSTED)).await;
    assert_eq!(read.header("access-control-allow-origin"), TRUSTED);
    assert_eq!(read.header("access-control-allow-credentials"), "true");
    assert!(read.headers.get_all("vary").iter().any(|v| v.to_str().unwrap().contains("origin")));
    let refused =
        app.browser().ask(Method::GET, "/api/session", |r| r.header("Origin", TRUSTED)).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("access-control-allow-origin"), TRUSTED, "an error cannot be read");

    for origin in ["https://evil.example", "null", "https://app.auth.example.evil.com"] {
        for answer in [
            browser.ask(Method::OPTIONS, "/api/account", preflight(origin)).await,
            browser.ask(Method::GET, "/api/session", |r| r.header("Origin", origin)).await,
        ] {
            assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
        }
    }
}

#[tokio::test]
async fn cors_1_without_trusted_origins_no_answer_speaks_of_other_origins() {
    let app = TestApp::start(Kind::Database).await;
    let browser = app.signed_in("ada@example.org").await;
    for answer in [
        browser.ask(Method::OPTIONS, "/api/account", preflight("https://evil.example")).await,
        browser.ask(Method::GET, "/api/session", |r| r.header("Origin", "https://x.y")).await,
        browser.ask(Method::GET, "/api/session", |r| r.header("Origin", "null")).await,
    ] {
        let speaks =
            |name: &reqwest::header::HeaderName| name.as_str().starts_with("access-control");
        assert!(!answer.headers.keys().any(speaks), "{:?}", answer.headers);
    }
}

#[tokio::test]
async fn cors_2_a_preflight_needs_no_session_and_changes_nothing() {
    let app = app().await;
    let browser = app.signed_in("ada@example.org").await;
    for origin in [TRUSTED, OURS, "https://evil.example"] {
        for path in ["/api/account", "/api/session", "/api/sessions", "/api/account/password"] {
            let with_cookie = browser.ask(Method::OPTIONS, path, preflight(origin)).await;
            let without = app.browser().ask(Method::OPTIONS, path, preflight(origin)).await;
            assert_eq!(with_cookie.status, without.status, "{origin} {path}");
            assert_eq!(with_cookie.text, without.text);
            assert!(![401, 403, 404].contains(&without.status), "{origin} {path}");
            assert!(without.set_cookies().is_empty() && with_cookie.set_cookies().is_empty());
        }
    }
    assert_eq!(browser.whoami().await.json()["user"]["name"], "Ada");
    assert_eq!(app.live_sessions().await.len(), 1);
}
