//! Deleting passkeys.

use serde_json::json;

use super::authenticator::{add, ids, key, options, refused, send, sign_in_with, signed_in_with};
use crate::harness::app::{Kind, MINUTE, PASSWORD, TestApp, on_every_store};
use crate::second_factors::set_up;

const ADA: &str = "ada@example.org";

on_every_store!(
    n_11_deleting_a_passkey_ends_exactly_the_sessions_that_it_started,
    pk_7_deleting_needs_a_factor_and_the_last_one_takes_the_recovery_codes,
    a_sign_in_at_the_instant_of_the_deletion_does_not_survive,
);

async fn n_11_deleting_a_passkey_ends_exactly_the_sessions_that_it_started(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let (mut first, mut second) = (key(&app), key(&app));
    add(&ada, &mut first).await;
    add(&ada, &mut second).await;
    let [of_first, of_second] =
        [signed_in_with(&app, &mut first).await, signed_in_with(&app, &mut second).await];
    let both = app.browser();
    both.try_to_sign_in(ADA, PASSWORD, false).await;
    let proof = json!({ "credential": first.prove(&options(&both).await, &[]) });
    assert_eq!(both.post("/api/session/second-factor", proof).await.status, 200);
    // A proof moves nothing: another passkey than the one that started the session.
    let proof = json!({ "credential": second.prove(&options(&of_first).await, &[]) });
    assert_eq!(of_first.post("/api/session/reauthenticate", proof).await.status, 200);
    // Remembered, where it can be.
    for browser in [&ada, &of_first, &of_second, &both] {
        assert!(browser.is_signed_in().await);
    }
    let [gone, _] = <[String; 2]>::try_from(ids(&ada).await).unwrap();

    let answer = ada.delete(&format!("/api/account/passkeys/{gone}")).await;

    assert_eq!(answer.status, 204, "{}", answer.text);
    assert_eq!(of_first.why_not().await, "credential_removed");
    assert_eq!(both.why_not().await, "credential_removed");
    assert!(ada.is_signed_in().await && of_second.is_signed_in().await);
    assert_eq!(ada.sessions().await.len(), 2);
    assert_eq!(sign_in_with(&app.browser(), &mut first, &[]).await.refusal(), refused());
    // The page lets the browser forget it.
    let form = app.browser();
    let credential = first.prove(&options(&form).await, &[]).to_string();
    let page = form.post_form("/login", &[("credential", &credential)]).await;
    assert_eq!(page.status, 401);
    assert!(page.text.contains("data-unknown-passkey="), "{}", page.text);
    assert_eq!(ids(&ada).await.len(), 1);
    let root = app.administrator("root@example.org").await;
    let events = root.get("/api/admin/audit?kind=session_ended&limit=50").await.text;
    assert_eq!(events.matches("credential_removed").count(), 2, "{events}");
}

async fn pk_7_deleting_needs_a_factor_and_the_last_one_takes_the_recovery_codes(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let mut key = key(&app);
    let id = add(&ada, &mut key).await["passkey"]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/account/passkeys/{id}");
    app.pass(11 * MINUTE).await;
    assert_eq!(ada.reauthenticate(PASSWORD).await.status, 200);
    let required = (403, "reauthentication_required".to_owned());
    assert_eq!(ada.delete(&path).await.refusal(), required);
    let form = format!("/account/second-factor/passkeys/{id}/remove");
    let by_form = ada.post_form(&form, &[]).await;
    assert_eq!(by_form.location(), "/reauthenticate?next=/account/second-factor");
    let page = ada.get(by_form.location()).await;
    assert!(page.text.contains("action=\"/reauthenticate\" class=\"by-passkey\""));
    let credential = key.prove(&options(&ada).await, &[]).to_string();
    let proven = ada.post_form("/reauthenticate", &[("credential", &credential)]).await;
    assert_eq!(proven.status, 303);
    let (authenticator, _) = set_up(&app, &ada).await;
    let removed = ada.post_form(&form, &[]).await;
    assert_eq!(removed.location(), "/account/second-factor?done=passkey-removed");
    let left = ada.get("/api/account/factors").await.json();
    assert_eq!(left["recovery_codes_left"], 10, "the app has them still");
    add(&ada, &mut self::key(&app)).await;
    assert_eq!(ada.delete("/api/account/totp").await.status, 204);
    assert_eq!(ada.get("/api/account/factors").await.json()["recovery_codes_left"], 10);
    let [last] = <[String; 1]>::try_from(ids(&ada).await).unwrap();
    assert_eq!(ada.delete(&format!("/api/account/passkeys/{last}")).await.status, 204);
    assert_eq!(ada.get("/api/account/factors").await.json()["recovery_codes_left"], 0);
    drop(authenticator);
    let browser = app.browser();
    assert_eq!(browser.try_to_sign_in(ADA, PASSWORD, false).await.status, 200);
}

async fn a_sign_in_at_the_instant_of_the_deletion_does_not_survive(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    for _ in 0..4 {
        let mut key = key(&app);
        let id = add(&ada, &mut key).await["passkey"]["id"].as_str().unwrap().to_owned();
        let browser = app.browser();
        let credential = key.prove(&options(&browser).await, &[]);
        let path = format!("/api/account/passkeys/{id}");
        let (started, deleted) = tokio::join!(send(&browser, &credential), ada.delete(&path));
        assert_eq!(deleted.status, 204, "{}", deleted.text);
        assert!([200, 401].contains(&started.status), "{}", started.text);
        assert!(!browser.is_signed_in().await);
        // An account without a factor proves itself by its password.
        assert_eq!(ada.reauthenticate(PASSWORD).await.status, 200);
    }
}
