//! The ends of sessions, and what the browser is told to forget.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::app::{Kind, PASSWORD, TestApp, on_each_store};
use crate::harness::browser::Answer;
use crate::tokens;

on_each_store!(
    rev_2_only_frozen_pages_are_cleared_and_only_when_signing_out,
    rev_5_every_page_of_somebody_signed_in_offers_to_sign_out,
    attack_23_a_token_that_was_signed_out_opens_no_route_at_all,
    attack_33_no_request_after_an_administrator_ended_a_session_is_let_in,
);

async fn rev_2_only_frozen_pages_are_cleared_and_only_when_signing_out(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;
    let cleared = |answer: &Answer| answer.header("clear-site-data").to_owned();

    for path in ["/", "/account", "/logout", "/api/session", "/nowhere", "/login"] {
        assert_eq!(cleared(&browser.get(path).await), "", "{path}");
        assert_eq!(cleared(&app.browser().get(path).await), "", "{path}");
    }
    assert_eq!(cleared(&browser.reauthenticate(PASSWORD).await), "");
    assert_eq!(cleared(&browser.delete("/api/sessions").await), "");
    assert_eq!(cleared(&phone.get("/account").await), "", "a late answer clears nothing");

    // Never the cookies: those of every other application of the domain would go with ours.
    let only_pages = "\"cache\"";
    assert_eq!(cleared(&browser.delete("/api/session").await), only_pages);
    for way in ["form", "all", "account"] {
        let browser = app.signed_in("ada@example.org").await;
        let answer = match way {
            "form" => browser.ask(Method::POST, "/logout", |request| request).await,
            "all" => browser.delete("/api/sessions?include_current=true").await,
            _ => browser.delete("/api/account").await,
        };
        assert!(answer.status < 400, "{way}");
        assert_eq!(cleared(&answer), only_pages, "{way}");
    }
}

async fn rev_5_every_page_of_somebody_signed_in_offers_to_sign_out(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;

    for path in ["/", "/account", "/account/sessions", "/reauthenticate", "/logout"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        let form = page.text.split("action=\"/logout\"").nth(1);
        let form = form.unwrap_or_else(|| panic!("{path} has no way to sign out"));
        assert!(form.split("</form>").next().unwrap().contains("<button"), "{path}");
    }
}

/// Every route for programs with every method it takes.
async fn operations(app: &TestApp) -> Vec<(Method, String)> {
    let description = app.browser().get("/openapi.json").await.json();
    let mut operations = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for verb in methods.as_object().unwrap().keys() {
            if let Ok(method) = Method::from_bytes(verb.to_uppercase().as_bytes())
                && ["get", "post", "put", "patch", "delete"].contains(&verb.as_str())
            {
                operations.push((method, path.clone()));
            }
        }
    }
    assert!(operations.len() > 20, "this is not the description");
    operations
}

async fn attack_23_a_token_that_was_signed_out_opens_no_route_at_all(kind: Kind) {
    let app = TestApp::start(kind).await;
    tokens::register(&app, "Pages", None).await;
    let root = app.administrator("root@example.org").await;
    let (thief, id, user) = (root.copy(), root.session_id().await, root.user_id().await);
    assert_eq!(root.delete("/api/session").await.status, 204);
    let token = thief.token();

    let open_to_all = [
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/api/signup",
        "/oauth/jwks",
        "/oauth/introspect",
        "/oauth/revoke",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
    ];
    for (method, path) in operations(&app).await {
        let of = if path.contains("/users/") { &user } else { &id };
        let asked = path.replace("{id}", of);
        let answer = thief.send(method.clone(), &asked, json!({ "name": "x" })).await;
        thief.hold(&token);
        let sign_in = path == "/api/session" && method == Method::POST;
        let sign_out = path == "/api/session" && method == Method::DELETE;
        match answer.status {
            // The cookie is nothing to it.
            401 if path == "/oauth/userinfo" => {}
            401 => assert_eq!(answer.refusal().1, "signed_out", "{method} {path}"),
            204 => assert!(sign_out, "{method} {path}"),
            // Judged before anybody asks who it is.
            400 => assert!(sign_in || method != Method::GET, "{method} {path}"),
            _ => assert!(open_to_all.contains(&path.as_str()), "{method} {path}: {answer:?}"),
        }
    }
    for path in ["/account", "/account/sessions", "/reauthenticate"] {
        let answer = thief.get(path).await;
        assert!(answer.status == 303 && answer.location().starts_with("/login"), "{path}");
    }
    for path in ["/account/password", "/account/sessions/revoke-others", "/reauthenticate"] {
        let fields = [("password", PASSWORD), ("current_password", PASSWORD)];
        let answer = thief.post_form(path, &fields).await;
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.location().starts_with("/login"), "{path}: {}", answer.location());
    }
    assert_eq!(thief.why_not().await, "signed_out");
    assert!(app.live_sessions().await.is_empty());
    assert!(app.signed_in("root@example.org").await.is_signed_in().await);
}

async fn attack_33_no_request_after_an_administrator_ended_a_session_is_let_in(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    for n in 0..5 {
        let ada = app.signed_in(&format!("ada{n}@example.org")).await;
        let path = format!("/api/admin/users/{}", ada.user_id().await);
        let (polling, other) = (ada.copy(), ada.copy());
        let (told, mut is_told) = tokio::sync::watch::channel(false);
        let poll = tokio::spawn(async move {
            let mut let_in = 0;
            loop {
                // Whether it was acknowledged before this request began.
                let is_over = *is_told.borrow_and_update();
                let status = polling.whoami().await.status;
                assert!(!is_over || status == 401, "{status} after the end");
                assert!([200, 401].contains(&status), "{status}");
                let_in += u32::from(status == 200);
                if is_over {
                    return let_in;
                }
            }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;

        let body: Value = json!({ "status": "disabled" });
        assert_eq!(root.patch(&path, body).await.status, 200);
        told.send(true).unwrap();

        assert!(poll.await.unwrap() > 0, "it was never signed in");
        assert_eq!(other.why_not().await, "account_disabled");
    }
}
