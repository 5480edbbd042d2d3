//! `/oauth/token`: a code counts once, for its client, its redirect URI and its verifier.

use std::time::Duration;

use anteroom::tokens::NewClient;

use super::{add, code_of, exchange, refusal, tokens_of, trusted};
use crate::harness::app::{Kind, TestApp, on_each_store};
use crate::tokens::{Registered, is_active};

on_each_store!(
    a_code_counts_once_and_a_second_use_ends_what_the_first_gave,
    a_code_counts_for_its_client_redirect_uri_and_verifier_alone,
    a_code_is_void_after_half_a_minute_and_after_the_end_of_its_session,
    a_public_client_has_no_secret_and_needs_the_verifier,
    a_wrong_exchange_says_what_is_wrong,
);

async fn a_code_counts_once_and_a_second_use_ends_what_the_first_gave(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    let ada = app.signed_in("ada@example.org").await;
    let code = code_of(&ada, &client.id, &[]).await;
    let told = tokens_of(&app, &client, &code).await;
    let token = told["access_token"].as_str().unwrap();
    assert!(is_active(&app, &client, token).await);
    for _ in 0..2 {
        let again = exchange(&app, &client, &code, &[]).await;
        assert_eq!(refusal(&again), (400, "invalid_grant".to_owned()));
        assert!(!is_active(&app, &client, token).await);
    }
    assert!(ada.is_signed_in().await);
    // At the same instant, one of two succeeds.
    let code = code_of(&ada, &client.id, &[]).await;
    let (one, other) =
        tokio::join!(exchange(&app, &client, &code, &[]), exchange(&app, &client, &code, &[]));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

async fn a_code_counts_for_its_client_redirect_uri_and_verifier_alone(kind: Kind) {
    let app = TestApp::start(kind).await;
    let both = vec![super::CALLBACK.to_owned(), "https://app.example.org/other".to_owned()];
    let client = add(&app, NewClient { redirect_uris: both, ..trusted() }).await;
    let other = add(&app, NewClient { name: "Other".to_owned(), ..trusted() }).await;
    let ada = app.signed_in("ada@example.org").await;
    let grant = (400, "invalid_grant".to_owned());
    let code = code_of(&ada, &client.id, &[]).await;
    assert_eq!(refusal(&exchange(&app, &other, &code, &[]).await), grant);
    for (name, value) in [
        ("redirect_uri", "https://app.example.org/other"),
        ("redirect_uri", "https://app.example.org/callback/"),
        ("code_verifier", "another-verifier-of-at-least-forty-three-chars"),
    ] {
        let code = code_of(&ada, &client.id, &[]).await;
        let answer = exchange(&app, &client, &code, &[(name, value)]).await;
        assert_eq!(refusal(&answer), grant, "{name}={value}");
    }
    // Nobody else made it, and no part of it is replaced.
    let code = code_of(&ada, &client.id, &[]).await;
    let parts: Vec<&str> = code.split('.').collect();
    let more = code_of(&ada, &client.id, &[("scope", "openid email profile")]).await;
    let of_more: Vec<&str> = more.split('.').collect();
    for text in [
        "x",
        "a.b.c",
        &parts[..2].join("."),
        &[parts[0], of_more[1], of_more[2]].join("."),
        &[parts[0], of_more[1], parts[2]].join("."),
    ] {
        assert_eq!(refusal(&exchange(&app, &client, text, &[]).await), grant, "{text}");
    }
    tokens_of(&app, &client, &code).await;
}

async fn a_code_is_void_after_half_a_minute_and_after_the_end_of_its_session(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    let (ada, phone) =
        (app.signed_in("ada@example.org").await, app.signed_in("ada@example.org").await);
    let grant = (400, "invalid_grant".to_owned());
    let code = code_of(&phone, &client.id, &[]).await;
    assert_eq!(ada.revoke(&phone).await.status, 204);
    assert_eq!(refusal(&exchange(&app, &client, &code, &[]).await), grant);
    let code = code_of(&ada, &client.id, &[]).await;
    app.pass(Duration::from_secs(30)).await;
    assert_eq!(refusal(&exchange(&app, &client, &code, &[]).await), grant);
}

async fn a_public_client_has_no_secret_and_needs_the_verifier(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, NewClient { is_public: true, ..trusted() }).await;
    assert_eq!(client.secret, "");
    let ada = app.signed_in("ada@example.org").await;
    let code = code_of(&ada, &client.id, &[]).await;
    for (name, value) in [("client_secret", "x"), ("client_id", "")] {
        let answer = exchange(&app, &client, &code, &[(name, value)]).await;
        assert_eq!(refusal(&answer), (401, "invalid_client".to_owned()), "{name}");
    }
    tokens_of(&app, &client, &code).await;
    let asked = crate::tokens::ask_as(&app, &client, "/oauth/introspect", &[("token", "x")]).await;
    assert_eq!(asked.status, 401, "introspection is for confidential clients");
}

async fn a_wrong_exchange_says_what_is_wrong(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    let ada = app.signed_in("ada@example.org").await;
    let code = code_of(&ada, &client.id, &[]).await;
    for (name, value, status, error) in [
        ("grant_type", "", 400, "invalid_request"),
        ("grant_type", "password", 400, "unsupported_grant_type"),
        ("grant_type", "refresh_token", 400, "unsupported_grant_type"),
        ("code", "", 400, "invalid_request"),
        ("redirect_uri", "", 400, "invalid_request"),
        ("code_verifier", "", 400, "invalid_request"),
        ("client_secret", "", 401, "invalid_client"),
        ("client_secret", "x", 401, "invalid_client"),
    ] {
        let answer = exchange(&app, &client, &code, &[(name, value)]).await;
        assert_eq!(refusal(&answer), (status, error.to_owned()), "{name}={value}");
    }
    let stranger = Registered { id: "x".to_owned(), secret: "x".to_owned() };
    assert_eq!(exchange(&app, &stranger, &code, &[]).await.status, 401);
    tokens_of(&app, &client, &code).await;
}
