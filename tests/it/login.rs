//! Signing in, by form and by JSON.

use anteroom::accounts::Role;
use serde_json::json;

use crate::harness::app::{DAY, HOUR, Kind, MINUTE, PASSWORD, TestApp, on_one_store};

on_one_store!(
    signing_in_by_json_answers_who_and_in_which_session,
    signing_in_by_form_leads_to_the_account,
    ck_8_remember_me_makes_the_cookie_as_lasting_as_the_session,
    an_administrator_gets_a_browser_session_cookie_whatever_was_ticked,
    ck_1_ck_11_the_cookie_is_set_at_the_start_and_on_no_ordinary_answer,
    a_refusal_never_touches_the_cookie,
    enum_1_unknown_wrong_and_disabled_are_one_and_the_same,
    sid_6_attack_2_a_known_token_is_not_adopted_by_a_sign_in,
    signing_in_again_replaces_the_session_and_hands_its_data_over,
    life_2_attack_18_signing_in_as_somebody_else_carries_nothing_over,
    life_1_what_a_visitor_kept_is_still_there_after_signing_in,
    a_failed_sign_in_leaves_the_session_that_was_there,
);

async fn signing_in_by_json_answers_who_and_in_which_session(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.add("ada@example.org", Role::User).await;
    let browser = app.browser();

    let answer = browser.try_to_sign_in("ADA@example.org ", PASSWORD, false).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    assert_eq!(
        body["user"],
        json!({
            "id": ada.user.id.to_string(),
            "email": "ada@example.org",
            "email_display": "ada@example.org",
            "email_verified": true,
            "name": "Ada",
            "role": "user",
            "groups": [],
            "status": "active",
            "created_at": "2026-11-21T09:00:00Z",
        })
    );
    let mut session = body["session"].clone();
    let id = session["id"].take();
    assert_eq!(
        session,
        json!({
            "id": null,
            "user_id": ada.user.id.to_string(),
            "is_current": true,
            "kind": "user",
            "created_at": "2026-11-21T09:00:00Z",
            "authenticated_at": "2026-11-21T09:00:00Z",
            "last_seen_at": "2026-11-21T09:00:00Z",
            "idle_expires_at": "2026-11-21T10:00:00Z",
            "expires_at": "2026-11-22T09:00:00Z",
            "origin": null,
            "parent_id": null,
            "remember_me": false,
            "methods": ["password"],
            "ip_address": "127.0.0.1",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "device": "Firefox on Linux",
            "last_ip_address": "127.0.0.1",
            "last_user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "last_device": "Firefox on Linux",
        })
    );
    assert_eq!(browser.session_id().await, id);
    assert!(!answer.text.contains(&browser.token()), "the token is in the body");
}

async fn signing_in_by_form_leads_to_the_account(kind: Kind) {
    let app = TestApp::start(kind).await;
    app.add("ada@example.org", Role::User).await;
    let browser = app.browser();
    let fields = [("email", "ada@example.org"), ("password", PASSWORD), ("surplus", "is ignored")];

    let answer = browser.post_form("/login", &fields).await;

    assert_eq!((answer.status, answer.location()), (303, "/account"));
    assert_eq!(answer.set_cookies().len(), 1);
    assert_eq!(browser.get("/account").await.status, 200);
    assert_eq!(browser.session().await["remember_me"], false);

    let wrong = [
        ("email", "ada@example.org"),
        ("password", "<wrong & typed>"),
        ("remember_me", "true"),
        ("next", "/account/sessions"),
    ];
    let answer = app.browser().post_form("/login", &wrong).await;

    assert_eq!(answer.status, 401);
    assert!(answer.header("content-type").starts_with("text/html"));
    assert!(answer.text.contains("ada@example.org"), "what was typed is gone");
    assert!(answer.text.contains("checked"), "the tick is gone");
    assert!(answer.text.contains("/account/sessions"), "next is gone");
    assert!(!answer.text.contains("wrong &amp; typed"), "the password is shown");
    assert!(answer.text.contains("The email address or the password is not right"));
    assert_eq!(answer.set_cookies().len(), 0);
}

async fn ck_8_remember_me_makes_the_cookie_as_lasting_as_the_session(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in_as("ada@example.org", Role::User, true).await;
    assert_eq!(browser.session().await["expires_at"], "2026-12-21T09:00:00Z");

    app.pass(10 * DAY).await;
    let answer = browser.reauthenticate(PASSWORD).await;

    let cookie = answer.set_cookies().concat();
    let twenty_days = 20 * 24 * 60 * 60;
    assert_eq!(
        cookie,
        format!(
            "anteroom={}; HttpOnly; Path=/; SameSite=Lax; Max-Age={twenty_days}",
            browser.token()
        )
    );
}

async fn an_administrator_gets_a_browser_session_cookie_whatever_was_ticked(kind: Kind) {
    let app = TestApp::start(kind).await;
    app.add("root@example.org", Role::Admin).await;
    let browser = app.browser();

    let answer = browser.try_to_sign_in("root@example.org", PASSWORD, true).await;

    assert!(!answer.set_cookies().concat().contains("Max-Age"));
    let session = &answer.json()["session"];
    assert_eq!(session["remember_me"], false);
    assert_eq!(session["idle_expires_at"], "2026-11-21T09:15:00Z");
    assert_eq!(session["expires_at"], "2026-11-21T21:00:00Z");
}

async fn ck_1_ck_11_the_cookie_is_set_at_the_start_and_on_no_ordinary_answer(kind: Kind) {
    let app = TestApp::start_with(kind, |options| {
        "https://auth.example".clone_into(&mut options.public_url);
    })
    .await;
    app.add("ada@example.org", Role::User).await;
    let browser = app.browser();

    let answer = browser.try_to_sign_in("ada@example.org", PASSWORD, false).await;

    let token = browser.token();
    assert_eq!(token.len(), 43);
    assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    assert_eq!(
        answer.set_cookies(),
        [format!("__Host-anteroom={token}; HttpOnly; Path=/; SameSite=Lax; Secure")]
    );
    for path in ["/", "/account", "/account/sessions", "/api/session", "/api/sessions", "/nowhere"]
    {
        app.pass(MINUTE * 2).await;
        assert_eq!(browser.get(path).await.set_cookies().len(), 0, "{path} sets a cookie");
    }
    let kept = browser.patch("/api/session/data", json!({ "a": 1 })).await;
    assert_eq!((kept.status, kept.set_cookies().len()), (200, 0));

    let answer = browser.delete("/api/session").await;
    assert_eq!(
        answer.set_cookies(),
        ["__Host-anteroom=; HttpOnly; Path=/; SameSite=Lax; Secure; Max-Age=0"]
    );
}

async fn a_refusal_never_touches_the_cookie(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    app.pass(2 * HOUR).await;

    for path in ["/api/session", "/account", "/login", "/auth/verify", "/api/session/data"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.set_cookies().len(), 0, "{path} speaks of the cookie");
    }
    assert_eq!(browser.why_not().await, "idle_timeout");
    let answer = browser.try_to_sign_in("ada@example.org", "wrong", false).await;
    assert_eq!((answer.status, answer.set_cookies().len()), (401, 0));
}

async fn enum_1_unknown_wrong_and_disabled_are_one_and_the_same(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    app.add("ada@example.org", Role::User).await;
    let gone = app.signed_in("gone@example.org").await;
    let path = format!("/api/admin/users/{}", gone.user_id().await);
    assert_eq!(root.patch(&path, json!({ "status": "disabled" })).await.status, 200);

    let (mut answers, mut pages) = (Vec::new(), Vec::new());
    for (email, password) in [
        ("ada@example.org", "wrong"),
        ("nobody@example.org", PASSWORD),
        ("gone@example.org", PASSWORD),
        ("gone@example.org", "wrong"),
        ("ada@example.org", &"x".repeat(2000)),
    ] {
        let answer = app.browser().try_to_sign_in(email, password, false).await;
        let mut body = answer.json();
        body["request_id"].take();
        let mut headers = answer.headers.clone();
        headers.remove("x-request-id");
        headers.remove("date");
        answers.push((answer.status, body.to_string(), format!("{headers:?}")));

        let fields = [("email", email), ("password", password)];
        let page = app.browser().post_form("/login", &fields).await;
        pages.push((page.status, page.text.replace(&format!("value=\"{email}\""), "")));
    }
    pages.dedup();
    assert_eq!((pages.len(), pages[0].0), (1, 401), "{pages:#?}");
    assert_eq!(answers[0].0, 401);
    assert!(answers[0].1.contains("invalid_credentials"));
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
}

async fn sid_6_attack_2_a_known_token_is_not_adopted_by_a_sign_in(kind: Kind) {
    let app = TestApp::start(kind).await;
    app.add("ada@example.org", Role::User).await;
    let browser = app.browser();
    let planted = "A".repeat(43);
    browser.hold(&planted);
    assert_eq!(browser.why_not().await, "no_session");
    assert!(app.live_sessions().await.is_empty());

    browser.try_to_sign_in("ada@example.org", PASSWORD, false).await;

    assert!(browser.is_signed_in().await);
    assert_ne!(browser.token(), planted);
    assert_eq!(app.live_sessions().await.len(), 1);
    let thief = app.browser();
    thief.hold(&planted);
    assert_eq!(thief.why_not().await, "no_session");
}

async fn signing_in_again_replaces_the_session_and_hands_its_data_over(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    browser.patch("/api/session/data", json!({ "cart": [1, 2] })).await;
    let (before, id) = (browser.copy(), browser.session_id().await);

    let answer = browser.try_to_sign_in("ada@example.org", PASSWORD, false).await;

    assert_eq!(answer.status, 200);
    assert_eq!(before.why_not().await, "replaced");
    assert_ne!(browser.session_id().await, id);
    assert_eq!(browser.get("/api/session/data").await.json(), json!({ "cart": [1, 2] }));
    assert_eq!(browser.sessions().await.len(), 1);
}

async fn life_2_attack_18_signing_in_as_somebody_else_carries_nothing_over(kind: Kind) {
    let app = TestApp::start(kind).await;
    app.add("bob@example.org", Role::User).await;
    let browser = app.signed_in("ada@example.org").await;
    browser.patch("/api/session/data", json!({ "secret": "of Ada" })).await;
    let before = browser.copy();

    let fields = [("email", "bob@example.org"), ("password", PASSWORD)];
    assert_eq!(browser.post_form("/login", &fields).await.status, 303);

    assert_eq!(before.why_not().await, "signed_out");
    assert_eq!(browser.whoami().await.json()["user"]["email"], "bob@example.org");
    assert_eq!(browser.get("/api/session/data").await.json(), json!({}));
    assert_eq!(app.live_sessions().await.len(), 1);
}

async fn life_1_what_a_visitor_kept_is_still_there_after_signing_in(kind: Kind) {
    let app = TestApp::start(kind).await;
    app.add("ada@example.org", Role::User).await;
    let browser = app.browser();
    assert_eq!(browser.patch("/api/session/data", json!({ "cart": 3 })).await.status, 200);
    let visitor = browser.copy();
    assert_eq!(visitor.why_not().await, "no_session");

    browser.try_to_sign_in("ada@example.org", PASSWORD, true).await;

    assert_eq!(browser.get("/api/session/data").await.json(), json!({ "cart": 3 }));
    assert_eq!(visitor.why_not().await, "replaced");
    assert_eq!(app.live_sessions().await.len(), 1);

    let newcomer = app.browser();
    newcomer.patch("/api/session/data", json!({ "cart": 4 })).await;
    assert_eq!(newcomer.sign_up("new@example.org", PASSWORD).await.status, 201);
    assert_eq!(newcomer.get("/api/session/data").await.json(), json!({ "cart": 4 }));
}

async fn a_failed_sign_in_leaves_the_session_that_was_there(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let token = browser.token();

    assert_eq!(browser.try_to_sign_in("ada@example.org", "wrong", false).await.status, 401);

    assert_eq!(browser.token(), token);
    assert!(browser.is_signed_in().await);
}

#[tokio::test]
async fn an_address_is_normalised_and_an_invalid_one_is_refused() {
    let app = TestApp::start(Kind::Memory).await;
    app.add("ada@example.org", Role::User).await;
    for typed in ["\u{A0}ada@example.org\u{200B}", "\u{3000}ＡＤＡ@example.org\u{FEFF}"] {
        assert_eq!(app.browser().try_to_sign_in(typed, PASSWORD, false).await.status, 200);
        let fields = [("email", typed), ("password", PASSWORD)];
        assert_eq!(app.browser().post_form("/login", &fields).await.status, 303);
    }
    // However often: it says nothing about any account.
    for typed in ["ada", "", "a@b@c", "a\u{200B}da@example.org"] {
        for _ in 0..12 {
            let answer = app.browser().try_to_sign_in(typed, PASSWORD, false).await;
            assert_eq!(answer.refusal(), (422, "invalid_input".to_owned()), "{typed:?}");
            assert!(answer.json()["errors"]["email"]["message"].is_string());
        }
    }
    let page = app.browser().post_form("/login", &[("email", "ada"), ("password", "x")]).await;
    assert_eq!(page.status, 422);
    assert!(page.text.contains("An email address has one @"), "{}", page.text);
}
