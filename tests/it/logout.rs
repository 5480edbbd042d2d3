//! Signing out.

use reqwest::Method;

use crate::harness::app::{Kind, TestApp, on_every_store};

on_every_store!(
    rev_1_attack_23_signing_out_ends_the_session_for_every_route,
    signing_out_by_form_leads_to_the_sign_in_page,
    rev_4_attack_25_signing_out_is_the_same_whether_or_not_anybody_was_signed_in,
    rev_3_attack_24_looking_at_the_sign_out_page_signs_nobody_out,
    signing_out_leaves_other_sessions_alone,
);

const REMOVAL: &str = "anteroom=; HttpOnly; Path=/; SameSite=Lax; Max-Age=0";

async fn rev_1_attack_23_signing_out_ends_the_session_for_every_route(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let thief = browser.copy();

    let answer = browser.delete("/api/session").await;

    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(answer.set_cookies(), [REMOVAL]);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("clear-site-data"), "\"cache\"");
    assert_eq!(browser.token(), "");
    for path in [
        "/api/session",
        "/api/sessions",
        "/api/session/data",
        "/api/session/events",
        "/api/account",
        "/api/admin/users",
        "/auth/verify",
    ] {
        let refused = thief.get(path).await.refusal();
        assert_eq!(refused, (401, "signed_out".to_owned()), "{path}");
    }
    assert_eq!(thief.get("/reauthenticate").await.location(), "/login");
    for path in ["/account", "/account/sessions"] {
        let answer = thief.get(path).await;
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.location().starts_with("/login?next="), "{path}");
    }
    assert!(app.live_sessions().await.is_empty());
}

async fn signing_out_by_form_leads_to_the_sign_in_page(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let thief = browser.copy();
    assert_eq!(browser.get("/logout").await.status, 200);

    let answer = browser.ask(Method::POST, "/logout", |request| request).await;

    assert_eq!((answer.status, answer.location()), (303, "/login"));
    assert_eq!(answer.set_cookies(), [REMOVAL]);
    assert_eq!(thief.why_not().await, "signed_out");
    assert_eq!(browser.get("/logout").await.location(), "/login");
}

async fn rev_4_attack_25_signing_out_is_the_same_whether_or_not_anybody_was_signed_in(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let (old, bogus, none) = (browser.copy(), app.browser(), app.browser());
    bogus.hold(&"x".repeat(43));
    browser.delete("/api/session").await;

    for browser in [&browser, &old, &bogus, &none] {
        for _ in 0..2 {
            let answer = browser.delete("/api/session").await;
            assert_eq!((answer.status, answer.set_cookies()), (204, vec![REMOVAL]));
            let answer = browser.post_form("/logout", &[]).await;
            assert_eq!((answer.status, answer.location()), (303, "/login"));
        }
    }
}

async fn rev_3_attack_24_looking_at_the_sign_out_page_signs_nobody_out(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;

    for (method, status) in
        [(Method::GET, 200), (Method::HEAD, 200), (Method::OPTIONS, 405), (Method::PUT, 405)]
    {
        let answer = browser.ask(method.clone(), "/logout", |request| request).await;
        assert_eq!((answer.status, answer.set_cookies().len()), (status, 0), "{method}");
    }
    browser.get("/logout?_method=POST").await;
    let as_an_image = |request: reqwest::RequestBuilder| {
        request.header("Sec-Fetch-Site", "cross-site").header("Sec-Fetch-Dest", "image")
    };
    browser.ask(Method::GET, "/logout", as_an_image).await;

    assert!(browser.is_signed_in().await);
}

async fn signing_out_leaves_other_sessions_alone(kind: Kind) {
    let app = TestApp::start(kind).await;
    let laptop = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;

    laptop.delete("/api/session").await;

    assert!(phone.is_signed_in().await);
    assert_eq!(phone.sessions().await.len(), 1);
}
