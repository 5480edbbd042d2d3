//! Adding passkeys.

use anteroom::Options;
use anteroom::accounts::{Quirk, SecondFactorPolicy};
use serde_json::json;

use super::authenticator::{add, ids, key, options_to_add, send_new, signed_in_with};
use crate::harness::app::{Kind, MINUTE, PASSWORD, TestApp, on_every_store};
use crate::second_factors::set_up;

const ADA: &str = "ada@example.org";
const BOB: &str = "bob@example.org";

on_every_store!(
    a_first_passkey_comes_with_recovery_codes_and_ends_the_other_sessions,
    pk_4_attack_129_a_credential_belongs_to_one_account,
    pk_7_adding_needs_a_fresh_proof_of_the_second_kind,
    wrong_registrations_add_nothing,
    a_pending_session_that_must_have_a_factor_adds_a_passkey,
    passkeys_are_renamed_by_their_owner_alone,
    an_account_has_twenty_passkeys_at_most,
);

fn refused() -> (u16, String) {
    (403, "invalid_credentials".to_owned())
}

async fn a_first_passkey_comes_with_recovery_codes_and_ends_the_other_sessions(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let other = app.browser();
    other.try_to_sign_in(ADA, PASSWORD, false).await;
    let (token, id) = (ada.token(), ada.session_id().await);

    let added = add(&ada, &mut key(&app)).await;

    assert_eq!(added["recovery_codes"].as_array().unwrap().len(), 10);
    assert_eq!(added["passkey"]["backed_up"], true);
    assert_eq!(added["passkey"]["last_used_at"], json!(null));
    assert_eq!(other.why_not().await, "factor_changed");
    assert_ne!(ada.token(), token, "a new token");
    assert_eq!(ada.session_id().await, id);
    let factors = ada.get("/api/account/factors").await.json();
    assert_eq!((&factors["totp"], &factors["recovery_codes_left"]), (&json!(false), &json!(10)));
    assert_eq!(factors["passkeys"], json!([added["passkey"]]));
    let second = add(&ada, &mut key(&app)).await;
    assert!(second.get("recovery_codes").is_none(), "they came with the first");
    assert_eq!(ids(&ada).await.len(), 2);
}

async fn pk_4_attack_129_a_credential_belongs_to_one_account(kind: Kind) {
    let app = TestApp::start(kind).await;
    let (ada, bob) = (app.signed_in(ADA).await, app.signed_in(BOB).await);
    let mut key = key(&app);
    add(&ada, &mut key).await;

    for browser in [&bob, &ada] {
        let credential = key.register(&options_to_add(browser).await, &[]);
        assert_eq!(send_new(browser, &credential).await.refusal(), refused());
    }
    assert_eq!((ids(&ada).await.len(), ids(&bob).await.len()), (1, 0));
}

async fn pk_7_adding_needs_a_fresh_proof_of_the_second_kind(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let required = (403, "reauthentication_required".to_owned());
    let options = options_to_add(&ada).await;
    app.pass(11 * MINUTE).await;
    let ask = |browser: &crate::harness::browser::Browser| {
        let browser = browser.copy();
        async move { browser.post("/api/account/passkeys/options", json!({})).await.refusal() }
    };
    assert_eq!(ask(&ada).await, required);
    let credential = key(&app).register(&options, &[]);
    assert_eq!(send_new(&ada, &credential).await.refusal(), required);
    assert_eq!(ada.reauthenticate(PASSWORD).await.status, 200);
    let (authenticator, _) = set_up(&app, &ada).await;
    app.pass(11 * MINUTE).await;
    assert_eq!(ada.reauthenticate(PASSWORD).await.status, 200);
    assert_eq!(ask(&ada).await, required, "the password is not enough beside an app");
    authenticator.reauthenticate(&app, &ada).await;
    add(&ada, &mut key(&app)).await;
}

async fn wrong_registrations_add_nothing(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    for quirk in [Quirk::NotVerified, Quirk::Origin("http://localhost:1"), Quirk::CrossOrigin] {
        let options = options_to_add(&ada).await;
        let credential = key(&app).register(&options, std::slice::from_ref(&quirk));
        assert_eq!(send_new(&ada, &credential).await.refusal(), refused(), "{quirk:?}");
        // A challenge is used up even by a wrong answer.
        let right = key(&app).register(&options, &[]);
        assert_eq!(send_new(&ada, &right).await.refusal(), refused(), "{quirk:?}");
    }
    let options = options_to_add(&ada).await;
    app.pass(5 * MINUTE).await;
    let late = key(&app).register(&options, &[]);
    assert_eq!(send_new(&ada, &late).await.refusal(), refused(), "too late");
    let bob = app.signed_in(BOB).await;
    let of_ada = key(&app).register(&options_to_add(&ada).await, &[]);
    assert_eq!(send_new(&bob, &of_ada).await.refusal(), refused(), "of another browser");
    for malformed in [json!({}), json!([]), json!("text"), json!({ "id": "AA" })] {
        assert_eq!(send_new(&ada, &malformed).await.status, 400, "{malformed}");
    }
    assert_eq!((ids(&ada).await.len(), ids(&bob).await.len()), (0, 0));
}

async fn a_pending_session_that_must_have_a_factor_adds_a_passkey(kind: Kind) {
    let set = |options: &mut Options| options.second_factor = SecondFactorPolicy::Required;
    let app = TestApp::start_with(kind, set).await;
    app.add(ADA, anteroom::accounts::Role::User).await;
    let ada = app.browser();
    let first = ada.try_to_sign_in(ADA, PASSWORD, true).await;
    assert_eq!(first.refusal(), (401, "second_factor_setup_required".to_owned()));
    let page = ada.get("/account/second-factor/set-up").await;
    assert!(page.text.contains("data-passkey=\"create\""));

    let mut key = key(&app);
    let added = add(&ada, &mut key).await;

    assert_eq!(added["recovery_codes"].as_array().unwrap().len(), 10);
    let session = ada.session().await;
    assert_eq!(session["methods"], json!(["password", "passkey"]));
    assert_eq!(session["remember_me"], true);
    assert!(signed_in_with(&app, &mut key).await.is_signed_in().await);
}

async fn passkeys_are_renamed_by_their_owner_alone(kind: Kind) {
    let app = TestApp::start(kind).await;
    let (ada, bob) = (app.signed_in(ADA).await, app.signed_in(BOB).await);
    let id = add(&ada, &mut key(&app)).await["passkey"]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/account/passkeys/{id}");
    let renamed = ada.patch(&path, json!({ "name": "Key ring" })).await;
    assert_eq!((renamed.status, &renamed.json()["passkey"]["name"]), (200, &json!("Key ring")));
    for name in [String::new(), "x".repeat(101), "a\u{202E}b".to_owned()] {
        assert_eq!(ada.patch(&path, json!({ "name": name })).await.status, 422, "{name}");
    }
    assert_eq!(bob.patch(&path, json!({ "name": "Mine" })).await.status, 404);
    assert_eq!(bob.delete(&path).await.status, 404);
    assert_eq!(ada.delete("/api/account/passkeys/no-id").await.status, 404);
    let form = format!("/account/second-factor/passkeys/{id}/rename");
    let by_form = ada.post_form(&form, &[("name", "Phone")]).await;
    assert_eq!(by_form.location(), "/account/second-factor?done=passkey-renamed");
    let page = ada.get("/account/second-factor").await;
    assert!(page.text.contains("value=\"Phone\""), "{}", page.text);
}

async fn an_account_has_twenty_passkeys_at_most(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    for _ in 0..20 {
        add(&ada, &mut key(&app)).await;
    }
    let full = (409, "too_many_passkeys".to_owned());
    let options = ada.post("/api/account/passkeys/options", json!({})).await;
    assert_eq!(options.refusal(), full);
}
