//! Access tokens at `/auth/verify` and `GET /api/session`.

use std::time::Duration;

use anteroom::accounts::Role;
use serde_json::json;

use super::{is_accepted, register, token_of, with_token};
use crate::harness::app::{Kind, OTHER_PASSWORD, PASSWORD, TestApp, on_each_store};

on_each_store!(
    a_token_shows_the_user_as_the_cookie_does,
    jwt_10_a_token_ends_with_its_session_however_that_ends,
    jwt_10_a_token_ends_with_the_account_and_follows_its_role_and_groups,
    a_token_outlives_a_change_of_the_password_by_its_own_session_only,
    a_request_with_a_token_is_activity_of_the_session,
);

async fn a_token_shows_the_user_as_the_cookie_does(kind: Kind) {
    let app = TestApp::start(kind).await;
    register(&app, "Pages", None).await;
    let ada = app.signed_in("ada@example.org").await;
    let token = token_of(&ada, None).await;
    // Twice: the second is answered from memory.
    for _ in 0..2 {
        let (by_token, by_cookie) =
            (with_token(&app, "/api/session", &token).await.json(), ada.whoami().await.json());
        assert_eq!(by_token["user"], by_cookie["user"]);
        assert_eq!(by_token["session"]["id"], by_cookie["session"]["id"]);
        let check = with_token(&app, "/auth/verify", &token).await;
        assert_eq!((check.status, check.text.as_str()), (200, ""));
        assert_eq!(check.header("remote-user"), ada.user_id().await);
        assert_eq!(check.header("remote-groups"), "user");
        assert!(check.set_cookies().is_empty());
    }
}

async fn jwt_10_a_token_ends_with_its_session_however_that_ends(kind: Kind) {
    let app = TestApp::start(kind).await;
    register(&app, "Pages", None).await;
    let ada = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;
    let tablet = app.signed_in("ada@example.org").await;
    let tokens =
        [token_of(&ada, None).await, token_of(&phone, None).await, token_of(&tablet, None).await];
    for token in &tokens {
        assert!(is_accepted(&app, token).await && is_accepted(&app, token).await);
    }
    // Signed out.
    tablet.delete("/api/session").await;
    assert!(!is_accepted(&app, &tokens[2]).await);
    // Revoked by its user.
    assert_eq!(ada.revoke(&phone).await.status, 204);
    assert!(!is_accepted(&app, &tokens[1]).await);
    assert!(is_accepted(&app, &tokens[0]).await);
    // Idle.
    let fresh = token_of(&ada, None).await;
    app.pass(Duration::from_secs(3601)).await;
    assert!(!is_accepted(&app, &fresh).await);
}

async fn jwt_10_a_token_ends_with_the_account_and_follows_its_role_and_groups(kind: Kind) {
    let app = TestApp::start(kind).await;
    register(&app, "Pages", None).await;
    let (ada, root) =
        (app.signed_in("ada@example.org").await, app.administrator("root@example.org").await);
    let user = format!("/api/admin/users/{}", ada.user_id().await);
    let token = token_of(&ada, None).await;
    assert!(is_accepted(&app, &token).await);
    assert_eq!(root.patch(&user, json!({ "groups": ["dev"] })).await.status, 200);
    let check = with_token(&app, "/auth/verify", &token).await;
    assert_eq!(check.header("remote-groups"), "user,dev");

    assert_eq!(root.patch(&user, json!({ "role": "admin" })).await.status, 200);
    assert!(!is_accepted(&app, &token).await, "after a change of role");
    let ada = app.signed_in_as("ada@example.org", Role::Admin, false).await;
    let token = token_of(&ada, None).await;
    assert!(is_accepted(&app, &token).await);
    assert_eq!(root.patch(&user, json!({ "status": "disabled" })).await.status, 200);
    assert!(!is_accepted(&app, &token).await, "of a disabled account");
    assert_eq!(root.patch(&user, json!({ "status": "active" })).await.status, 200);
    assert!(!is_accepted(&app, &token).await, "of an account that was disabled");
}

async fn a_token_outlives_a_change_of_the_password_by_its_own_session_only(kind: Kind) {
    let app = TestApp::start(kind).await;
    register(&app, "Pages", None).await;
    let (ada, phone) =
        (app.signed_in("ada@example.org").await, app.signed_in("ada@example.org").await);
    let (own, other) = (token_of(&ada, None).await, token_of(&phone, None).await);
    assert!(is_accepted(&app, &own).await && is_accepted(&app, &other).await);
    assert_eq!(ada.change_password(PASSWORD, OTHER_PASSWORD).await.status, 204);
    assert!(is_accepted(&app, &own).await);
    assert!(!is_accepted(&app, &other).await);
}

async fn a_request_with_a_token_is_activity_of_the_session(kind: Kind) {
    let app = TestApp::start(kind).await;
    register(&app, "Pages", None).await;
    let ada = app.signed_in("ada@example.org").await;
    let token = token_of(&ada, None).await;
    for _ in 0..4 {
        app.pass(Duration::from_mins(1)).await;
        assert!(is_accepted(&app, &token).await);
    }
    app.pass(Duration::from_mins(59)).await;
    assert!(ada.is_signed_in().await, "its last activity was the token's");
}
