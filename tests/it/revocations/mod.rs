//! The feed of ends: whoever keeps sessions elsewhere reads there what to drop.

mod cost;
pub(crate) mod gateway;
mod held_back;
mod postgres;
mod servers;
mod streams;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anteroom::accounts::Role;
use anteroom::sessions::EndReason;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::app::{
    DAY, HOUR, Kind, MINUTE, OTHER_PASSWORD, PASSWORD, TestApp, on_every_store,
};
use crate::harness::browser::{Answer, Browser};

const FEED: &str = "/api/admin/revocations";

on_every_store!(
    rev_18_every_end_is_in_the_feed_when_it_is_answered,
    without_a_cursor_the_feed_begins_now,
    a_reader_goes_on_where_it_was,
    an_answer_that_waits_comes_as_soon_as_something_ends,
    an_end_of_all_sessions_expires_every_cursor,
    a_timeout_is_in_the_feed_once_it_is_swept,
    what_ended_more_than_a_day_ago_expires_the_cursors_before_it,
    an_answer_that_waits_is_refused_once_its_administrator_is_none,
);

/// What an administrator reads after a cursor.
async fn read(root: &Browser, after: &str, more: &str) -> Answer {
    root.get(&format!("{FEED}?after={after}{more}")).await
}

fn next(answer: &Answer) -> String {
    answer.json()["next_cursor"].as_str().unwrap().to_owned()
}

/// Where the feed stands.
async fn position(root: &Browser) -> String {
    let answer = root.get(FEED).await;
    assert_eq!(answer.json()["revocations"], json!([]));
    next(&answer)
}

fn entries(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["revocations"].as_array().unwrap().clone()
}

/// Which session ended, and why.
fn end(session: &str, reason: &str) -> (String, String) {
    (session.to_owned(), reason.to_owned())
}

fn ends(entries: &[Value]) -> Vec<(String, String)> {
    let word = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    entries.iter().map(|entry| (word(entry, "session_id"), word(entry, "reason"))).collect()
}

async fn sign_out(browser: &Browser) {
    assert_eq!(browser.delete("/api/session").await.status, 204);
}

async fn rev_18_every_end_is_in_the_feed_when_it_is_answered(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let mut after = position(&root).await;
    let mut told = async |what: &str, expected: &[(String, String)]| {
        let answer = read(&root, &after, "").await;
        after = next(&answer);
        let found: BTreeSet<_> = ends(&entries(&answer)).into_iter().collect();
        assert_eq!(found, expected.iter().cloned().collect(), "{what}");
    };
    let [laptop, phone, tablet] = [
        app.signed_in("ada@example.org").await,
        app.signed_in("ada@example.org").await,
        app.signed_in("ada@example.org").await,
    ];
    let user = format!("/api/admin/users/{}", laptop.user_id().await);
    let (own, [one, other]) =
        (laptop.session_id().await, [phone.session_id().await, tablet.session_id().await]);

    sign_out(&phone).await;
    told("a sign-out", &[end(&one, "signed_out")]).await;
    laptop.revoke(&tablet).await;
    told("a revoke", &[end(&other, "revoked_by_user")]).await;
    laptop.reauthenticate(PASSWORD).await;
    told("a new token", &[end(&own, "replaced")]).await;
    phone.try_to_sign_in("ada@example.org", PASSWORD, false).await;
    let one = phone.session_id().await;
    laptop.change_password(PASSWORD, OTHER_PASSWORD).await;
    let expected = [end(&own, "replaced"), end(&one, "password_changed")];
    told("a change of the password", &expected).await;
    root.patch(&user, json!({ "role": "admin" })).await;
    told("another role", &[end(&own, "role_changed")]).await;
    phone.try_to_sign_in("ada@example.org", OTHER_PASSWORD, false).await;
    let one = phone.session_id().await;
    root.patch(&user, json!({ "status": "disabled" })).await;
    told("a disabled account", &[end(&one, "account_disabled")]).await;
    let bob = app.signed_in("bob@example.org").await;
    let his = bob.session_id().await;
    bob.delete("/api/account").await;
    told("a deleted account", &[end(&his, "account_deleted")]).await;
}

async fn without_a_cursor_the_feed_begins_now(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    sign_out(&app.signed_in("ada@example.org").await).await;

    let begun = position(&root).await;
    let bob = app.signed_in("bob@example.org").await;
    let (id, user) = (bob.session_id().await, bob.user_id().await);
    sign_out(&bob).await;

    let found = entries(&read(&root, &begun, "").await);
    assert_eq!(found.len(), 1);
    let cursor = found[0]["cursor"].clone();
    assert_eq!(
        found[0],
        json!({
            "cursor": cursor, "session_id": id, "user_id": user, "reason": "signed_out",
            "ended_at": "2026-11-21T09:00:00Z",
        })
    );
}

async fn a_reader_goes_on_where_it_was(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let begun = position(&root).await;
    let mut expected = Vec::new();
    for n in 0..4 {
        let browser = app.signed_in(&format!("ada{n}@example.org")).await;
        expected.push(end(&browser.session_id().await, "signed_out"));
        sign_out(&browser).await;
    }

    let all = entries(&read(&root, &begun, "").await);
    assert_eq!(ends(&all), expected);
    for (n, entry) in all.iter().enumerate() {
        let cursor = entry["cursor"].as_str().unwrap();
        assert_eq!(ends(&entries(&read(&root, cursor, "").await)), expected[n + 1..]);
    }
    let (mut after, mut found) = (begun, Vec::new());
    for _ in 0..4 {
        let page = read(&root, &after, "&limit=1").await;
        found.extend(ends(&entries(&page)));
        after = next(&page);
    }
    assert_eq!(found, expected);
    assert_eq!(entries(&read(&root, &after, "").await), [] as [Value; 0]);
}

async fn an_answer_that_waits_comes_as_soon_as_something_ends(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    let id = ada.session_id().await;
    let begun = position(&root).await;
    let nothing = read(&root, &begun, "&wait=1").await;
    assert_eq!(entries(&nothing), [] as [Value; 0]);

    let started = Instant::now();
    let after = next(&nothing);
    let both = tokio::join!(read(&root, &after, "&wait=30"), sign_out(&ada));

    assert_eq!(ends(&entries(&both.0)), [end(&id, "signed_out")]);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

async fn an_end_of_all_sessions_expires_every_cursor(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let begun = position(&root).await;

    app.anteroom.sessions().revoke_all(EndReason::RevokedByAdmin).await.unwrap();

    let root = app.administrator("root@example.org").await;
    assert_eq!(read(&root, &begun, "").await.refusal(), (410, "cursor_expired".to_owned()));
    let ada = app.signed_in("ada@example.org").await;
    let begun = position(&root).await;
    sign_out(&ada).await;
    assert_eq!(entries(&read(&root, &begun, "").await).len(), 1);
}

async fn a_timeout_is_in_the_feed_once_it_is_swept(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    let id = ada.session_id().await;
    let root = app.administrator("root@example.org").await;
    let begun = position(&root).await;

    app.pass(HOUR + MINUTE).await;
    while !app.anteroom.sessions().sweep(100).await.unwrap() {}

    let root = app.administrator("root@example.org").await;
    let found = ends(&entries(&read(&root, &begun, "").await));
    assert!(found.contains(&end(&id, "idle_timeout")), "{found:?}");
}

async fn what_ended_more_than_a_day_ago_expires_the_cursors_before_it(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let old = position(&root).await;
    sign_out(&app.signed_in("ada@example.org").await).await;

    app.pass(DAY + HOUR).await;
    while !app.anteroom.sessions().sweep(100).await.unwrap() {}

    let root = app.administrator("root@example.org").await;
    assert_eq!(read(&root, &old, "").await.refusal(), (410, "cursor_expired".to_owned()));
    for attempt in 1.. {
        let begun = position(&root).await;
        sign_out(&app.signed_in(&format!("bob{attempt}@example.org")).await).await;
        let answer = read(&root, &begun, "").await;
        // A cursor from the middle of a sweep of the background task is expired by that sweep.
        if answer.status == 200 || attempt == 3 {
            assert_eq!(entries(&answer).len(), 1);
            break;
        }
    }
}

async fn an_answer_that_waits_is_refused_once_its_administrator_is_none(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let other = app.administrator("other@example.org").await;
    let path = format!("/api/admin/users/{}", other.user_id().await);
    let begun = position(&root).await;

    let waiting = read(&other, &begun, "&wait=30");
    let changing = root.patch(&path, json!({ "role": "user" }));
    let (answer, _) = tokio::join!(waiting, changing);

    assert_eq!(answer.refusal(), (401, "role_changed".to_owned()));
}

#[tokio::test]
async fn the_feed_is_for_administrators_alone() {
    let app = TestApp::start(Kind::Database).await;
    let ada = app.signed_in_as("ada@example.org", Role::User, false).await;
    for query in ["", "?stream=true", "?after=x", "?wait=31"] {
        let path = format!("{FEED}{query}");
        assert_eq!(app.browser().get(&path).await.refusal(), (401, "no_session".to_owned()));
        assert_eq!(ada.get(&path).await.refusal(), (404, "not_found".to_owned()));
    }
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused() {
    let app = TestApp::start(Kind::Database).await;
    let root = app.administrator("root@example.org").await;
    for query in ["wait=31", "wait=", "wait=-1", "wait=+1", "wait=1s", "limit=0", "stream=1"] {
        let answer = root.get(&format!("{FEED}?{query}")).await;
        assert_eq!(answer.refusal(), (400, "invalid_input".to_owned()), "{query}");
    }
    for cursor in ["", "x", "_", "0_1__", "1_9223372036854775808__", "%27%3B--", "%00", "é"] {
        let answer = read(&root, cursor, "").await;
        assert_eq!(answer.refusal(), (410, "cursor_expired".to_owned()), "{cursor}");
    }
    let answer = root.ask(Method::POST, FEED, |request| request).await;
    assert_eq!(answer.refusal(), (405, "method_not_allowed".to_owned()));
}
