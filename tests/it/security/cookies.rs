//! What every cookie that is set has to say.

use anteroom::accounts::Role;
use reqwest::Method;
use serde_json::json;

use crate::command_line::refused;
use crate::harness::app::{Kind, OTHER_PASSWORD, PASSWORD, TestApp, on_one_store};
use crate::harness::client::Client;
use crate::harness::server::{Place, Server};

on_one_store!(
    ck_3_the_cookie_is_small,
    ck_9_ck_12_no_cookie_is_partitioned_and_each_says_where_it_may_go,
    attack_22_under_https_no_cookie_goes_without_secure,
);

/// Every `Set-Cookie` of a life in which all that sets one is done.
async fn all_cookies(app: &TestApp) -> Vec<String> {
    app.add("ada@example.org", Role::User).await;
    let browser = app.browser();
    let answers = [
        browser.post_form("/preferences", &[("theme", "dark"), ("lang", "ko")]).await,
        browser.patch("/api/session/data", json!({ "a": 1 })).await,
        browser.try_to_sign_in("ada@example.org", PASSWORD, true).await,
        browser.reauthenticate(PASSWORD).await,
        browser.change_password(PASSWORD, OTHER_PASSWORD).await,
        browser.delete("/api/sessions").await,
        browser.delete("/api/session").await,
        browser
            .post_form("/login", &[("email", "ada@example.org"), ("password", OTHER_PASSWORD)])
            .await,
        browser.delete("/api/account").await,
        browser.sign_up("eve@example.org", PASSWORD).await,
        browser.ask(Method::POST, "/logout", |request| request).await,
    ];
    let mut cookies = Vec::new();
    for (n, answer) in answers.iter().enumerate() {
        let set = answer.set_cookies();
        assert!(!set.is_empty() && answer.status < 400, "{n}: {answer:?}");
        cookies.extend(set.iter().map(ToString::to_string));
    }
    cookies
}

fn attributes(cookie: &str) -> Vec<&str> {
    cookie.split("; ").skip(1).collect()
}

async fn ck_3_the_cookie_is_small(kind: Kind) {
    let app = TestApp::start_with(kind, |options| {
        "https://auth.example".clone_into(&mut options.public_url);
    })
    .await;
    for cookie in all_cookies(&app).await {
        let (pair, _) = cookie.split_once(';').unwrap();
        assert!(pair.len() < 100, "{cookie}");
        assert!(attributes(&cookie).iter().all(|attribute| attribute.len() < 32), "{cookie}");
    }
}

async fn ck_9_ck_12_no_cookie_is_partitioned_and_each_says_where_it_may_go(kind: Kind) {
    let app = TestApp::start(kind).await;
    for cookie in all_cookies(&app).await {
        let said = attributes(&cookie);
        assert!(said.contains(&"SameSite=Lax") && said.contains(&"Path=/"), "{cookie}");
        let foreign = |said: &&&str| {
            let said = said.to_ascii_lowercase();
            ["partitioned", "domain", "samesite=none"].iter().any(|word| said.starts_with(word))
        };
        assert_eq!(said.iter().find(foreign), None, "{cookie}");
        assert!(said.contains(&"HttpOnly") || !cookie.starts_with("anteroom="), "{cookie}");
    }
}

async fn attack_22_under_https_no_cookie_goes_without_secure(kind: Kind) {
    let app = TestApp::start_with(kind, |options| {
        "https://auth.example".clone_into(&mut options.public_url);
    })
    .await;
    // The test speaks plain http to the port, as somebody does who goes around the proxy.
    for cookie in all_cookies(&app).await {
        assert!(attributes(&cookie).contains(&"Secure"), "{cookie}");
        assert!(!cookie.starts_with("anteroom="), "{cookie}");
    }
}

#[test]
fn ck_4_several_cookies_of_the_name_are_logged() {
    let server = Server::start();
    let host = server.url.strip_prefix("http://").unwrap();
    for cookies in ["anteroom=CANARY1; anteroom=CANARY2", "anteroom=CANARY1"] {
        let request = format!(
            "GET /api/session HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\n\
             Connection: close\r\n\r\n"
        );
        let answer = server.exchange(&request).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    }
    let log = server.stderr();
    assert_eq!(log.matches("several session cookies of one name").count(), 1, "{log}");
    assert!(!log.contains("CANARY"), "{log}");
}

#[tokio::test]
async fn ck_10_plain_http_beyond_this_machine_is_refused_at_the_start() {
    for url in [
        "http://auth.example.org",
        "http://192.168.1.10:8080",
        "http://0.0.0.0:8080",
        "http://localhost.example.org",
        "HTTP://AUTH.EXAMPLE.ORG",
    ] {
        let place = Place::new();
        let outcome = place.run(&["serve", "--listen", "127.0.0.1:0", "--public-url", url]);
        assert!(refused(&outcome, 2).contains("ANTEROOM_PUBLIC_URL"), "{outcome:?}");
        assert!(place.files().is_empty(), "something was made");

        let folder = tempfile::TempDir::new().unwrap();
        let embedded = anteroom::Options::new(folder.path().join("anteroom.db"), url);
        assert!(anteroom::Anteroom::start(embedded).await.is_err(), "{url}");
    }
    assert_eq!(Client::of(&Server::start()).get("/login").await.status(), 200);
}
