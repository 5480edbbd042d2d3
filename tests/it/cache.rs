//! Checks that ask no store, and everything that is decided meanwhile.

use std::time::Duration;

use anteroom::Options;
use anteroom::accounts::Role;
use anteroom::metrics::Metrics;
use anteroom::sessions::cache::LEASE_WAIT;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use serde_json::json;
use tower::ServiceExt as _;

use crate::harness::app::{Kind, MINUTE, OTHER_PASSWORD, PASSWORD, TestApp, on_every_store};
use crate::harness::browser::Browser;

on_every_store!(
    a_session_in_use_is_asked_of_no_store,
    whatever_is_decided_holds_at_the_next_request,
    a_change_of_a_user_is_seen_at_the_next_request,
    a_new_token_is_known_and_the_old_one_over_at_once,
    without_the_cache_every_request_asks_the_stores,
    activity_of_a_session_that_is_remembered_keeps_it_alive,
);

fn counted(options: &mut Options) {
    options.metrics = Metrics::on(&options.clock);
}

/// How many tokens were looked up so far, without the stores and by them.
async fn lookups(app: &TestApp) -> (u64, u64) {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let answer = app.anteroom.metrics_router().unwrap().oneshot(request).await.unwrap();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let value = |outcome: &str| {
        let series = format!("anteroom_cache_lookups_total{{outcome=\"{outcome}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&series)).unwrap().parse().unwrap()
    };
    (value("hit"), value("miss"))
}

/// Signed in at a server that remembers them and holds a lease.
async fn warm(app: &TestApp, email: &str, role: Role) -> Browser {
    let browser = app.signed_in_as(email, role, false).await;
    app.remembers(&browser).await;
    browser
}

async fn a_session_in_use_is_asked_of_no_store(kind: Kind) {
    let app = TestApp::start_with(kind, counted).await;
    let browser = warm(&app, "ada@example.org", Role::User).await;
    let before = lookups(&app).await;
    for _ in 0..200 {
        assert!(browser.is_signed_in().await);
        assert_eq!(browser.get("/auth/verify").await.status, 200);
    }
    let (hits, misses) = lookups(&app).await;
    assert_eq!(hits + misses - before.0 - before.1, 400);
    // A machine with much to do may be late with a lease now and then.
    assert!(hits - before.0 > 300, "{hits} and {misses} after {before:?}");
}

async fn whatever_is_decided_holds_at_the_next_request(kind: Kind) {
    let app = TestApp::start_with(kind, counted).await;
    let root = warm(&app, "root@example.org", Role::Admin).await;
    let operations: [(&str, &str); 6] = [
        ("signed_out", "sign out"),
        ("revoked_by_user", "revoke"),
        ("revoked_by_user", "end others"),
        ("password_changed", "password"),
        ("role_changed", "role"),
        ("account_disabled", "disable"),
    ];
    for (number, (reason, operation)) in operations.into_iter().enumerate() {
        let email = format!("p{number}@example.org");
        let phone = warm(&app, &email, Role::User).await;
        let laptop = warm(&app, &email, Role::User).await;
        let user = format!("/api/admin/users/{}", phone.user_id().await);
        let answer = match operation {
            "sign out" => phone.delete("/api/session").await,
            "revoke" => laptop.revoke(&phone).await,
            "end others" => laptop.delete("/api/sessions").await,
            "password" => laptop.change_password(PASSWORD, OTHER_PASSWORD).await,
            "role" => root.patch(&user, json!({ "role": "admin" })).await,
            _ => root.patch(&user, json!({ "status": "disabled" })).await,
        };
        assert!(answer.status < 300, "{operation}: {}", answer.text);
        if operation == "sign out" {
            assert!(laptop.is_signed_in().await);
        } else {
            assert_eq!(phone.why_not().await, reason, "{operation}");
        }
        assert!(!phone.is_signed_in().await, "{operation}");
    }
}

async fn a_change_of_a_user_is_seen_at_the_next_request(kind: Kind) {
    let app = TestApp::start_with(kind, counted).await;
    let browser = warm(&app, "ada@example.org", Role::User).await;
    for round in 0..5 {
        let name = format!("Ada {round}");
        let answer = browser.patch("/api/account", json!({ "name": name })).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(browser.whoami().await.json()["user"]["name"], name);
        assert_eq!(browser.get("/auth/verify").await.header("remote-name"), name);
    }
}

async fn a_new_token_is_known_and_the_old_one_over_at_once(kind: Kind) {
    let app = TestApp::start_with(kind, counted).await;
    let browser = warm(&app, "ada@example.org", Role::User).await;
    let before = browser.copy();
    assert_eq!(browser.reauthenticate(PASSWORD).await.status, 200);
    assert_eq!(before.why_not().await, "replaced");
    assert!(browser.is_signed_in().await);
}

async fn without_the_cache_every_request_asks_the_stores(kind: Kind) {
    let set = |options: &mut Options| {
        counted(options);
        options.cache = false;
    };
    let app = TestApp::start_with(kind, set).await;
    assert!(app.anteroom.sessions().lease().is_none());
    let browser = app.signed_in("ada@example.org").await;
    tokio::time::sleep(LEASE_WAIT).await;
    for _ in 0..20 {
        assert!(browser.is_signed_in().await);
    }
    assert_eq!(lookups(&app).await.0, 0);
}

async fn activity_of_a_session_that_is_remembered_keeps_it_alive(kind: Kind) {
    let app = TestApp::start_with(kind, counted).await;
    let browser = warm(&app, "ada@example.org", Role::User).await;
    for _ in 0..5 {
        app.pass(50 * MINUTE).await;
        assert!(browser.is_signed_in().await);
        assert!(browser.is_signed_in().await);
    }
    app.pass(61 * MINUTE).await;
    assert_eq!(browser.why_not().await, "idle_timeout");
}

#[tokio::test]
async fn a_session_is_explained_to_administrators_and_whether_it_is_answered_for_from_memory() {
    let app = TestApp::start_with(Kind::Database, counted).await;
    let root = app.administrator("root@example.org").await;
    let phone = app.signed_in_as("ada@example.org", Role::User, true).await;
    let id = phone.session_id().await;
    let path = format!("/api/admin/sessions/{id}");
    let explained = async || root.get(&path).await.json();
    let mut tries = 0;
    while explained().await["under_lease"] != true {
        assert!(phone.is_signed_in().await);
        tries += 1;
        assert!(tries < 400, "it is never remembered: {}", explained().await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let told = explained().await;
    assert_eq!(told["session"]["id"], *id);
    assert_eq!((&told["session"]["is_current"], &told["ended"]), (&json!(false), &json!(null)));
    let policy = json!({
        "name": "remember_me", "idle_timeout": 14 * 86400, "absolute_timeout": 30 * 86400
    });
    assert_eq!(told["policy"], policy);

    assert_eq!(phone.delete("/api/session").await.status, 204);
    let ended = json!({ "reason": "signed_out", "at": "2026-11-21T09:00:00Z" });
    let expected = json!({ "session": null, "policy": null, "ended": ended, "under_lease": false });
    let mut told = explained().await;
    let events = told.as_object_mut().unwrap().remove("events").unwrap();
    let kinds: Vec<&str> =
        events.as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["session_ended", "logout", "login"]);
    assert_eq!(told, expected);
    app.clock.advance(Duration::from_hours(24) + MINUTE);
    let root = app.administrator("root2@example.org").await;
    for nothing in [&path, "/api/admin/sessions/none"] {
        assert_eq!(root.get(nothing).await.status, 404);
    }
}

#[tokio::test]
async fn a_session_past_its_timeout_is_explained_by_it_before_it_is_swept() {
    let app = TestApp::start(Kind::Database).await;
    let phone = app.signed_in("ada@example.org").await;
    let path = format!("/api/admin/sessions/{}", phone.session_id().await);
    app.clock.advance(Duration::from_hours(1));
    let root = app.administrator("root@example.org").await;
    let told = root.get(&path).await.json();
    assert_eq!(told["policy"]["name"], "standard");
    assert_eq!(told["ended"], json!({ "reason": "idle_timeout", "at": "2026-11-21T10:00:00Z" }));
    let own = root.get(&format!("/api/admin/sessions/{}", root.session_id().await)).await.json();
    assert_eq!(own["policy"]["name"], "administrator");
    assert_eq!(own["session"]["is_current"], true);
}
