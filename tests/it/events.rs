//! What an open page is told as soon as its session ends.

use std::time::Duration;

use anteroom::accounts::Role;
use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::harness::app::{HOUR, Kind, MINUTE, OTHER_PASSWORD, PASSWORD, TestApp, on_each_store};
use crate::harness::browser::Browser;

on_each_store!(
    an_event_reports_an_end_from_elsewhere_with_its_reason,
    an_event_reports_a_new_token_in_another_tab,
    an_event_reports_a_timeout,
    an_open_stream_is_no_activity,
    only_the_signed_in_may_watch,
    events_report_sessions_that_start_and_end_on_request,
);

/// Watches with the cookie that a browser has now, until the stream ends.
async fn watch(browser: &Browser) -> JoinHandle<String> {
    let request = browser.request(Method::GET, "/api/session/events");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert!(!response.headers().contains_key("set-cookie"));
    let mut stream = response.bytes_stream();
    tokio::spawn(async move {
        let mut text = String::new();
        while let Some(Ok(bytes)) = stream.next().await {
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
        text
    })
}

async fn received(watching: JoinHandle<String>) -> String {
    tokio::time::timeout(Duration::from_secs(10), watching).await.unwrap().unwrap()
}

fn ended(reason: &str) -> String {
    format!("event: ended\ndata: {{\"reason\":\"{reason}\"}}\n\n")
}

async fn an_event_reports_an_end_from_elsewhere_with_its_reason(kind: Kind) {
    let app = TestApp::start(kind).await;
    let laptop = app.signed_in("ada@example.org").await;
    let root = app.administrator("root@example.org").await;
    let path = format!("/api/admin/users/{}", laptop.user_id().await);

    let phone = app.signed_in("ada@example.org").await;
    let (one, tab) = (watch(&phone).await, watch(&phone).await);
    let own = watch(&laptop).await;
    let begun = std::time::Instant::now();
    laptop.revoke(&phone).await;
    assert_eq!(received(one).await, ended("revoked_by_user"));
    assert_eq!(received(tab).await, ended("revoked_by_user"));
    assert!(begun.elapsed() < Duration::from_millis(900), "only the next look found it");

    laptop.copy().delete("/api/session").await;
    assert_eq!(received(own).await, ended("signed_out"));

    let phone = app.signed_in("ada@example.org").await;
    let tablet = app.signed_in("ada@example.org").await;
    let watching = watch(&tablet).await;
    assert_eq!(phone.change_password(PASSWORD, OTHER_PASSWORD).await.status, 204);
    assert_eq!(received(watching).await, ended("password_changed"));

    let watching = watch(&phone).await;
    root.patch(&path, json!({ "status": "disabled" })).await;
    assert_eq!(received(watching).await, ended("account_disabled"));
}

async fn an_event_reports_a_new_token_in_another_tab(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let rotated = "event: rotated\ndata: {}\n\n";

    let watching = watch(&browser).await;
    browser.reauthenticate(PASSWORD).await;
    assert_eq!(received(watching).await, rotated);

    let watching = watch(&browser).await;
    assert_eq!(browser.delete("/api/sessions").await.status, 200);
    assert_eq!(received(watching).await, rotated);

    let watching = watch(&browser).await;
    browser.try_to_sign_in("ada@example.org", PASSWORD, false).await;
    assert_eq!(received(watching).await, rotated);
}

async fn an_event_reports_a_timeout(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let watching = watch(&browser).await;
    app.pass(HOUR).await;
    assert_eq!(received(watching).await, ended("idle_timeout"));
}

async fn an_open_stream_is_no_activity(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in_as("ada@example.org", Role::User, false).await;

    app.pass(30 * MINUTE).await;
    let watching = watch(&browser).await;
    app.pass(30 * MINUTE).await;

    assert_eq!(received(watching).await, ended("idle_timeout"));
    assert_eq!(browser.why_not().await, "idle_timeout");
}

async fn events_report_sessions_that_start_and_end_on_request(kind: Kind) {
    let app = TestApp::start(kind).await;
    let laptop = app.signed_in("ada@example.org").await;
    let request = laptop.request(Method::GET, "/api/session/events?sessions=true");
    let mut stream = request.send().await.unwrap().bytes_stream();
    let mut next = async || {
        let chunk = tokio::time::timeout(Duration::from_secs(10), stream.next()).await.unwrap();
        String::from_utf8(chunk.unwrap().unwrap().to_vec()).unwrap()
    };
    let id = laptop.session_id().await;
    assert_eq!(next().await, format!("event: watching\ndata: {{\"session\":\"{id}\"}}\n\n"));

    let phone = app.signed_in("ada@example.org").await;
    assert_eq!(next().await, "event: sessions\ndata: {}\n\n");
    app.signed_in("bob@example.org").await;
    phone.delete("/api/session").await;
    assert_eq!(next().await, "event: sessions\ndata: {}\n\n");
    laptop.copy().delete("/api/session").await;
    assert_eq!(next().await, ended("signed_out"));
    let refused = app.signed_in("ada@example.org").await;
    let refused = refused.get("/api/session/events?sessions=1").await;
    assert_eq!(refused.refusal(), (400, "invalid_input".to_owned()));
}

async fn only_the_signed_in_may_watch(kind: Kind) {
    let app = TestApp::start(kind).await;
    let visitor = app.browser();
    assert_eq!(visitor.get("/api/session/events").await.refusal().0, 401);
    visitor.patch("/api/session/data", json!({ "a": 1 })).await;
    let answer = visitor.get("/api/session/events").await;
    assert_eq!(answer.refusal(), (401, "no_session".to_owned()));
}
