//! Signing in with a passkey, alone or after the password, and proving it again.

use anteroom::accounts::{Quirk, SoftwareKey};
use serde_json::json;

use super::authenticator::{add, key, options, refused, send, sign_in_with, signed_in_with};
use crate::harness::app::{Kind, MINUTE, PASSWORD, TestApp, on_every_store};

const ADA: &str = "ada@example.org";
const BOB: &str = "bob@example.org";

on_every_store!(
    a_passkey_alone_signs_in_and_counts_as_both_factors,
    a_passkey_is_the_second_step_after_the_password,
    pk_1_attack_127_a_challenge_works_once_for_five_minutes_in_its_browser,
    pk_3_attack_127_a_passkey_signs_in_its_owner_and_nobody_else,
    pk_5_a_count_that_goes_back_is_refused_unless_the_key_is_backed_up,
    pk_5_of_two_copies_of_a_key_at_the_same_instant_one_signs_in,
    wrong_proofs_count_neither_as_passwords_nor_for_the_pending_session,
    a_passkey_of_a_disabled_account_signs_nobody_in,
    a_passkey_replaces_a_pending_session_and_the_session_before_it,
);

async fn a_passkey_alone_signs_in_and_counts_as_both_factors(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let mut key = key(&app);
    add(&ada, &mut key).await;
    app.pass(11 * MINUTE).await;

    let browser = signed_in_with(&app, &mut key).await;

    assert_eq!(browser.session().await["methods"], json!(["passkey"]));
    assert_eq!(browser.user_id().await, ada.user_id().await);
    let renewed = browser.post("/api/account/recovery-codes", json!({})).await;
    assert_eq!(renewed.status, 200, "a fresh proof of the second kind");
    let used = &browser.get("/api/account/factors").await.json()["passkeys"][0]["last_used_at"];
    assert!(used.is_string(), "{used}");
    app.pass(11 * MINUTE).await;
    assert_eq!(browser.post("/api/account/recovery-codes", json!({})).await.status, 403);
    let options = options(&browser).await;
    assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 1, "those of the account");
    let proof = json!({ "credential": key.prove(&options, &[]) });
    let token = browser.token();
    let proven = browser.post("/api/session/reauthenticate", proof.clone()).await;
    assert_eq!(proven.status, 200, "{}", proven.text);
    assert_ne!(browser.token(), token);
    assert_eq!(browser.post("/api/account/recovery-codes", json!({})).await.status, 200);
    let again = browser.post("/api/session/reauthenticate", proof).await;
    assert_eq!(again.refusal(), (403, "invalid_credentials".to_owned()), "used up");
    assert_eq!(browser.session().await["methods"], json!(["passkey"]));
}

async fn a_passkey_is_the_second_step_after_the_password(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let mut key = key(&app);
    add(&ada, &mut key).await;
    let browser = app.browser();
    let first = browser.try_to_sign_in(ADA, PASSWORD, true).await;
    assert_eq!(first.refusal(), (401, "second_factor_required".to_owned()));
    assert_eq!(first.json()["methods"], json!(["recovery_code", "passkey"]));
    assert!(browser.get("/login/second-factor").await.text.contains("data-passkey"));
    let asked = options(&browser).await;
    assert_eq!(asked["allowCredentials"].as_array().unwrap().len(), 1);

    // Where its passkeys are named, an authenticator need not say whose they are.
    let credential = key.prove(&asked, &[Quirk::NoHandle]);
    let proof = json!({ "credential": credential });
    let second = browser.post("/api/session/second-factor", proof).await;

    assert_eq!(second.status, 200, "{}", second.text);
    assert_eq!(second.json()["session"]["methods"], json!(["password", "passkey"]));
    assert_eq!(second.json()["session"]["remember_me"], true);
    let form = app.browser();
    form.try_to_sign_in(ADA, PASSWORD, false).await;
    let credential = key.prove(&options(&form).await, &[]).to_string();
    let fields = [("credential", credential.as_str()), ("next", "/account/sessions")];
    let by_form = form.post_form("/login/second-factor", &fields).await;
    assert_eq!((by_form.status, by_form.location()), (303, "/account/sessions"));
    // The passkey alone is enough, also while the second step waits.
    let alone = app.browser();
    alone.try_to_sign_in(ADA, PASSWORD, false).await;
    assert_eq!(sign_in_with(&alone, &mut key, &[]).await.status, 200);
}

async fn pk_1_attack_127_a_challenge_works_once_for_five_minutes_in_its_browser(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let mut key = key(&app);
    add(&ada, &mut key).await;
    let browser = app.browser();
    let asked = options(&browser).await;
    let credential = key.prove(&asked, &[]);
    let thief = app.browser();
    options(&thief).await;
    assert_eq!(send(&thief, &credential).await.refusal(), refused(), "of another browser");
    assert_eq!(send(&app.browser(), &credential).await.refusal(), refused(), "of none");
    let other_purpose = json!({ "credential": credential });
    assert_eq!(ada.post("/api/session/reauthenticate", other_purpose).await.status, 403);
    assert_eq!(send(&browser, &credential).await.status, 200);
    let replayed = browser.copy();
    assert_eq!(send(&replayed, &credential).await.refusal(), refused(), "used up");

    let late = app.browser();
    let credential = key.prove(&options(&late).await, &[]);
    app.pass(5 * MINUTE).await;
    assert_eq!(send(&late, &credential).await.refusal(), refused());
    // Two requests at the same instant: one of them.
    let twice = app.browser();
    let credential = key.prove(&options(&twice).await, &[]);
    let (first, second) = (twice.copy(), twice.copy());
    let (one, other) = tokio::join!(send(&first, &credential), send(&second, &credential));
    let mut both = [one.status, other.status];
    both.sort_unstable();
    assert_eq!(both, [200, 401]);
    // Several tabs share the browser: each can sign in.
    let tabs = app.browser();
    let (first, second) = (options(&tabs).await, options(&tabs).await);
    assert_eq!(send(&tabs.copy(), &key.prove(&first, &[])).await.status, 200);
    assert_eq!(send(&tabs.copy(), &key.prove(&second, &[])).await.status, 200);
}

async fn pk_3_attack_127_a_passkey_signs_in_its_owner_and_nobody_else(kind: Kind) {
    let app = TestApp::start(kind).await;
    let (ada, bob) = (app.signed_in(ADA).await, app.signed_in(BOB).await);
    let (mut hers, mut his) = (key(&app), key(&app));
    add(&ada, &mut hers).await;
    add(&bob, &mut his).await;
    let browser = app.browser();
    for quirk in [
        Quirk::Handle(his.user_handle.clone()),
        Quirk::Handle(b"ada".to_vec()),
        Quirk::NoHandle,
        Quirk::CredentialId(his.credential_id.clone()),
        Quirk::CredentialId(b"unknown".to_vec()),
    ] {
        let answer = sign_in_with(&browser, &mut hers, std::slice::from_ref(&quirk)).await;
        assert_eq!(answer.refusal(), refused(), "{quirk:?}");
    }
    let mut stranger = SoftwareKey::new(&app.public_url);
    stranger.user_handle.clone_from(&hers.user_handle);
    let answer = sign_in_with(&browser, &mut stranger, &[]).await;
    assert_eq!(answer.refusal(), refused(), "a key that was never added");
    // His passkey is no second step of hers, and proves nothing in her session.
    browser.try_to_sign_in(ADA, PASSWORD, false).await;
    let credential = json!({ "credential": his.prove(&options(&browser).await, &[]) });
    let second = browser.post("/api/session/second-factor", credential).await;
    assert_eq!(second.refusal(), refused());
    let credential = json!({ "credential": his.prove(&options(&ada).await, &[]) });
    let proven = ada.post("/api/session/reauthenticate", credential).await;
    assert_eq!(proven.refusal(), (403, "invalid_credentials".to_owned()));
    assert_eq!(signed_in_with(&app, &mut his).await.user_id().await, bob.user_id().await);
}

async fn pk_5_a_count_that_goes_back_is_refused_unless_the_key_is_backed_up(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let mut counting = SoftwareKey::counting(&app.public_url);
    add(&ada, &mut counting).await;
    for _ in 0..3 {
        signed_in_with(&app, &mut counting).await;
    }
    for count in [counting.count, 1, 0] {
        let quirks = [Quirk::Count(count)];
        let answer = sign_in_with(&app.browser(), &mut counting, &quirks).await;
        assert_eq!(answer.refusal(), refused(), "{count}");
    }
    signed_in_with(&app, &mut counting).await;
    let mut synced = key(&app);
    synced.count = 9;
    add(&ada, &mut synced).await;
    let answer = sign_in_with(&app.browser(), &mut synced, &[Quirk::Count(3)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let root = app.administrator("root@example.org").await;
    let events = root.get("/api/admin/audit?kind=login_failed&limit=50").await.text;
    assert!(events.contains("count_went_back"), "{events}");
    let events = root.get("/api/admin/audit?kind=login&limit=50").await.text;
    assert!(events.contains("count_went_back"), "{events}");
    let browser = app.browser();
    browser.try_to_sign_in(ADA, PASSWORD, false).await;
    let credential = synced.prove(&options(&browser).await, &[Quirk::Count(2)]);
    let proof = json!({ "credential": credential });
    assert_eq!(browser.post("/api/session/second-factor", proof).await.status, 200);
    let events = root.get("/api/admin/audit?kind=login&limit=1").await.text;
    assert!(!events.contains("root@") && events.contains("count_went_back"), "{events}");
}

async fn pk_5_of_two_copies_of_a_key_at_the_same_instant_one_signs_in(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let mut key = SoftwareKey::counting(&app.public_url);
    add(&ada, &mut key).await;
    for count in [20, 30, 40] {
        let browsers: Vec<_> = (0..4).map(|_| app.browser()).collect();
        let mut credentials = Vec::new();
        for browser in &browsers {
            let asked = options(browser).await;
            credentials.push(key.prove(&asked, &[Quirk::Count(count)]));
        }

        let answers = browsers.iter().zip(&credentials).map(|(browser, it)| send(browser, it));
        let answers = futures_util::future::join_all(answers).await;

        let signed_in = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(signed_in, 1, "{answers:?}");
        let mut others = answers.iter().filter(|answer| answer.status != 200);
        assert!(others.all(|answer| answer.refusal() == refused()), "{answers:?}");
    }
}

async fn wrong_proofs_count_neither_as_passwords_nor_for_the_pending_session(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let mut key = key(&app);
    add(&ada, &mut key).await;
    let browser = app.browser();
    browser.try_to_sign_in(ADA, PASSWORD, false).await;
    for _ in 0..15 {
        let credential = key.prove(&options(&browser).await, &[Quirk::BadSignature]);
        let answer =
            browser.post("/api/session/second-factor", json!({ "credential": credential })).await;
        assert_eq!(answer.refusal(), refused());
    }
    let credential = key.prove(&options(&browser).await, &[]);
    let proof = json!({ "credential": credential });
    assert_eq!(browser.post("/api/session/second-factor", proof).await.status, 200);
}

async fn a_passkey_of_a_disabled_account_signs_nobody_in(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let mut key = key(&app);
    add(&ada, &mut key).await;
    let root = app.administrator("root@example.org").await;
    let path = format!("/api/admin/users/{}", ada.user_id().await);
    assert_eq!(root.patch(&path, json!({ "status": "disabled" })).await.status, 200);
    assert_eq!(sign_in_with(&app.browser(), &mut key, &[]).await.refusal(), refused());
    assert_eq!(root.patch(&path, json!({ "status": "active" })).await.status, 200);
    signed_in_with(&app, &mut key).await;
    // Once all factors are gone, so is the passkey.
    assert_eq!(root.delete(&format!("{path}/factors")).await.status, 204);
    assert_eq!(sign_in_with(&app.browser(), &mut key, &[]).await.refusal(), refused());
}

async fn a_passkey_replaces_a_pending_session_and_the_session_before_it(kind: Kind) {
    let app = TestApp::start(kind).await;
    let (ada, bob) = (app.signed_in(ADA).await, app.signed_in(BOB).await);
    let (mut hers, mut his) = (key(&app), key(&app));
    add(&ada, &mut hers).await;
    add(&bob, &mut his).await;
    let browser = signed_in_with(&app, &mut his).await;
    let before = browser.copy();
    assert_eq!(browser.try_to_sign_in(BOB, PASSWORD, false).await.status, 401);
    let pending = browser.copy();

    // On the page for signing in, the passkey of anybody is asked for.
    let asked = browser.post("/api/session/passkey/options", json!({ "sign_in": true })).await;
    assert_eq!(asked.json()["allowCredentials"], json!([]));
    let signed_in = send(&browser, &hers.prove(&asked.json(), &[])).await;

    assert_eq!(signed_in.status, 200, "{}", signed_in.text);
    assert_eq!(browser.user_id().await, ada.user_id().await);
    assert_eq!(before.why_not().await, "signed_out");
    let code = json!({ "code": "123456" });
    let answer = pending.post("/api/session/second-factor", code).await;
    assert_eq!(answer.refusal(), (401, "no_session".to_owned()));
}
