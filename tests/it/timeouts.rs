//! How long sessions live. Time is moved, never waited for.

use std::time::Duration;

use anteroom::accounts::Role;
use serde_json::json;
use time::OffsetDateTime;

use crate::harness::app::{DAY, HOUR, Kind, MINUTE, PASSWORD, TestApp, on_each_store};
use crate::harness::browser::Browser;

on_each_store!(
    life_7_attack_43_a_session_ends_at_the_very_second_of_its_idle_timeout,
    attack_45_requests_just_within_the_touch_interval_keep_a_session_alive,
    life_8_attack_44_no_activity_carries_a_session_past_its_absolute_limit,
    last_seen_is_written_at_most_once_a_minute,
    the_list_shows_the_deadlines_as_they_are,
    what_ended_while_the_clock_was_ahead_stays_ended,
    a_clock_that_jumps_back_breaks_nothing,
    attack_50_a_session_past_its_time_is_refused_before_any_sweep,
    visitors_have_the_default_timeouts,
);

const SECOND: Duration = Duration::from_secs(1);

/// Each rule: the browser, its idle and its absolute timeout.
async fn of_every_rule(app: &TestApp) -> [(Browser, Duration, Duration); 3] {
    [
        (app.signed_in("standard@example.org").await, HOUR, DAY),
        (app.signed_in_as("long@example.org", Role::User, true).await, 14 * DAY, 30 * DAY),
        (app.signed_in_as("root@example.org", Role::Admin, true).await, HOUR / 4, DAY / 2),
    ]
}

async fn life_7_attack_43_a_session_ends_at_the_very_second_of_its_idle_timeout(kind: Kind) {
    for rule in 0..3 {
        let app = TestApp::start(kind).await;
        let (browser, idle, _) = &of_every_rule(&app).await[rule];

        app.pass(idle.saturating_sub(SECOND)).await;
        assert!(browser.is_signed_in().await, "rule {rule}");
        app.pass(*idle).await;
        assert_eq!(browser.why_not().await, "idle_timeout", "rule {rule}");
    }
}

async fn attack_45_requests_just_within_the_touch_interval_keep_a_session_alive(kind: Kind) {
    let app = TestApp::start(kind).await;
    // Those of an administrator: written every 45 seconds, over after 15 minutes.
    let admin = app.administrator("root@example.org").await;
    let user = app.signed_in("ada@example.org").await;

    for _ in 0..(3 * 60 * 60 / 59) {
        app.pass(59 * SECOND).await;
        assert!(user.is_signed_in().await);
    }
    assert_eq!(admin.why_not().await, "idle_timeout");

    let admin = app.administrator("root@example.org").await;
    for _ in 0..(3 * 15 * 60 / 44) {
        app.pass(44 * SECOND).await;
        assert_eq!(admin.get("/auth/verify").await.status, 200);
    }
}

async fn life_8_attack_44_no_activity_carries_a_session_past_its_absolute_limit(kind: Kind) {
    for rule in [0, 2] {
        let app = TestApp::start(kind).await;
        let (browser, idle, absolute) = &of_every_rule(&app).await[rule];
        let step = idle.saturating_sub(SECOND);
        let mut passed = Duration::ZERO;
        while passed + step < *absolute {
            app.pass(step).await;
            passed += step;
            assert!(browser.is_signed_in().await, "rule {rule} after {passed:?}");
            browser.patch("/api/session/data", json!({ "at": passed.as_secs() })).await;
        }
        app.pass(absolute.saturating_sub(passed + SECOND)).await;
        assert!(browser.is_signed_in().await);
        // A new token gives no new time.
        assert_eq!(browser.reauthenticate(PASSWORD).await.status, 200);

        app.pass(SECOND).await;
        assert_eq!(browser.why_not().await, "absolute_timeout", "rule {rule}");
    }
}

async fn last_seen_is_written_at_most_once_a_minute(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let start = app.clock.now();

    let mut written = Vec::new();
    for _ in 0..18 {
        app.pass(10 * SECOND).await;
        browser.whoami().await;
        app.anteroom.sessions().flush().await.unwrap();
        let seen = app.live_sessions().await[0].last_seen_at;
        written.push((seen - start).whole_seconds());
    }

    written.dedup();
    assert_eq!(written, [0, 60, 120, 180]);
}

async fn the_list_shows_the_deadlines_as_they_are(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;

    app.pass(30 * MINUTE).await;
    browser.whoami().await;

    let session = &browser.sessions().await[0];
    assert_eq!(session["last_seen_at"], "2026-11-21T09:30:00Z");
    assert_eq!(session["idle_expires_at"], "2026-11-21T10:30:00Z");
    assert_eq!(session["expires_at"], "2026-11-22T09:00:00Z");
    assert_eq!(session["created_at"], "2026-11-21T09:00:00Z");

    for _ in 0..25 {
        app.pass(55 * MINUTE).await;
        browser.whoami().await;
    }
    let session = &browser.sessions().await[0];
    assert_eq!(session["idle_expires_at"], session["expires_at"], "idle outlives the end");
}

async fn what_ended_while_the_clock_was_ahead_stays_ended(kind: Kind) {
    let app = TestApp::start(kind).await;
    let seen = app.signed_in("ada@example.org").await;
    let swept = app.signed_in_as("bob@example.org", Role::User, true).await;
    let now = app.clock.now();

    app.pass(365 * DAY).await;
    assert_eq!(seen.why_not().await, "no_session");
    while !app.anteroom.sessions().sweep(10).await.unwrap() {}
    app.clock.set(now);

    assert!(!seen.is_signed_in().await);
    assert!(!swept.is_signed_in().await);
    let fresh = app.signed_in("ada@example.org").await;
    assert!(fresh.is_signed_in().await);
}

async fn a_clock_that_jumps_back_breaks_nothing(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let now = app.clock.now();

    for at in [now - 365 * DAY, OffsetDateTime::UNIX_EPOCH, now - HOUR] {
        app.clock.set(at);
        assert!(browser.is_signed_in().await);
        assert_eq!(browser.get("/account/sessions").await.status, 200);
        assert!(app.signed_in("ada@example.org").await.is_signed_in().await);
        let visitor = app.browser();
        assert_eq!(visitor.patch("/api/session/data", json!({ "a": 1 })).await.status, 200);
        app.anteroom.sessions().flush().await.unwrap();
        app.anteroom.sessions().sweep(10).await.unwrap();
    }
    app.clock.set(now);
    let seen = browser.session().await["last_seen_at"].clone();
    assert_eq!(seen, "2026-11-21T09:00:00Z", "activity was dated back");
}

async fn attack_50_a_session_past_its_time_is_refused_before_any_sweep(kind: Kind) {
    let app = TestApp::start(kind).await;
    let laptop = app.signed_in("ada@example.org").await;
    app.pass(30 * MINUTE).await;
    let phone = app.signed_in("ada@example.org").await;
    app.pass(31 * MINUTE).await;

    let listed = phone.sessions().await;
    assert_eq!(listed.len(), 1, "a session past its time is listed");
    assert_eq!(listed[0]["is_current"], true);
    assert_eq!(laptop.get("/auth/verify").await.refusal().1, "idle_timeout");
}

async fn visitors_have_the_default_timeouts(kind: Kind) {
    let app = TestApp::start(kind).await;
    let visitor = app.browser();
    visitor.patch("/api/session/data", json!({ "a": 1 })).await;
    let old = visitor.token();

    app.pass(HOUR.saturating_sub(SECOND)).await;
    assert_eq!(visitor.get("/api/session/data").await.json(), json!({ "a": 1 }));

    app.pass(HOUR).await;
    let after = visitor.get("/api/session/data").await;
    assert_eq!((after.status, after.json()), (200, json!({})));
    let fresh = visitor.patch("/api/session/data", json!({ "b": 2 })).await;
    assert_eq!((fresh.status, fresh.json()), (200, json!({ "b": 2 })));
    assert_ne!(visitor.token(), old);
}
