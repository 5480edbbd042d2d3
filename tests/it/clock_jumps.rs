//! A clock that is set forward and back.

use std::time::Duration;

use anteroom::accounts::Role;
use serde_json::json;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::harness::app::on_each_store;
use crate::harness::app::{DAY, HOUR, Kind, MINUTE, OTHER_PASSWORD, PASSWORD, TestApp};
use crate::harness::browser::Browser;

on_each_store!(
    attack_48_what_was_gone_in_a_year_is_gone_when_the_clock_comes_back,
    attack_48_what_a_sweep_took_is_gone_when_the_clock_comes_back,
    attack_48_an_hour_back_lengthens_no_session,
    attack_48_activity_before_the_clock_was_set_back_is_not_lowered,
    attack_50_what_no_sweep_has_met_is_refused,
    sto_4_every_operation_works_at_the_ends_of_the_calendar,
    sto_4_a_clock_that_leaps_about_makes_no_answer_a_failure,
);

const YEAR: Duration = Duration::from_hours(24 * 365);

fn back(app: &TestApp, by: Duration) {
    app.clock.set(app.clock.now() - by);
}

async fn attack_48_what_was_gone_in_a_year_is_gone_when_the_clock_comes_back(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    let remembered = app.signed_in_as("ada@example.org", Role::User, true).await;

    app.clock.advance(YEAR);
    assert_eq!(ada.whoami().await.status, 401);
    assert_eq!(remembered.whoami().await.status, 401);
    let later = app.signed_in("ada@example.org").await;
    back(&app, YEAR);

    assert_eq!(ada.whoami().await.status, 401);
    assert_eq!(remembered.whoami().await.status, 401);
    assert_eq!(ada.patch("/api/session/data", json!({ "a": 1 })).await.status, 401);
    assert_eq!(ada.get("/auth/verify").await.status, 401);
    // One from the year that did not come: live, listed, and it can be ended.
    assert!(later.is_signed_in().await);
    assert_eq!(later.sessions().await.len(), 1);
    assert_eq!(later.delete("/api/session").await.status, 204);
    let _ = later.why_not().await;
    assert!(app.signed_in("ada@example.org").await.is_signed_in().await);
}

async fn attack_48_what_a_sweep_took_is_gone_when_the_clock_comes_back(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;

    app.clock.advance(YEAR);
    while !app.anteroom.sessions().sweep(500).await.unwrap() {}
    back(&app, YEAR);

    assert_eq!(ada.whoami().await.status, 401);
    assert_eq!(app.live_sessions().await.len(), 0);
}

async fn attack_48_an_hour_back_lengthens_no_session(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in_as("ada@example.org", Role::User, true).await;
    let before = ada.session().await;

    back(&app, HOUR);
    let after = ada.session().await;
    for field in ["created_at", "authenticated_at", "last_seen_at", "expires_at"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(after["idle_expires_at"], before["idle_expires_at"]);
    let answer = ada.reauthenticate(PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["session"]["expires_at"], before["expires_at"]);
    assert_eq!(ada.change_password(PASSWORD, OTHER_PASSWORD).await.status, 204);

    // The deadline is where it was, by the clock as it is now.
    let deadline = before["expires_at"].as_str().unwrap();
    let format = &time::format_description::well_known::Rfc3339;
    let deadline = OffsetDateTime::parse(deadline, format).unwrap();
    while deadline - app.clock.now() > DAY {
        app.pass(DAY).await;
        assert!(ada.is_signed_in().await);
    }
    app.clock.set(deadline - MINUTE);
    assert!(ada.is_signed_in().await);
    app.clock.set(deadline);
    assert_eq!(ada.why_not().await, "absolute_timeout");
}

async fn attack_48_activity_before_the_clock_was_set_back_is_not_lowered(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    app.pass(30 * MINUTE).await;
    assert!(ada.is_signed_in().await);
    app.pass(Duration::ZERO).await;
    let seen = ada.session().await["last_seen_at"].clone();

    back(&app, 20 * MINUTE);
    assert!(ada.is_signed_in().await);
    app.pass(Duration::ZERO).await;

    assert_eq!(ada.session().await["last_seen_at"], seen);
}

async fn attack_50_what_no_sweep_has_met_is_refused(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    app.clock.advance(HOUR);

    for path in ["/api/session", "/auth/verify", "/api/sessions", "/api/account"] {
        let answer = ada.copy().get(path).await;
        assert_eq!(answer.refusal(), (401, "idle_timeout".to_owned()), "{path}");
    }
    assert_eq!(app.live_sessions().await.len(), 0);
}

async fn a_whole_life(app: &TestApp, email: &str) {
    let browser = app.browser();
    assert_eq!(browser.sign_up(email, PASSWORD).await.status, 201);
    assert!(browser.is_signed_in().await);
    assert_eq!(browser.sessions().await.len(), 1);
    assert_eq!(browser.get("/account/sessions").await.status, 200);
    assert_eq!(browser.patch("/api/session/data", json!({ "a": 1 })).await.status, 200);
    assert_eq!(browser.reauthenticate(PASSWORD).await.status, 200);
    assert_eq!(browser.try_to_sign_in(email, PASSWORD, true).await.status, 200);
    assert_eq!(browser.change_password(PASSWORD, OTHER_PASSWORD).await.status, 204);
    app.anteroom.sessions().flush().await.unwrap();
    app.anteroom.sessions().sweep(500).await.unwrap();
    assert!(browser.is_signed_in().await, "{email}");
    assert_eq!(browser.delete("/api/session").await.status, 204);
    assert_eq!(browser.whoami().await.status, 401);
}

async fn sto_4_every_operation_works_at_the_ends_of_the_calendar(kind: Kind) {
    let instants = [
        datetime!(1970-01-01 00:00 UTC),
        datetime!(1969-06-01 12:00 UTC),
        datetime!(0001-01-01 00:00 UTC),
        datetime!(2038-01-19 03:14:08 UTC),
        datetime!(9999-12-31 23:30 UTC),
    ];
    for (number, instant) in instants.into_iter().enumerate() {
        let app = TestApp::start(kind).await;
        app.clock.set(instant);
        app.anteroom.issue_setup_link().await.unwrap();
        a_whole_life(&app, &format!("p{number}@example.org")).await;
    }
}

async fn poke(browser: &Browser) {
    for path in ["/api/session", "/api/session/data", "/api/sessions", "/account", "/login", "/"] {
        let status = browser.get(path).await.status;
        assert!(matches!(status, 200 | 303 | 401), "{path}: {status}");
    }
}

async fn sto_4_a_clock_that_leaps_about_makes_no_answer_a_failure(kind: Kind) {
    let app = TestApp::start(kind).await;
    let start = app.clock.now();
    // A few that were counted when it was much later.
    app.clock.advance(YEAR);
    for _ in 0..15 {
        assert_eq!(app.browser().patch("/api/session/data", json!({ "a": 1 })).await.status, 200);
    }
    app.clock.set(start);
    let ada = app.signed_in("ada@example.org").await;
    let hours: [i64; 12] = [0, 9000, -9000, 1, -1, 400_000, -480_000, 0, 24, 23, 25, 24];
    for hour in hours {
        app.clock.set(start + time::Duration::hours(hour));
        poke(&ada).await;
        let visitor = app.browser();
        let started = visitor.patch("/api/session/data", json!({ "a": 1 })).await;
        assert_eq!(started.status, 200, "{}", started.text);
        poke(&visitor).await;
        let signed_in = app.signed_in("ada@example.org").await;
        poke(&signed_in).await;
        app.anteroom.sessions().sweep(500).await.unwrap();
        app.anteroom.sessions().flush().await.unwrap();
    }
}
