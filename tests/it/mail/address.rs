//! A new address takes effect once it is confirmed, and its owner can undo it.

use anteroom::accounts::Role;
use serde_json::json;

use super::{app, events};
use crate::harness::app::{HOUR, Kind, OTHER_PASSWORD, PASSWORD, on_each_database};
use crate::harness::mailbox::Message;

const ADA: &str = "ada@example.org";
const NEW: &str = "countess@example.com";

on_each_database!(
    mail_8_attack_136_a_new_address_waits_for_its_owner_and_can_be_undone,
    mail_8_a_taken_address_gets_no_link_and_the_answer_is_the_same,
    mail_8_the_earlier_owner_can_prevent_it,
    mail_8_attack_136_the_newest_address_counts,
    owners_are_notified_of_a_new_password_and_a_new_device,
    an_invitation_is_mailed_beside_the_one_that_is_shown,
    a_new_invitation_voids_the_one_that_was_mailed,
    mail_8_a_new_password_voids_the_address_that_was_asked_for,
    an_address_that_nobody_confirmed_is_forgotten,
    an_address_that_was_asked_for_is_withdrawn_by_keeping_the_present_one,
);

/// The two messages about a change: to the new address and to the present one.
fn both(mut messages: Vec<Message>) -> [Message; 2] {
    messages.sort_by_key(|message| message.to[0] != NEW);
    messages.try_into().unwrap()
}

async fn mail_8_attack_136_a_new_address_waits_for_its_owner_and_can_be_undone(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let ada = app.signed_in(ADA).await;
    let admin = app.administrator("root@example.org").await;
    app.browser().post("/api/recovery", json!({ "email": ADA })).await;
    let recovery = mailbox.one(ADA, "Set a new password").await.token();

    let asked = ada.patch("/api/account", json!({ "email": NEW, "name": "Countess" })).await;

    assert_eq!(asked.status, 202, "{}", asked.text);
    let user = &asked.json()["user"];
    assert_eq!((&user["email"], &user["pending_email"]), (&json!(ADA), &json!(NEW)));
    assert_eq!(user["name"], "Countess");
    assert_eq!(ada.get("/api/account").await.json()["user"]["pending_email"], NEW);
    let [confirming, cancelling] = both(mailbox.take(2).await);
    assert_eq!((&*confirming.to[0], &*cancelling.to[0]), (NEW, ADA));
    let [text, _] = confirming.parts();
    assert!(!text.contains("Countess"), "a new address gets no name: {text}");
    assert!(cancelling.parts()[0].contains(NEW));
    assert_eq!(app.browser().try_to_sign_in(NEW, PASSWORD, false).await.status, 401);

    let body = json!({ "token": confirming.token() });
    assert_eq!(app.browser().post("/api/email/verify", body).await.status, 204);

    let user = ada.get("/api/account").await.json()["user"].clone();
    assert_eq!((&user["email"], &user["email_verified"]), (&json!(NEW), &json!(true)));
    assert!(user.get("pending_email").is_none());
    assert!(ada.is_signed_in().await);
    let body = json!({ "token": recovery, "new_password": OTHER_PASSWORD });
    assert_eq!(app.browser().post("/api/recovery/confirm", body).await.status, 410);

    // Six days later, its former owner says no.
    app.pass(HOUR * 24 * 6).await;
    let thief = app.browser();
    assert_eq!(thief.try_to_sign_in(NEW, PASSWORD, false).await.status, 200);
    let path = format!("/cancel-email-change?token={}", cancelling.token());
    assert_eq!(app.browser().get(&path).await.status, 200);
    let token = cancelling.token();
    let undone = app.browser().post_form("/cancel-email-change", &[("token", &*token)]).await;
    assert_eq!((undone.status, undone.location()), (303, "/cancel-email-change/done"));
    assert!(!thief.is_signed_in().await);
    assert_eq!(app.browser().try_to_sign_in(ADA, PASSWORD, false).await.status, 200);
    assert_eq!(app.browser().try_to_sign_in(NEW, PASSWORD, false).await.status, 401);
    let again = app.browser().post_form("/cancel-email-change", &[("token", &*token)]).await;
    assert_eq!(again.status, 410);
    assert_eq!(admin.try_to_sign_in("root@example.org", PASSWORD, false).await.status, 200);
    let events = events(&admin).await;
    for kind in ["email_change_requested", "email_changed", "email_change_cancelled"] {
        assert!(events.iter().any(|event| event == kind), "{events:?}");
    }
}

async fn mail_8_a_taken_address_gets_no_link_and_the_answer_is_the_same(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let ada = app.signed_in(ADA).await;
    app.add(NEW, Role::User).await;

    let asked = ada.patch("/api/account", json!({ "email": NEW })).await;

    assert_eq!(asked.status, 202);
    assert_eq!(asked.json()["user"]["pending_email"], NEW);
    let messages = mailbox.take(1).await;
    assert_eq!(messages[0].to, [ADA]);
    // Taken in between: the link is as good as none.
    let bob = app.signed_in("bob@example.org").await;
    assert_eq!(bob.patch("/api/account", json!({ "email": "free@example.org" })).await.status, 202);
    let messages = mailbox.take(2).await;
    let to_new = messages.iter().find(|message| message.to == ["free@example.org"]).unwrap();
    app.add("free@example.org", Role::User).await;
    let body = json!({ "token": to_new.token() });
    let late = app.browser().post("/api/email/verify", body).await;
    assert_eq!(late.refusal(), (410, "link_expired".to_owned()));
}

async fn mail_8_the_earlier_owner_can_prevent_it(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let ada = app.signed_in(ADA).await;
    assert_eq!(ada.patch("/api/account", json!({ "email": NEW })).await.status, 202);
    let [confirming, cancelling] = both(mailbox.take(2).await);
    let token = cancelling.token();

    let undone = app.browser().post_form("/cancel-email-change", &[("token", &*token)]).await;

    assert_eq!(undone.status, 303);
    assert_eq!(ada.why_not().await, "revoked_by_user");
    let body = json!({ "token": confirming.token() });
    assert_eq!(app.browser().post("/api/email/verify", body).await.status, 410);
    assert_eq!(app.browser().try_to_sign_in(ADA, PASSWORD, false).await.status, 200);
}

async fn mail_8_attack_136_the_newest_address_counts(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let ada = app.signed_in(ADA).await;
    assert_eq!(ada.patch("/api/account", json!({ "email": NEW })).await.status, 202);
    let [first, _] = both(mailbox.take(2).await);
    let fields = [("name", "Ada"), ("email", "third@example.org")];
    let asked = ada.post_form("/account/profile", &fields).await;
    assert_eq!((asked.status, asked.location()), (303, "/account?done=pending-email"));
    let messages = mailbox.take(2).await;
    let second = messages.iter().find(|message| message.to == ["third@example.org"]).unwrap();
    let body = json!({ "token": first.token() });
    assert_eq!(app.browser().post("/api/email/verify", body).await.status, 410);
    let body = json!({ "token": second.token() });
    assert_eq!(app.browser().post("/api/email/verify", body).await.status, 204);
    assert_eq!(ada.get("/api/account").await.json()["user"]["email"], "third@example.org");
}

async fn owners_are_notified_of_a_new_password_and_a_new_device(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    app.add(ADA, Role::User).await;
    let sign_in = async |agent: &str| {
        let body = json!({ "email": ADA, "password": PASSWORD });
        let browser = app.browser();
        let agent = agent.to_owned();
        let answer = browser.ask(reqwest::Method::POST, "/api/session", |request| {
            request.header("user-agent", agent).json(&body)
        });
        assert_eq!(answer.await.status, 200);
        browser
    };
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
    let ada = sign_in(firefox).await;
    sign_in(firefox).await;
    sign_in("curl/8.0").await;
    let message = mailbox.one(ADA, "New sign-in to your account").await;
    assert!(message.parts()[0].contains("curl"), "{:?}", message.parts());
    sign_in("curl/8.1").await;

    assert_eq!(ada.change_password(PASSWORD, OTHER_PASSWORD).await.status, 204);

    mailbox.one(ADA, "Your password was changed").await;
    assert!(mailbox.messages().is_empty());
}

async fn an_invitation_is_mailed_beside_the_one_that_is_shown(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let admin = app.administrator("root@example.org").await;
    let made = admin.post("/api/admin/users", json!({ "email": ADA })).await;
    assert_eq!(made.status, 201);
    let shown = made.json()["invitation"]["url"].as_str().unwrap().to_owned();
    let message = mailbox.one(ADA, "You are invited").await;
    let token = message.token();
    let shown = shown.split("token=").nth(1).unwrap().to_owned();
    assert_ne!(token, shown);
    for token in [&token, &shown] {
        assert_eq!(app.browser().get(&format!("/invitation?token={token}")).await.status, 200);
    }
    let fields = [("token", &*token), ("password", PASSWORD)];

    let accepted = app.browser().post_form("/invitation", &fields).await;

    assert_eq!(accepted.status, 303);
    mailbox.one(ADA, "Your password was changed").await;
    for token in [&token, &shown] {
        assert_eq!(app.browser().get(&format!("/invitation?token={token}")).await.status, 404);
    }
}

async fn a_new_invitation_voids_the_one_that_was_mailed(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let admin = app.administrator("root@example.org").await;
    let made = admin.post("/api/admin/users", json!({ "email": ADA })).await;
    let path = format!("/api/admin/users/{}", made.json()["user"]["id"].as_str().unwrap());
    let mailed = mailbox.one(ADA, "You are invited").await.token();

    let renewed = admin.post(&format!("{path}/invitation"), json!({})).await;

    assert_eq!(renewed.status, 201, "{}", renewed.text);
    assert_eq!(app.browser().get(&format!("/invitation?token={mailed}")).await.status, 404);
}

/// Whoever has a session for a moment asks for an address of their own. The owner's new password ends
/// that.
async fn mail_8_a_new_password_voids_the_address_that_was_asked_for(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let ada = app.signed_in(ADA).await;
    assert_eq!(ada.patch("/api/account", json!({ "email": NEW })).await.status, 202);
    let [confirming, _] = both(mailbox.take(2).await);

    assert_eq!(ada.change_password(PASSWORD, OTHER_PASSWORD).await.status, 204);

    let body = json!({ "token": confirming.token() });
    assert_eq!(app.browser().post("/api/email/verify", body).await.status, 410);
    let user = ada.get("/api/account").await.json()["user"].clone();
    assert!(user.get("pending_email").is_none(), "{user}");
}

async fn an_address_that_nobody_confirmed_is_forgotten(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let ada = app.signed_in(ADA).await;
    assert_eq!(ada.patch("/api/account", json!({ "email": NEW })).await.status, 202);
    let [confirming, _] = both(mailbox.take(2).await);

    app.pass(HOUR * 49).await;

    assert!(app.anteroom.mail().sweep(100).await.unwrap());
    let ada = app.signed_in(ADA).await;
    let user = ada.get("/api/account").await.json()["user"].clone();
    assert!(user.get("pending_email").is_none(), "{user}");
    let body = json!({ "token": confirming.token() });
    assert_eq!(app.browser().post("/api/email/verify", body).await.status, 410);
}

async fn an_address_that_was_asked_for_is_withdrawn_by_keeping_the_present_one(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let admin = app.administrator("root@example.org").await;
    let ada = app.signed_in(ADA).await;
    for is_by_form in [false, true] {
        assert_eq!(ada.patch("/api/account", json!({ "email": NEW })).await.status, 202);
        let [confirming, _] = both(mailbox.take(2).await);
        // Shown with each visit, not only after the change.
        let page = ada.get("/account").await.text;
        assert!(page.contains(NEW) && page.contains("To withdraw it"), "{page}");
        assert_eq!(ada.patch("/api/account", json!({ "name": "Ada" })).await.status, 200);
        assert_eq!(ada.get("/api/account").await.json()["user"]["pending_email"], NEW);

        if is_by_form {
            let kept = ada.post_form("/account/profile", &[("name", "Ada"), ("email", ADA)]).await;
            assert_eq!((kept.status, kept.location()), (303, "/account?done=profile"));
        } else {
            let kept = ada.patch("/api/account", json!({ "email": ADA })).await;
            assert_eq!((kept.status, &kept.json()["user"]["email"]), (200, &json!(ADA)));
        }

        let user = ada.get("/api/account").await.json()["user"].clone();
        assert!(user.get("pending_email").is_none(), "{user}");
        assert!(!ada.get("/account").await.text.contains(NEW));
        let body = json!({ "token": confirming.token() });
        assert_eq!(app.browser().post("/api/email/verify", body).await.status, 410);
    }
    let withdrawn =
        events(&admin).await.iter().filter(|kind| *kind == "email_change_cancelled").count();
    assert_eq!(withdrawn, 2);
}
