//! `/oauth/introspect` and `/oauth/revoke`: what clients ask about tokens.

use serde_json::json;

use super::{API, ask_as, introspect, is_accepted, is_active, register, token_of};
use crate::harness::app::{Kind, TestApp, on_each_store};

on_each_store!(
    a_client_learns_what_a_token_for_it_stands_for_now,
    a_token_is_inactive_once_its_session_has_ended,
    a_revoked_token_is_refused_and_its_session_lives_on,
);

async fn a_client_learns_what_a_token_for_it_stands_for_now(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = register(&app, "Orders", Some(API)).await;
    let (ada, root) =
        (app.signed_in("ada@example.org").await, app.administrator("root@example.org").await);
    let asked = json!({ "audience": API, "scope": "groups" });
    let answer = ada.post("/api/session/token", asked).await.json();
    let token = answer["access_token"].as_str().unwrap().to_owned();
    let without = introspect(&app, &client, &token_of(&ada, Some(API)).await).await;
    assert!(without.get("groups").is_none(), "{without}");
    let told = introspect(&app, &client, &token).await;
    assert_eq!((&told["active"], &told["token_type"]), (&json!(true), &json!("Bearer")));
    assert_eq!((&told["aud"], &told["client_id"]), (&json!(API), &json!(client.id)));
    assert_eq!(told["iss"], app.public_url);
    assert_eq!(told["sub"], ada.user_id().await);
    assert_eq!(told["sid"], ada.session_id().await);
    assert_eq!((&told["roles"], &told["groups"]), (&json!(["user"]), &json!([])));
    let user = format!("/api/admin/users/{}", ada.user_id().await);
    assert_eq!(root.patch(&user, json!({ "groups": ["dev"] })).await.status, 200);
    assert_eq!(introspect(&app, &client, &token).await["groups"], json!(["dev"]));
}

async fn a_token_is_inactive_once_its_session_has_ended(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = register(&app, "Orders", Some(API)).await;
    let (ada, phone) =
        (app.signed_in("ada@example.org").await, app.signed_in("ada@example.org").await);
    let token = token_of(&phone, Some(API)).await;
    assert!(is_active(&app, &client, &token).await && is_active(&app, &client, &token).await);
    assert_eq!(ada.revoke(&phone).await.status, 204);
    assert!(!is_active(&app, &client, &token).await);
}

async fn a_revoked_token_is_refused_and_its_session_lives_on(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = register(&app, "Pages", None).await;
    let ada = app.signed_in("ada@example.org").await;
    let (token, other) = (token_of(&ada, None).await, token_of(&ada, None).await);
    assert!(is_accepted(&app, &token).await && is_active(&app, &client, &token).await);
    for _ in 0..2 {
        let answer = ask_as(&app, &client, "/oauth/revoke", &[("token", &token)]).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""));
        assert!(!is_accepted(&app, &token).await && !is_active(&app, &client, &token).await);
    }
    assert!(is_accepted(&app, &other).await && ada.is_signed_in().await);
}
