//! `/oauth/userinfo`, and what the token of a client opens.

use anteroom::tokens::NewClient;
use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use serde_json::json;

use super::{add, claims, code_of, consent_to, field, tokens_of, trusted};
use crate::harness::app::{Kind, TestApp, on_one_store};
use crate::tokens::{API, is_accepted, token_of, with_token};

on_one_store!(
    the_claims_are_those_of_the_scopes_as_the_account_is_now,
    a_token_without_openid_shows_nobody,
    a_client_that_is_not_trusted_acts_for_nobody,
);

async fn the_claims_are_those_of_the_scopes_as_the_account_is_now(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, NewClient { scopes: vec!["groups".to_owned()], ..trusted() }).await;
    let (ada, root) =
        (app.signed_in("ada@example.org").await, app.administrator("root@example.org").await);
    let token = async |scope: &str| {
        let code = code_of(&ada, &client.id, &[("scope", scope)]).await;
        tokens_of(&app, &client, &code).await["access_token"].as_str().unwrap().to_owned()
    };
    let sub = ada.user_id().await;
    let few = with_token(&app, "/oauth/userinfo", &token("openid").await).await;
    assert_eq!((few.status, few.json()), (200, json!({ "sub": sub })));
    assert_eq!(few.header("cache-control"), "no-store");
    let all = token("openid profile email groups").await;
    assert_eq!(ada.patch("/api/account", json!({ "name": "Ada L." })).await.status, 200);
    let user = format!("/api/admin/users/{sub}");
    assert_eq!(root.patch(&user, json!({ "groups": ["dev"] })).await.status, 200);
    let told = with_token(&app, "/oauth/userinfo", &all).await.json();
    let expected = json!({
        "sub": sub,
        "name": "Ada L.",
        "preferred_username": "ada@example.org",
        "email": "ada@example.org",
        "email_verified": true,
        "groups": ["dev"],
    });
    assert_eq!(told, expected);
    let visitor = app.browser();
    let by_post = visitor.ask(Method::POST, "/oauth/userinfo", |request| {
        request.header(AUTHORIZATION, format!("Bearer {all}"))
    });
    assert_eq!(by_post.await.json(), expected);
    ada.delete("/api/session").await;
    assert_eq!(with_token(&app, "/oauth/userinfo", &all).await.status, 401);
}

async fn a_token_without_openid_shows_nobody(kind: Kind) {
    let app = TestApp::start(kind).await;
    let audiences = vec![API.to_owned(), app.public_url.clone()];
    let client = add(&app, NewClient { audiences, ..trusted() }).await;
    let ada = app.signed_in("ada@example.org").await;
    let without = token_of(&ada, None).await;
    let answer = with_token(&app, "/oauth/userinfo", &without).await;
    assert_eq!(answer.refusal(), (403, "insufficient_scope".to_owned()));
    assert!(answer.header("www-authenticate").contains("insufficient_scope"));
    // A client gets the scope for this, whichever audience its tokens have.
    let told = tokens_of(&app, &client, &code_of(&ada, &client.id, &[]).await).await;
    let token = told["access_token"].as_str().unwrap().to_owned();
    assert_eq!(claims(&told["access_token"])["aud"], API);
    assert_eq!(with_token(&app, "/oauth/userinfo", &token).await.status, 200);
    assert!(!is_accepted(&app, &token).await, "it is for another audience");
    // Neither an ID token nor the cookie is an access token.
    for text in [told["id_token"].as_str().unwrap(), &ada.token()] {
        assert_eq!(with_token(&app, "/oauth/userinfo", text).await.status, 401);
    }
    let answer = ada.get("/oauth/userinfo").await;
    assert_eq!(answer.refusal(), (401, "invalid_token".to_owned()));
}

async fn a_client_that_is_not_trusted_acts_for_nobody(kind: Kind) {
    let app = TestApp::start(kind).await;
    let own = add(&app, trusted()).await;
    let new = NewClient { name: "Third".to_owned(), is_trusted: false, ..trusted() };
    let third = add(&app, new).await;
    let ada = app.signed_in("ada@example.org").await;
    let told = tokens_of(&app, &own, &code_of(&ada, &own.id, &[]).await).await;
    assert!(is_accepted(&app, told["access_token"].as_str().unwrap()).await);

    let answer = consent_to(&ada, &third.id).await;
    let told = tokens_of(&app, &third, field(&super::answer_of(&answer), "code")).await;
    let token = told["access_token"].as_str().unwrap();
    assert!(!is_accepted(&app, token).await && !is_accepted(&app, token).await);
    assert_eq!(with_token(&app, "/oauth/userinfo", token).await.status, 200);
}
