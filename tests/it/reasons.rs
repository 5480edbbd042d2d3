//! Why a session has ended is told for a day to whoever still holds its token, and to nobody after.

use std::time::Duration;

use anteroom::accounts::Role;
use anteroom::sessions::{Limit, LimitPolicy};
use serde_json::json;

use crate::harness::app::{DAY, HOUR, Kind, OTHER_PASSWORD, PASSWORD, TestApp, on_every_store};
use crate::harness::browser::Browser;
use crate::passkeys;
use crate::second_factors::set_up;

on_every_store!(
    every_reason_is_reported_for_a_day,
    a_reason_outlives_the_sweep,
    the_sign_in_page_says_why_in_words,
    the_sign_in_page_says_that_a_session_is_unknown_and_guesses_no_reason,
);

/// Ends the session of Ada's first browser in the way that `reason` names.
async fn end(app: &TestApp, reason: &str) -> Browser {
    let browser = app.signed_in("ada@example.org").await;
    let old = browser.copy();
    let path = format!("/api/admin/users/{}", browser.user_id().await);
    let admin = |body| async move {
        let root = app.administrator("root@example.org").await;
        assert_eq!(root.patch(&path, body).await.status, 200);
    };
    let status = match reason {
        "idle_timeout" => {
            app.pass(HOUR).await;
            200
        }
        "absolute_timeout" => {
            for _ in 0..25 {
                app.pass(58 * Duration::from_mins(1)).await;
                browser.whoami().await;
            }
            200
        }
        "signed_out" => browser.delete("/api/session").await.status,
        "revoked_by_user" => app.signed_in("ada@example.org").await.revoke(&old).await.status,
        "password_changed" => {
            let phone = app.signed_in("ada@example.org").await;
            phone.change_password(PASSWORD, OTHER_PASSWORD).await.status
        }
        "role_changed" => {
            admin(json!({ "role": "admin" })).await;
            200
        }
        "account_disabled" => {
            admin(json!({ "status": "disabled" })).await;
            200
        }
        "account_deleted" => browser.delete("/api/account").await.status,
        "session_limit" => {
            app.clock.advance(Duration::from_secs(1));
            app.signed_in("ada@example.org").await;
            app.signed_in("ada@example.org").await.whoami().await.status
        }
        "factor_changed" => {
            let phone = app.signed_in("ada@example.org").await;
            set_up(app, &phone).await;
            200
        }
        "credential_removed" => {
            let mut key = passkeys::key(app);
            let id = passkeys::add(&browser, &mut key).await["passkey"]["id"].clone();
            let phone = passkeys::signed_in_with(app, &mut key).await;
            let (old, path) =
                (phone.copy(), format!("/api/account/passkeys/{}", id.as_str().unwrap()));
            assert_eq!(browser.delete(&path).await.status, 204);
            return old;
        }
        "replaced" => browser.reauthenticate(PASSWORD).await.status,
        other => panic!("{other}"),
    };
    assert!(status < 300, "{reason}: {status}");
    old
}

const REASONS: [&str; 12] = [
    "idle_timeout",
    "absolute_timeout",
    "signed_out",
    "revoked_by_user",
    "password_changed",
    "role_changed",
    "account_disabled",
    "account_deleted",
    "session_limit",
    "factor_changed",
    "credential_removed",
    "replaced",
];

async fn app_of(kind: Kind) -> TestApp {
    TestApp::start_with(kind, |options| {
        options.policy.limit = Limit { most: 2, policy: LimitPolicy::EvictOldest };
    })
    .await
}

async fn every_reason_is_reported_for_a_day(kind: Kind) {
    for reason in REASONS {
        let app = app_of(kind).await;
        let old = end(&app, reason).await;

        let answer = old.whoami().await;
        assert_eq!(answer.status, 401, "{reason}");
        let body = answer.json();
        assert_eq!((&body["code"], &body["reason"]), (&json!("session_ended"), &json!(reason)));
        assert_eq!(answer.set_cookies().len(), 0);
        assert_eq!(old.get("/auth/verify").await.refusal(), (401, reason.to_owned()));
        assert_eq!(old.get("/api/session/data").await.refusal(), (401, reason.to_owned()));

        let timeout = reason.ends_with("_timeout");
        app.pass(if timeout { 22 * HOUR } else { DAY }).await;
        assert_eq!(old.why_not().await, reason, "within the day");
        app.pass(if timeout { 3 * HOUR } else { Duration::from_secs(1) }).await;
        assert_eq!(old.why_not().await, "no_session", "{reason}, after the day");
    }
}

async fn a_reason_outlives_the_sweep(kind: Kind) {
    for reason in ["idle_timeout", "revoked_by_user", "replaced"] {
        let app = app_of(kind).await;
        let old = end(&app, reason).await;

        while !app.anteroom.sessions().sweep(1).await.unwrap() {}
        assert_eq!(old.why_not().await, reason);

        app.pass(2 * DAY).await;
        while !app.anteroom.sessions().sweep(1).await.unwrap() {}
        assert_eq!(old.why_not().await, "no_session");
    }
}

async fn the_sign_in_page_says_why_in_words(kind: Kind) {
    for (reason, words) in [
        ("idle_timeout", "was not used for a while"),
        ("absolute_timeout", "reached its longest duration"),
        ("signed_out", "You are signed out"),
        ("revoked_by_user", "was ended from another of your devices"),
        ("password_changed", "Your password was changed"),
        ("role_changed", "Your role was changed"),
        ("account_disabled", "This account is disabled"),
        ("account_deleted", "This account was deleted"),
        ("session_limit", "this session was the oldest of too many"),
        ("factor_changed", "How this account is secured was changed"),
        ("credential_removed", "The passkey that started this session was removed"),
        ("replaced", "This session was renewed"),
    ] {
        let app = app_of(kind).await;
        let old = end(&app, reason).await;

        let page = old.get("/account").await;
        assert_eq!((page.status, page.location()), (303, "/login?next=/account"), "{reason}");
        let page = old.get(page.location()).await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains(words), "{reason}: {}", page.text);
        assert_eq!(page.set_cookies().len(), 0);
    }
    let app = app_of(kind).await;
    app.add("ada@example.org", Role::User).await;
    let page = app.browser().get("/login").await;
    assert!(!page.text.contains("class=\"banner"), "a newcomer is told of an end");
}

async fn the_sign_in_page_says_that_a_session_is_unknown_and_guesses_no_reason(kind: Kind) {
    let app = app_of(kind).await;
    let old = end(&app, "signed_out").await;
    app.pass(2 * DAY).await;
    let banner = async |browser: &Browser| {
        let page = browser.get("/login").await;
        assert_eq!((page.status, page.set_cookies().len()), (200, 0));
        let (_, after) = page.text.split_once("role=\"status\">")?;
        Some(after.split_once("</p>").unwrap().0.to_owned())
    };

    let said = banner(&old).await.unwrap();

    assert!(said.contains("no longer known here"), "{said}");
    assert!(said.contains("ended some time ago, or the server"), "{said}");
    let never_issued = app.browser();
    never_issued.hold(&"a".repeat(43));
    assert_eq!(banner(&never_issued).await.unwrap(), said, "it tells apart what was never issued");
    let malformed = app.browser();
    malformed.hold("a");
    assert_eq!(banner(&malformed).await, None);
    old.try_to_sign_in("ada@example.org", PASSWORD, false).await;
    old.delete("/api/session").await;
    assert_eq!(banner(&old).await, None, "whoever signed out is told of nothing unknown");
}
