//! `prompt`, `max_age` and `acr_values`.

use std::time::Duration;

use anteroom::tokens::NewClient;

use super::{add, answer_of, authorize, claims, code_of, error_of, field, tokens_of, trusted};
use crate::harness::app::{Kind, MINUTE, PASSWORD, TestApp, on_one_store};

on_one_store!(
    oidcc_prompt_none_not_logged_in,
    oidcc_prompt_none_logged_in,
    oidcc_prompt_login,
    oidcc_max_age_1,
    oidcc_max_age_10000,
    a_silent_request_is_refused_where_a_page_would_be_needed,
    oidcc_display_and_other_parameters_are_passed_over,
);

async fn oidcc_prompt_none_not_logged_in(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    let answer = app.browser().get(&authorize(&client.id, &[("prompt", "none")])).await;
    assert_eq!(error_of(&answer), "login_required");
}

async fn oidcc_prompt_none_logged_in(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    let ada = app.signed_in("ada@example.org").await;
    code_of(&ada, &client.id, &[("prompt", "none")]).await;
}

async fn oidcc_prompt_login(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    let ada = app.signed_in("ada@example.org").await;
    let first = tokens_of(&app, &client, &code_of(&ada, &client.id, &[]).await).await;
    app.pass(Duration::from_secs(10)).await;
    let answer = ada.get(&authorize(&client.id, &[("prompt", "login")])).await;
    assert_eq!(answer.status, 303);
    let next = "/reauthenticate?next=/oauth/authorize";
    assert!(answer.location().starts_with(next), "{}", answer.location());
    let path = next_of(answer.location());
    // Whoever goes on without it is asked again.
    let skipped = ada.get(&path).await;
    assert!(skipped.location().starts_with(next), "{}", skipped.location());
    assert_eq!(ada.reauthenticate(PASSWORD).await.status, 200);
    let answer = ada.get(&path).await;
    let second = tokens_of(&app, &client, field(&answer_of(&answer), "code")).await;
    let at =
        |tokens: &serde_json::Value| claims(&tokens["id_token"])["auth_time"].as_u64().unwrap();
    assert!(at(&second) > at(&first));
}

/// The path that a page leads to afterwards.
fn next_of(location: &str) -> String {
    let query = location.split_once('?').unwrap().1;
    let fields = url::form_urlencoded::parse(query.as_bytes());
    fields.into_owned().find(|(name, _)| name == "next").unwrap().1
}

async fn oidcc_max_age_1(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    let ada = app.signed_in("ada@example.org").await;
    app.pass(Duration::from_secs(3)).await;
    let answer = ada.get(&authorize(&client.id, &[("max_age", "1")])).await;
    assert!(answer.location().starts_with("/reauthenticate?next="), "{}", answer.location());
    let silent = ada.get(&authorize(&client.id, &[("max_age", "1"), ("prompt", "none")])).await;
    assert_eq!(error_of(&silent), "login_required");
    assert_eq!(ada.reauthenticate(PASSWORD).await.status, 200);
    let answer = ada.get(&next_of(answer.location())).await;
    assert!(!field(&answer_of(&answer), "code").is_empty());
}

async fn oidcc_max_age_10000(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    let ada = app.signed_in("ada@example.org").await;
    app.pass(2 * MINUTE).await;
    let code = code_of(&ada, &client.id, &[("max_age", "10000")]).await;
    let told = tokens_of(&app, &client, &code).await;
    let id = claims(&told["id_token"]);
    assert!(id["iat"].as_u64().unwrap() - id["auth_time"].as_u64().unwrap() >= 120);
}

async fn a_silent_request_is_refused_where_a_page_would_be_needed(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, NewClient { is_trusted: false, ..trusted() }).await;
    let ada = app.signed_in("ada@example.org").await;
    let answer = ada.get(&authorize(&client.id, &[("prompt", "none")])).await;
    assert_eq!(error_of(&answer), "consent_required");
}

async fn oidcc_display_and_other_parameters_are_passed_over(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    let ada = app.signed_in("ada@example.org").await;
    for (name, value) in [
        ("display", "popup"),
        ("ui_locales", "se"),
        ("claims_locales", "se"),
        ("login_hint", "ada@example.org"),
        ("acr_values", "1 2"),
        ("extra", "foobar"),
    ] {
        code_of(&ada, &client.id, &[(name, value)]).await;
    }
}
