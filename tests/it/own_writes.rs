//! Limits on what people write about themselves.

use anteroom::accounts::Role;
use anteroom::throttle::ThrottleOptions;
use serde_json::json;
use sqlx::Row as _;

use crate::harness::app::{Kind, MINUTE, OTHER_PASSWORD, PASSWORD, TestApp};
use crate::harness::browser::Answer;

async fn app() -> TestApp {
    TestApp::start_with(Kind::Database, |options| options.throttles = ThrottleOptions::default())
        .await
}

fn waits(answer: &Answer) -> u64 {
    assert_eq!(answer.refusal(), (429, "too_many_attempts".to_owned()));
    answer.header("retry-after").parse().unwrap()
}

#[tokio::test]
async fn changes_of_ones_own_account_are_limited_together() {
    let app = app().await;
    let ada = app.signed_in("ada@example.org").await;
    let bob = app.signed_in("bob@example.org").await;
    for n in 0..57 {
        assert_eq!(ada.patch("/api/account", json!({ "name": format!("{n}") })).await.status, 200);
    }
    assert_eq!(ada.delete("/api/sessions").await.status, 200);
    assert_eq!(ada.reauthenticate(PASSWORD).await.status, 200);
    assert_eq!(ada.change_password(PASSWORD, OTHER_PASSWORD).await.status, 204);

    let nobody = "/api/sessions/00000000-0000-7000-8000-000000000000";
    for answer in [
        ada.patch("/api/account", json!({ "name": "x" })).await,
        ada.delete("/api/sessions").await,
        ada.delete("/api/sessions?include_current=true").await,
        ada.delete(nobody).await,
        ada.reauthenticate(OTHER_PASSWORD).await,
        ada.change_password(OTHER_PASSWORD, PASSWORD).await,
    ] {
        assert_eq!(waits(&answer), 10);
    }
    let profile = [("name", "x"), ("email", "ada@example.org")];
    for (path, fields) in [
        ("/account/profile", &profile[..]),
        ("/account/sessions/revoke-others", &[]),
        ("/account/sessions/revoke-all", &[]),
        ("/reauthenticate", &[("password", OTHER_PASSWORD)]),
    ] {
        let answer = ada.post_form(path, fields).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, "10"), "{path}");
    }
    assert_eq!(bob.patch("/api/account", json!({ "name": "Bob" })).await.status, 200);
    assert!(ada.is_signed_in().await, "reading is not limited");
    app.clock.advance(MINUTE / 6);
    assert_eq!(ada.patch("/api/account", json!({ "name": "y" })).await.status, 200);
    let elsewhere = app.browser();
    let email = "ada@example.org";
    assert_eq!(elsewhere.try_to_sign_in(email, OTHER_PASSWORD, false).await.status, 200);
    let one = format!("/api/sessions/{}", ada.session_id().await);
    let answer = elsewhere.delete(&one).await;
    assert_eq!(answer.status, 204, "another session can end one that is used up");
    assert_eq!(ada.why_not().await, "revoked_by_user");
}

#[tokio::test]
async fn writes_of_the_data_of_a_session_are_limited() {
    let app = app().await;
    let ada = app.signed_in("ada@example.org").await;
    let mut answers = 0;
    let refused = loop {
        let answer = ada.patch("/api/session/data", json!({ "n": answers })).await;
        if answer.status != 200 {
            break answer;
        }
        answers += 1;
    };
    assert_eq!((waits(&refused), answers), (1, 600));
}

/// An answer to a new address tells whether somebody has it, as one to a sign-up does.
#[tokio::test]
async fn addresses_that_are_asked_for_count_like_sign_ups() {
    let app = app().await;
    app.add("taken@example.org", Role::User).await;
    let ada = app.signed_in("ada@example.org").await;
    let root = app.administrator("root@example.org").await;
    let ask = json!({ "email": "taken@example.org" });
    for _ in 0..10 {
        assert_eq!(ada.patch("/api/account", ask.clone()).await.code(), "email_taken");
    }
    for _ in 0..9 {
        let form = [("name", ""), ("email", "taken@example.org")];
        assert_eq!(ada.post_form("/account/profile", &form).await.status, 409);
    }
    assert_eq!(ada.patch("/api/account", json!({ "email": "ada@x.org" })).await.status, 200);

    waits(&ada.patch("/api/account", ask.clone()).await);
    waits(&app.browser().sign_up("new@example.org", PASSWORD).await);
    assert_eq!(ada.patch("/api/account", json!({ "name": "Ada" })).await.status, 200);
    let own = json!({ "email": "ada@x.org" });
    assert_eq!(ada.patch("/api/account", own).await.status, 200, "the own address asks nothing");
    assert_eq!(root.post("/api/admin/users", ask).await.code(), "email_taken");
}

#[tokio::test]
async fn the_counters_of_an_account_move_with_its_address() {
    let app = app().await;
    let ada = app.signed_in("ada@example.org").await;
    assert_eq!(app.browser().try_to_sign_in("ada@example.org", "wrong", false).await.status, 401);
    let rows = async || {
        let url = format!("sqlite:{}", app.database.display());
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        let count = sqlx::query("SELECT COUNT(*) FROM throttle_counters WHERE scope <> 'signups'");
        let count: i64 = count.fetch_one(&pool).await.unwrap().get(0);
        pool.close().await;
        count
    };
    let before = rows().await;
    for n in 0..5 {
        let email = format!("ada{n}@example.org");
        assert_eq!(ada.patch("/api/account", json!({ "email": email })).await.status, 200);
    }
    assert_eq!(rows().await, before);
}
