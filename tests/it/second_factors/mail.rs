//! With mail on: factors are for verified addresses, their owners are notified, and recovery removes
//! none.

use anteroom::Options;
use anteroom::accounts::{Account, Change, Role, SecondFactorPolicy};
use serde_json::json;

use super::authenticator::{send_code, send_recovery_code, set_up};
use crate::harness::app::{Kind, OTHER_PASSWORD, PASSWORD, TestApp, on_each_database};
use crate::harness::browser::Browser;
use crate::harness::mailbox::Mailbox;
use crate::passkeys;

const ADA: &str = "ada@example.org";
const CONFIRM: &str = "Confirm your email address";
const ADDED: &str = "A second factor was added";
const REMOVED: &str = "A second factor was removed";
const CODE_USED: &str = "A recovery code was used";
const RENEWED: &str = "New recovery codes were made";

on_each_database!(
    a_factor_is_added_at_a_verified_address_only,
    a_set_up_that_is_required_waits_for_the_verified_address,
    owners_are_notified_of_factors_that_come_and_go,
    totp_9_recovery_by_mail_removes_no_factor_and_ends_pending_sessions,
    a_new_device_is_noted_after_the_second_step,
    a_sign_up_takes_no_account_with_a_factor,
    a_passkey_of_an_unverified_address_signs_in_once_it_is_verified,
);

async fn app_with(kind: Kind, set: impl FnOnce(&mut Options)) -> (TestApp, Mailbox) {
    let mailbox = Mailbox::open().await;
    let mail = mailbox.options();
    let app = TestApp::start_with(kind, |options| {
        options.mail = Some(mail);
        set(options);
    });
    let app = app.await;
    mailbox.hurry(&app);
    (app, mailbox)
}

/// Opens the link of the message that asks to confirm the address.
async fn verify(app: &TestApp, mailbox: &Mailbox) {
    let token = mailbox.one(ADA, CONFIRM).await.token();
    let answer = app.browser().post("/api/email/verify", json!({ "token": token })).await;
    assert_eq!(answer.status, 204);
}

/// As an account from before mail was on may be.
async fn make_unverified(app: &TestApp, account: &Account) {
    let email = Some((account.user.email.clone(), false));
    let change = Change { email, ..Change::default() };
    let decide = move |_: &_| Some(change.clone());
    app.anteroom.accounts().change(account.user.id, decide).await.unwrap();
}

fn unverified() -> (u16, String) {
    (403, "email_unverified".to_owned())
}

async fn a_factor_is_added_at_a_verified_address_only(kind: Kind) {
    let (app, mailbox) = app_with(kind, |_| ()).await;
    let ada = app.browser();
    assert_eq!(ada.sign_up(ADA, PASSWORD).await.status, 201);
    mailbox.one(ADA, CONFIRM).await;
    assert_eq!(ada.post("/api/account/totp", json!({})).await.refusal(), unverified());
    mailbox.one(ADA, CONFIRM).await;
    let page = ada.post_form("/account/second-factor/begin", &[]).await;
    assert!(
        page.status == 403 && page.text.contains("was just sent to you again"),
        "{}",
        page.text
    );
    let code = json!({ "code": "123456" });
    let confirmed = ada.post("/api/account/totp/confirm", code).await;
    assert_eq!(confirmed.refusal(), unverified());

    verify(&app, &mailbox).await;

    set_up(&app, &ada).await;
    mailbox.one(ADA, ADDED).await;
}

async fn a_set_up_that_is_required_waits_for_the_verified_address(kind: Kind) {
    let required = |options: &mut Options| options.second_factor = SecondFactorPolicy::Required;
    let (app, mailbox) = app_with(kind, required).await;
    let ada = app.browser();
    let signed_up = ada.sign_up(ADA, PASSWORD).await;
    assert_eq!(signed_up.refusal(), (401, "second_factor_setup_required".to_owned()));
    mailbox.one(ADA, CONFIRM).await;
    assert_eq!(ada.post("/api/account/totp", json!({})).await.refusal(), unverified());

    verify(&app, &mailbox).await;

    set_up(&app, &ada).await;
    assert!(ada.is_signed_in().await);
    let message = mailbox.one(ADA, ADDED).await;
    assert!(message.parts()[0].contains("authenticator app"), "{:?}", message.parts());
}

async fn owners_are_notified_of_factors_that_come_and_go(kind: Kind) {
    let (app, mailbox) = app_with(kind, |_| ()).await;
    app.add(ADA, Role::User).await;
    let ada = app.signed_in(ADA).await;
    ada.keep_cookie("lang", "ko");
    set_up(&app, &ada).await;
    mailbox.one(ADA, ADDED).await;
    assert_eq!(ada.delete("/api/account/totp").await.status, 204);
    let message = mailbox.one(ADA, REMOVED).await;
    assert!(message.token().is_empty() && message.parts()[0].starts_with("Hello Ada,"));

    let (_, codes) = set_up(&app, &ada).await;
    mailbox.one(ADA, ADDED).await;
    let browser = app.browser();
    assert_eq!(browser.try_to_sign_in(ADA, PASSWORD, false).await.status, 401);
    assert_eq!(send_recovery_code(&browser, &codes[0]).await.status, 200);
    mailbox.one(ADA, CODE_USED).await;
    let used = json!({ "recovery_code": codes[1] });
    assert_eq!(browser.post("/api/session/reauthenticate", used).await.status, 200);
    mailbox.one(ADA, CODE_USED).await;
    assert_eq!(browser.post("/api/account/recovery-codes", json!({})).await.status, 200);
    mailbox.one(ADA, RENEWED).await;
    let root = app.administrator("root@example.org").await;
    let factors = format!("/api/admin/users/{}/factors", ada.user_id().await);
    assert_eq!(root.delete(&factors).await.status, 204);
    mailbox.one(ADA, REMOVED).await;
    assert_eq!(root.delete(&factors).await.status, 204, "there is nothing left to do");
    assert!(mailbox.messages().is_empty());
}

async fn totp_9_recovery_by_mail_removes_no_factor_and_ends_pending_sessions(kind: Kind) {
    let (app, mailbox) = app_with(kind, |_| ()).await;
    app.add(ADA, Role::User).await;
    let ada = app.signed_in(ADA).await;
    let (authenticator, codes) = set_up(&app, &ada).await;
    mailbox.one(ADA, ADDED).await;
    let pending = app.browser();
    assert_eq!(pending.try_to_sign_in(ADA, PASSWORD, false).await.status, 401);
    assert_eq!(app.browser().post("/api/recovery", json!({ "email": ADA })).await.status, 202);
    let token = mailbox.one(ADA, "Set a new password").await.token();
    let stranger = app.browser();

    let body = json!({ "token": token, "new_password": OTHER_PASSWORD });
    assert_eq!(stranger.post("/api/recovery/confirm", body).await.status, 204);

    assert_eq!(ada.why_not().await, "password_changed");
    assert!(!stranger.is_signed_in().await);
    let late = authenticator.finish(&app, &pending).await;
    assert_eq!(late.refusal(), (401, "no_session".to_owned()), "of the earlier password");
    let first = stranger.try_to_sign_in(ADA, OTHER_PASSWORD, false).await;
    assert_eq!(first.refusal(), (401, "second_factor_required".to_owned()));
    assert_eq!(first.json()["methods"], json!(["totp", "recovery_code"]));
    assert_eq!(authenticator.finish(&app, &stranger).await.status, 200);
    let factors = stranger.get("/api/account/factors").await.json();
    assert_eq!(factors["recovery_codes_left"], codes.len());
}

async fn sign_in_from(browser: &Browser, agent: &str) {
    let (body, agent) = (json!({ "email": ADA, "password": PASSWORD }), agent.to_owned());
    let answer = browser.ask(reqwest::Method::POST, "/api/session", |request| {
        request.header("user-agent", agent).json(&body)
    });
    assert_eq!(answer.await.refusal().1, "second_factor_required");
}

async fn a_new_device_is_noted_after_the_second_step(kind: Kind) {
    let (app, mailbox) = app_with(kind, |_| ()).await;
    app.add(ADA, Role::User).await;
    let (authenticator, _) = set_up(&app, &app.signed_in(ADA).await).await;
    mailbox.one(ADA, ADDED).await;
    let browser = app.browser();
    sign_in_from(&browser, "curl/8.0").await;
    assert_eq!(send_code(&browser, "000000").await.status, 401);
    assert!(mailbox.messages().is_empty(), "nobody has signed in");

    let (code, agent) = (authenticator.next_code(&app).await, "curl/8.0");
    let finished = browser.ask(reqwest::Method::POST, "/api/session/second-factor", |request| {
        request.header("user-agent", agent).json(&json!({ "code": code }))
    });
    assert_eq!(finished.await.status, 200);

    let message = mailbox.one(ADA, "New sign-in to your account").await;
    assert!(message.parts()[0].contains("curl"), "{:?}", message.parts());
}

/// Somebody else could otherwise remove the factor of an account whose address nobody confirmed.
async fn a_sign_up_takes_no_account_with_a_factor(kind: Kind) {
    let strict = |options: &mut Options| {
        options.mail.as_mut().unwrap().verification_is_required = true;
    };
    let (app, mailbox) = app_with(kind, strict).await;
    let account = app.add(ADA, Role::User).await;
    let (authenticator, _) = set_up(&app, &app.signed_in(ADA).await).await;
    mailbox.one(ADA, ADDED).await;
    make_unverified(&app, &account).await;

    assert_eq!(app.browser().sign_up(ADA, OTHER_PASSWORD).await.status, 202);

    mailbox.one(ADA, "You have an account already").await;
    let browser = app.browser();
    let first = browser.try_to_sign_in(ADA, PASSWORD, false).await;
    assert_eq!(first.refusal(), unverified());
    verify(&app, &mailbox).await;
    authenticator.sign_in(&app, ADA, PASSWORD).await;
}

async fn a_passkey_of_an_unverified_address_signs_in_once_it_is_verified(kind: Kind) {
    let strict =
        |options: &mut Options| options.mail.as_mut().unwrap().verification_is_required = true;
    let (app, mailbox) = app_with(kind, strict).await;
    let account = app.add(ADA, Role::User).await;
    let mut key = passkeys::key(&app);
    passkeys::add(&app.signed_in(ADA).await, &mut key).await;
    mailbox.one(ADA, ADDED).await;
    make_unverified(&app, &account).await;

    let refused = passkeys::sign_in_with(&app.browser(), &mut key, &[]).await;

    assert_eq!(refused.refusal(), unverified());
    assert!(refused.set_cookies().iter().all(|cookie| !cookie.starts_with("anteroom=")));
    verify(&app, &mailbox).await;
    passkeys::signed_in_with(&app, &mut key).await;
}
