//! One's own sessions, seen and ended.

use std::time::Duration;

use futures_util::future::join;
use reqwest::Method;

use crate::harness::app::{Kind, MINUTE, PASSWORD, TestApp, on_every_store};
use crate::harness::browser::Browser;

on_every_store!(
    rev_6_the_list_shows_every_device_newest_activity_first,
    revoking_a_session_signs_that_browser_out_and_no_other,
    revoking_ones_own_session_leaves_the_cookie_to_say_why,
    rev_7_attack_32_sessions_of_others_are_nobodys_business,
    rev_8_revoking_the_others_rotates_this_one,
    revoking_all_ends_this_one_too,
    attack_41_two_tabs_that_end_all_others_leave_at_most_one_session,
    two_devices_that_end_all_others_leave_at_most_one_session,
    two_parallel_reauthentications_leave_one_token,
    the_pages_end_sessions_too,
    a_revoked_session_cannot_be_brought_back_by_a_request_under_way,
);

const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 \
                      (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";

async fn sign_in_with_agent(app: &TestApp, agent: &str) -> Browser {
    let browser = app.browser();
    let body = serde_json::json!({ "email": "ada@example.org", "password": PASSWORD });
    let answer = browser
        .ask(Method::POST, "/api/session", |request| {
            request.header("User-Agent", agent).json(&body)
        })
        .await;
    assert_eq!(answer.status, 200);
    browser
}

async fn rev_6_the_list_shows_every_device_newest_activity_first(kind: Kind) {
    let app = TestApp::start(kind).await;
    let laptop = app.signed_in("ada@example.org").await;
    app.signed_in("bob@example.org").await;
    app.pass(MINUTE).await;
    sign_in_with_agent(&app, SAFARI).await;
    app.pass(MINUTE).await;
    sign_in_with_agent(&app, "curl/8.1 <script>alert(1)</script>").await;
    app.pass(MINUTE).await;
    laptop.whoami().await;

    let listed = laptop.sessions().await;

    let short: Vec<_> = listed
        .iter()
        .map(|session| (session["device"].as_str().unwrap(), session["is_current"] == true))
        .collect();
    assert_eq!(short, [("Firefox on Linux", true), ("curl", false), ("Safari on iPhone", false)]);
    assert_eq!(listed[1]["user_agent"], "curl/8.1 <script>alert(1)</script>");
    assert_eq!(listed[0]["last_seen_at"], "2026-11-21T09:03:00Z");

    let page = laptop.get("/account/sessions").await;
    assert!(page.text.contains("Safari on iPhone") && page.text.contains("127.0.0.1"));
    assert!(!page.text.contains("<script>"), "an agent is not escaped");
    assert_eq!(page.text.matches("This device").count(), 1);
}

async fn revoking_a_session_signs_that_browser_out_and_no_other(kind: Kind) {
    let app = TestApp::start(kind).await;
    let laptop = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;
    let tablet = app.signed_in("ada@example.org").await;
    let path = format!("/api/sessions/{}", phone.session_id().await);

    let answer = laptop.delete(&path).await;

    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(answer.set_cookies().len(), 0);
    assert_eq!(phone.why_not().await, "revoked_by_user");
    assert!(laptop.is_signed_in().await && tablet.is_signed_in().await);
    assert_eq!(laptop.delete(&path).await.refusal(), (404, "not_found".to_owned()));
}

async fn revoking_ones_own_session_leaves_the_cookie_to_say_why(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;

    let answer = browser.revoke(&browser).await;

    assert_eq!(answer.status, 204);
    assert!(answer.set_cookies().is_empty());
    assert_eq!(browser.why_not().await, "revoked_by_user");
}

async fn rev_7_attack_32_sessions_of_others_are_nobodys_business(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    let bob = app.signed_in("bob@example.org").await;
    let of_bob = bob.session_id().await;
    let long = "9".repeat(5000);

    let upper = of_bob.to_uppercase();
    for id in [
        of_bob.as_str(),
        &upper,
        "00000000-0000-7000-8000-000000000000",
        "*",
        "%2e%2e",
        "%00",
        "%ff",
        "me",
        "current",
        &long,
        &bob.token(),
    ] {
        let answer = ada.delete(&format!("/api/sessions/{id}")).await;
        assert_eq!(answer.refusal(), (404, "not_found".to_owned()), "{id}");
        let page = ada.post_form(&format!("/account/sessions/{id}/revoke"), &[]).await;
        assert!([303, 404].contains(&page.status), "{id}: {}", page.status);
    }

    let huge = ada.delete(&format!("/api/sessions/{}", "9".repeat(10_000))).await;
    assert_eq!(huge.status, 414);
    assert_eq!(ada.delete("/api/sessions/").await.status, 404, "no handle at all");

    assert!(bob.is_signed_in().await);
    assert_eq!(ada.sessions().await.len(), 1);
    assert_eq!(app.browser().delete(&format!("/api/sessions/{of_bob}")).await.status, 401);
}

async fn rev_8_revoking_the_others_rotates_this_one(kind: Kind) {
    let app = TestApp::start(kind).await;
    let laptop = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;
    let tablet = app.signed_in("ada@example.org").await;
    let bob = app.signed_in("bob@example.org").await;
    let (old, id) = (laptop.copy(), laptop.session_id().await);
    app.pass(MINUTE).await;

    let answer = laptop.delete("/api/sessions").await;

    assert_eq!((answer.status, answer.json()), (200, serde_json::json!({ "revoked": 2 })));
    assert_eq!(
        answer.set_cookies(),
        [format!("anteroom={}; HttpOnly; Path=/; SameSite=Lax", laptop.token())]
    );
    assert_eq!(old.why_not().await, "replaced");
    assert_eq!(phone.why_not().await, "revoked_by_user");
    assert_eq!(tablet.why_not().await, "revoked_by_user");
    assert!(bob.is_signed_in().await);
    let session = laptop.session().await;
    assert_eq!(session["id"], id);
    // Ending sessions proves nothing about who does it.
    assert_eq!(session["authenticated_at"], "2026-11-21T09:00:00Z");
    assert_eq!(laptop.delete("/api/sessions").await.json()["revoked"], 0);
}

async fn revoking_all_ends_this_one_too(kind: Kind) {
    let app = TestApp::start(kind).await;
    let laptop = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;
    let old = laptop.copy();
    for query in ["include_current=yes", "include_current=true&include_current=true"] {
        assert_eq!(laptop.delete(&format!("/api/sessions?{query}")).await.status, 400);
    }

    let answer = laptop.delete("/api/sessions?include_current=true").await;

    assert_eq!((answer.status, answer.json()["revoked"].as_u64()), (200, Some(2)));
    assert!(answer.set_cookies().concat().ends_with("; Max-Age=0"));
    assert_eq!(old.why_not().await, "revoked_by_user");
    assert_eq!(phone.why_not().await, "revoked_by_user");
    assert!(app.live_sessions().await.is_empty());
    assert!(app.signed_in("ada@example.org").await.is_signed_in().await);
}

/// How many of the tokens are live, each counted once.
async fn live_tokens(browsers: &[&Browser]) -> usize {
    let mut tokens = std::collections::BTreeSet::new();
    for browser in browsers {
        if browser.is_signed_in().await {
            tokens.insert(browser.token());
        }
    }
    tokens.len()
}

async fn attack_41_two_tabs_that_end_all_others_leave_at_most_one_session(kind: Kind) {
    let app = TestApp::start(kind).await;
    for _ in 0..20 {
        let one = app.signed_in("ada@example.org").await;
        let (other, old) = (one.copy(), one.copy());

        join(one.delete("/api/sessions"), other.delete("/api/sessions")).await;

        assert!(live_tokens(&[&one, &other, &old]).await <= 1);
        assert!(!old.is_signed_in().await);
        assert!(app.live_sessions().await.len() <= 1);
    }
}

async fn two_devices_that_end_all_others_leave_at_most_one_session(kind: Kind) {
    let app = TestApp::start(kind).await;
    for _ in 0..20 {
        let one = app.signed_in("ada@example.org").await;
        let other = app.signed_in("ada@example.org").await;
        let (old_one, old_other) = (one.copy(), other.copy());

        join(one.delete("/api/sessions"), other.delete("/api/sessions")).await;

        assert!(live_tokens(&[&one, &other, &old_one, &old_other]).await <= 1);
        assert!(app.live_sessions().await.len() <= 1);
    }
}

async fn two_parallel_reauthentications_leave_one_token(kind: Kind) {
    let app = TestApp::start(kind).await;
    for _ in 0..10 {
        let one = app.signed_in("ada@example.org").await;
        let (other, old) = (one.copy(), one.copy());

        let (first, second) =
            join(one.reauthenticate(PASSWORD), other.reauthenticate(PASSWORD)).await;

        let mut told = [first.refusal(), second.refusal()];
        told.sort();
        assert_eq!(told, [(200, String::new()), (401, "replaced".to_owned())]);
        assert_eq!(live_tokens(&[&one, &other, &old]).await, 1);
        assert_eq!(old.why_not().await, "replaced");
    }
}

async fn the_pages_end_sessions_too(kind: Kind) {
    let app = TestApp::start(kind).await;
    let laptop = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;
    let tablet = app.signed_in("ada@example.org").await;

    let path = format!("/account/sessions/{}/revoke", phone.session_id().await);
    let answer = laptop.post_form(&path, &[]).await;
    assert_eq!((answer.status, answer.location()), (303, "/account/sessions?done=one"));
    assert_eq!(phone.why_not().await, "revoked_by_user");
    let again = laptop.post_form(&path, &[]).await;
    assert_eq!(again.status, 404);
    assert!(again.text.contains(&laptop.session_id().await), "the list is shown again");

    let before = laptop.copy();
    let answer = laptop.post_form("/account/sessions/revoke-others", &[]).await;
    assert_eq!((answer.status, answer.location()), (303, "/account/sessions?done=1"));
    assert_eq!(tablet.why_not().await, "revoked_by_user");
    assert_eq!(before.why_not().await, "replaced");
    assert_eq!(laptop.get(answer.location()).await.status, 200);

    let path = format!("/account/sessions/{}/revoke", laptop.session_id().await);
    let own = laptop.post_form(&path, &[]).await;
    assert!(own.location().starts_with("/login"), "{}", own.location());
    assert_eq!(laptop.why_not().await, "revoked_by_user");
    let nobody = laptop.post_form("/account/sessions/revoke-others", &[]).await;
    assert_eq!((nobody.status, nobody.location()), (303, "/login?next=/account/sessions"));
}

async fn a_revoked_session_cannot_be_brought_back_by_a_request_under_way(kind: Kind) {
    let app = TestApp::start(kind).await;
    let laptop = app.signed_in("ada@example.org").await;
    for _ in 0..10 {
        let phone = app.signed_in("ada@example.org").await;
        let other = phone.copy();
        app.clock.advance(Duration::from_secs(2));
        let data = serde_json::json!({ "a": 1 });

        let revoked = async { laptop.revoke(&other).await };
        let (revoked, _) = join(revoked, phone.patch("/api/session/data", data)).await;

        assert_eq!(revoked.status, 204);
        app.anteroom.sessions().flush().await.unwrap();
        assert_eq!(phone.why_not().await, "revoked_by_user");
        assert_eq!(app.live_sessions().await.len(), 1);
    }
}
