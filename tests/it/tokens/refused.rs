//! Access tokens that are refused at `/auth/verify` and `GET /api/session`.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::AUTHORIZATION;

use super::{API, is_accepted, register, remove, token_of, with_token};
use crate::harness::app::{Kind, TestApp, on_one_store};

on_one_store!(
    a_token_for_another_audience_is_refused,
    a_cookie_and_a_token_are_refused_together_or_the_cookie_counts,
    attack_139_what_is_no_token_of_ours_is_refused_with_a_challenge,
    a_token_of_a_client_that_was_removed_is_refused,
);

async fn a_token_for_another_audience_is_refused(kind: Kind) {
    let app = TestApp::start(kind).await;
    register(&app, "Orders", Some(API)).await;
    register(&app, "Pages", None).await;
    let ada = app.signed_in("ada@example.org").await;
    assert!(!is_accepted(&app, &token_of(&ada, Some(API)).await).await);
    let own = app.public_url.clone();
    assert!(is_accepted(&app, &token_of(&ada, Some(&own)).await).await);
}

async fn a_cookie_and_a_token_are_refused_together_or_the_cookie_counts(kind: Kind) {
    let app = TestApp::start(kind).await;
    let (ada, bob) =
        (app.signed_in("ada@example.org").await, app.signed_in("bob@example.org").await);
    let ask = async |path, authorization: &str| {
        let authorization = authorization.to_owned();
        ada.ask(Method::GET, path, |request| request.header(AUTHORIZATION, authorization)).await
    };
    // Without clients the header is none of ours.
    assert_eq!(ask("/api/session", "Bearer of.the.application").await.status, 200);
    register(&app, "Pages", None).await;
    let token = token_of(&bob, None).await;
    for authorization in
        [format!("Bearer {token}"), format!("bearer {token}"), "Bearer x".to_owned()]
    {
        let answer = ask("/api/session", &authorization).await;
        assert_eq!(answer.refusal(), (400, "invalid_input".to_owned()), "{authorization}");
        let check = ask("/auth/verify", &authorization).await;
        assert_eq!(check.header("remote-user"), ada.user_id().await, "{authorization}");
    }
    assert_eq!(ask("/api/session", "Basic YTpi").await.status, 200);
}

async fn attack_139_what_is_no_token_of_ours_is_refused_with_a_challenge(kind: Kind) {
    let app = TestApp::start(kind).await;
    register(&app, "Pages", None).await;
    let ada = app.signed_in("ada@example.org").await;
    let token = token_of(&ada, None).await;
    let (signed, _) = token.rsplit_once('.').unwrap();
    for text in [
        "x",
        "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30.",
        &format!("{signed}."),
        &format!("{token}."),
        &ada.token(),
        &"a".repeat(7000),
    ] {
        assert!(!is_accepted(&app, text).await, "{text}");
    }
    // Two headers, or another scheme: there is no token.
    let visitor = app.browser();
    let twice = visitor.ask(Method::GET, "/api/session", |request| {
        let authorization = format!("Bearer {token}");
        request.header(AUTHORIZATION, authorization.clone()).header(AUTHORIZATION, authorization)
    });
    assert_eq!(twice.await.refusal(), (401, "no_session".to_owned()));
    // A token signs nobody in elsewhere.
    for path in ["/api/account", "/api/sessions", "/api/admin/users"] {
        assert_eq!(with_token(&app, path, &token).await.refusal(), (401, "no_session".to_owned()));
    }
    app.pass(Duration::from_mins(5)).await;
    assert!(!is_accepted(&app, &token).await, "it has expired");
}

async fn a_token_of_a_client_that_was_removed_is_refused(kind: Kind) {
    let app = TestApp::start(kind).await;
    register(&app, "Orders", Some(API)).await;
    register(&app, "Pages", None).await;
    let ada = app.signed_in("ada@example.org").await;
    let token = token_of(&ada, None).await;
    assert!(is_accepted(&app, &token).await && is_accepted(&app, &token).await);
    remove(&app, "Pages").await;
    assert!(!is_accepted(&app, &token).await);
}
