//! `POST /api/session/token`.

use anteroom::tokens::Algorithm;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{API, register, register_with, token_of};
use crate::harness::app::{Kind, TestApp, on_one_store};

on_one_store!(
    a_token_is_signed_for_a_live_session_and_a_known_audience,
    there_are_no_tokens_before_the_first_client_or_when_they_are_off,
    a_token_expires_with_the_setting_and_with_its_session,
    the_issue_is_in_the_audit_trail_without_the_token,
    an_audience_without_a_client_and_a_foreign_scope_are_errors_of_their_fields,
);

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

async fn a_token_is_signed_for_a_live_session_and_a_known_audience(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = register(&app, "Orders", Some(API)).await;
    let ada = app.signed_in("ada@example.org").await;
    let body = json!({ "audience": API, "scope": "orders:read groups orders:read" });
    let answer = ada.post("/api/session/token", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    let told = answer.json();
    assert_eq!((&told["token_type"], &told["expires_in"]), (&json!("Bearer"), &json!(300)));
    assert!(told.get("refresh_token").is_none());
    let claims = claims(told["access_token"].as_str().unwrap());
    assert_eq!(claims["iss"], app.public_url);
    assert_eq!(claims["sub"], ada.user_id().await);
    assert_eq!(claims["sid"], ada.session_id().await);
    assert_eq!((&claims["aud"], &claims["client_id"]), (&json!(API), &json!(client.id)));
    assert_eq!(claims["scope"], "orders:read groups");
    assert_eq!((&claims["amr"], &claims["roles"]), (&json!(["pwd"]), &json!(["user"])));
    assert_eq!(claims["groups"], json!([]));

    let visitor = app.browser().post("/api/session/token", json!({ "audience": API })).await;
    assert_eq!(visitor.refusal(), (401, "no_session".to_owned()));
    ada.delete("/api/session").await;
    let ended = ada.post("/api/session/token", json!({ "audience": API })).await;
    assert_eq!(ended.status, 401);
}

async fn there_are_no_tokens_before_the_first_client_or_when_they_are_off(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    let paths = ["/oauth/jwks", "/.well-known/oauth-authorization-server"];
    for path in paths {
        assert_eq!(app.browser().get(path).await.refusal(), (404, "not_found".to_owned()));
    }
    for path in ["/api/session/token", "/oauth/introspect", "/oauth/revoke"] {
        assert_eq!(ada.post(path, json!({})).await.status, 404, "{path}");
    }
    register(&app, "Orders", Some(API)).await;
    for path in paths {
        assert_eq!(app.browser().get(path).await.status, 200, "{path}");
    }

    let off = TestApp::start_with(kind, |options| options.access_token_lifetime = None).await;
    register(&off, "Orders", Some(API)).await;
    let ada = off.signed_in("ada@example.org").await;
    let answer = ada.post("/api/session/token", json!({ "audience": API })).await;
    assert_eq!(answer.status, 404);
    assert_eq!(off.browser().get("/oauth/jwks").await.status, 404);
}

async fn a_token_expires_with_the_setting_and_with_its_session(kind: Kind) {
    let hour = std::time::Duration::from_hours(1);
    let app = TestApp::start_with(kind, |options| {
        options.access_token_lifetime = Some(hour);
        options.policy.standard.absolute = hour;
    })
    .await;
    register(&app, "Orders", Some(API)).await;
    let ada = app.signed_in("ada@example.org").await;
    let first = claims(&token_of(&ada, Some(API)).await);
    app.pass(std::time::Duration::from_mins(20)).await;
    let second = claims(&token_of(&ada, Some(API)).await);
    assert_eq!(first["exp"], second["exp"]);
    assert_eq!(second["exp"].as_u64().unwrap() - second["iat"].as_u64().unwrap(), 40 * 60);
    assert_eq!(first["auth_time"], second["auth_time"]);
}

async fn the_issue_is_in_the_audit_trail_without_the_token(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = register(&app, "Orders", Some(API)).await;
    let ada = app.signed_in("ada@example.org").await;
    let token = token_of(&ada, Some(API)).await;
    let root = app.administrator("root@example.org").await;
    let told = root.get("/api/admin/audit?kind=token_issued").await;
    let events = told.json()["events"].as_array().unwrap().clone();
    assert_eq!(events.len(), 1, "{}", told.text);
    let details = &events[0]["details"];
    assert_eq!((&details["client"], &details["audience"]), (&json!(client.id), &json!(API)));
    assert_eq!(details["token"], claims(&token)["jti"]);
    let signature = token.rsplit('.').next().unwrap();
    assert!(!told.text.contains(signature));
}

async fn an_audience_without_a_client_and_a_foreign_scope_are_errors_of_their_fields(kind: Kind) {
    let app = TestApp::start(kind).await;
    register_with(&app, "Orders", Some(API), Algorithm::EdDsa).await;
    let ada = app.signed_in("ada@example.org").await;
    for (body, field) in [
        (json!({ "audience": "https://other.example.org" }), "audience"),
        (json!({ "audience": "" }), "audience"),
        (json!({ "audience": format!("{API}/") }), "audience"),
        // No client is for the public URL.
        (json!({}), "audience"),
        (json!({ "audience": API, "scope": "admin" }), "scope"),
        (json!({ "audience": API, "scope": "orders:read\tadmin" }), "scope"),
    ] {
        let answer = ada.post("/api/session/token", body.clone()).await;
        assert_eq!(answer.refusal(), (422, "invalid_input".to_owned()), "{body}");
        assert!(answer.json()["errors"].get(field).is_some(), "{}", answer.text);
    }
    for body in [json!({ "audience": 7 }), json!({ "audience": null }), json!({ "aud": API })] {
        let answer = ada.post("/api/session/token", body.clone()).await;
        assert_eq!(answer.refusal(), (400, "malformed_body".to_owned()), "{body}");
    }
}
