//! How many sessions one person may have.

use std::time::Duration;

use anteroom::accounts::Role;
use anteroom::sessions::{Limit, LimitPolicy};
use serde_json::json;

use crate::harness::app::{HOUR, Kind, PASSWORD, TestApp, on_every_store};

on_every_store!(
    attack_36_the_oldest_sessions_make_room,
    a_policy_that_refuses_keeps_those_who_are_there,
    the_session_that_a_sign_in_replaces_frees_its_place,
    a_session_past_its_time_takes_no_place,
    rev_15_parallel_sign_ins_never_exceed_the_limit,
    parallel_sign_ins_are_refused_beyond_the_limit,
    the_limit_is_of_one_person,
);

async fn limited(kind: Kind, most: u32, policy: LimitPolicy) -> TestApp {
    TestApp::start_with(kind, |options| options.policy.limit = Limit { most, policy }).await
}

async fn attack_36_the_oldest_sessions_make_room(kind: Kind) {
    let app = limited(kind, 3, LimitPolicy::EvictOldest).await;
    let mut browsers = Vec::new();
    for _ in 0..5 {
        browsers.push(app.signed_in("ada@example.org").await);
        app.clock.advance(Duration::from_secs(1));
    }

    let mut answers = Vec::new();
    for browser in &browsers {
        answers.push(browser.why_not().await);
    }
    assert_eq!(answers, ["session_limit", "session_limit", "", "", ""]);
}

async fn a_policy_that_refuses_keeps_those_who_are_there(kind: Kind) {
    let app = limited(kind, 2, LimitPolicy::Refuse).await;
    let laptop = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;

    let third = app.browser();
    let answer = third.try_to_sign_in("ada@example.org", PASSWORD, false).await;
    assert_eq!(answer.refusal(), (409, "session_limit_reached".to_owned()));
    assert_eq!(answer.set_cookies().len(), 0);
    let fields = [("email", "ada@example.org"), ("password", PASSWORD)];
    assert_eq!(third.post_form("/login", &fields).await.status, 409);
    let wrong = third.try_to_sign_in("ada@example.org", "wrong", false).await;
    assert_eq!(wrong.status, 401, "the limit is told to whoever has no password");

    assert!(laptop.is_signed_in().await && phone.is_signed_in().await);
    phone.delete("/api/session").await;
    let answer = third.try_to_sign_in("ada@example.org", PASSWORD, false).await;
    assert_eq!(answer.status, 200);
}

async fn the_session_that_a_sign_in_replaces_frees_its_place(kind: Kind) {
    let app = limited(kind, 1, LimitPolicy::Refuse).await;
    let browser = app.signed_in("ada@example.org").await;

    let again = browser.try_to_sign_in("ada@example.org", PASSWORD, false).await;
    assert_eq!(again.status, 200);
    assert_eq!(app.live_sessions().await.len(), 1);
}

async fn a_session_past_its_time_takes_no_place(kind: Kind) {
    let app = limited(kind, 1, LimitPolicy::Refuse).await;
    app.signed_in("ada@example.org").await;
    app.pass(HOUR).await;

    assert!(app.signed_in("ada@example.org").await.is_signed_in().await);
}

async fn sign_in_at_once(app: &TestApp, times: usize) -> Vec<u16> {
    app.add("ada@example.org", Role::User).await;
    let browsers: Vec<_> = (0..times).map(|_| app.browser()).collect();
    let all = browsers.iter().map(|b| b.try_to_sign_in("ada@example.org", PASSWORD, false));
    futures_util::future::join_all(all).await.iter().map(|answer| answer.status).collect()
}

async fn rev_15_parallel_sign_ins_never_exceed_the_limit(kind: Kind) {
    let app = limited(kind, 5, LimitPolicy::EvictOldest).await;

    let signing_in = sign_in_at_once(&app, 50);
    let watching = async {
        let mut most = 0;
        for _ in 0..200 {
            most = most.max(app.live_sessions().await.len());
            tokio::task::yield_now().await;
        }
        most
    };
    let (statuses, most) = futures_util::future::join(signing_in, watching).await;

    assert_eq!(statuses, [200; 50]);
    assert!(most <= 5, "{most} were live at once");
    assert_eq!(app.live_sessions().await.len(), 5);
}

async fn parallel_sign_ins_are_refused_beyond_the_limit(kind: Kind) {
    let app = limited(kind, 5, LimitPolicy::Refuse).await;

    let mut statuses = sign_in_at_once(&app, 50).await;

    statuses.sort_unstable();
    assert_eq!(statuses[..5], [200; 5]);
    assert_eq!(statuses[5..], [409; 45]);
    assert_eq!(app.live_sessions().await.len(), 5);
}

async fn the_limit_is_of_one_person(kind: Kind) {
    let app = limited(kind, 1, LimitPolicy::EvictOldest).await;
    let ada = app.signed_in("ada@example.org").await;
    let visitor = app.browser();
    visitor.patch("/api/session/data", json!({ "a": 1 })).await;

    let bob = app.signed_in("bob@example.org").await;

    assert!(ada.is_signed_in().await && bob.is_signed_in().await);
    assert_eq!(visitor.get("/api/session/data").await.json(), json!({ "a": 1 }));
}

/// Within the minute in which nothing is written of it.
#[tokio::test]
async fn the_session_in_use_stays_and_the_one_used_least_recently_makes_room() {
    let app = limited(Kind::Database, 3, LimitPolicy::EvictIdle).await;
    let mut browsers = Vec::new();
    for _ in 0..3 {
        browsers.push(app.signed_in("ada@example.org").await);
        app.clock.advance(Duration::from_secs(1));
    }
    assert!(browsers[0].is_signed_in().await);
    app.clock.advance(Duration::from_secs(1));

    app.signed_in("ada@example.org").await;

    let mut answers = Vec::new();
    for browser in &browsers {
        answers.push(browser.why_not().await);
    }
    assert_eq!(answers, ["", "session_limit", ""]);
}
