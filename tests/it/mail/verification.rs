//! Confirming the address of an account, and sign-up where that is required.

use anteroom::accounts::{Email, Name, NewUser, Password, Role};
use serde_json::json;

use super::{app, app_with};
use crate::harness::app::{HOUR, Kind, OTHER_PASSWORD, PASSWORD, TestApp, on_each_database};
use crate::harness::mailbox::{Mailbox, Message};

const ADA: &str = "ada@example.org";
const SUBJECT: &str = "Confirm your email address";

on_each_database!(
    a_sign_up_is_confirmed_by_its_link,
    enum_4_where_confirming_is_required_a_sign_up_tells_nobody_who_has_an_account,
    a_sign_up_for_an_address_that_nobody_confirmed_replaces_the_one_before,
    a_sign_up_replaces_nothing_but_a_plain_sign_up,
    a_sign_up_beyond_the_limit_of_messages_changes_nothing,
    where_confirming_is_required_nobody_signs_in_before,
    the_link_is_sent_again_until_the_address_is_verified,
    a_verified_address_needs_no_mail,
    an_invitation_that_was_handed_out_proves_no_address,
);

async fn is_verified(app: &TestApp, email: &str) -> bool {
    let email = Email::parse(email).unwrap();
    let found = app.anteroom.accounts().find_by_email(&email).await.unwrap();
    found.unwrap().user.email_verified
}

async fn verify(app: &TestApp, message: &Message) -> u16 {
    let body = json!({ "token": message.token() });
    app.browser().post("/api/email/verify", body).await.status
}

/// A server that lets nobody in before the address is confirmed.
async fn strict(kind: Kind) -> (TestApp, Mailbox) {
    app_with(kind, |options| {
        options.mail.as_mut().unwrap().verification_is_required = true;
    })
    .await
}

async fn a_sign_up_is_confirmed_by_its_link(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let ada = app.browser();
    assert_eq!(ada.sign_up(ADA, PASSWORD).await.status, 201);
    let message = mailbox.one(ADA, SUBJECT).await;
    let [text, _] = message.parts();
    assert!(!is_verified(&app, ADA).await);
    assert!(text.starts_with("Hello,\n"), "an address that nobody confirmed gets no name: {text}");
    let path = format!("/verify-email?token={}", message.token());
    let stranger = app.browser();
    for _ in 0..2 {
        let page = stranger.get(&path).await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains(ADA));
    }

    let token = message.token();
    let done = stranger.post_form("/verify-email", &[("token", &*token)]).await;

    assert_eq!((done.status, done.location()), (303, "/verify-email/done"));
    assert!(is_verified(&app, ADA).await && !stranger.is_signed_in().await);
    assert_eq!(stranger.get("/verify-email/done").await.status, 200);
    assert_eq!(verify(&app, &message).await, 410);
    assert!(ada.is_signed_in().await);
    assert_eq!(ada.whoami().await.json()["user"]["email_verified"], true);
}

async fn enum_4_where_confirming_is_required_a_sign_up_tells_nobody_who_has_an_account(kind: Kind) {
    let (app, mailbox) = strict(kind).await;
    app.add(ADA, Role::User).await;
    let mut seen = Vec::new();
    for email in [ADA, "new@example.org"] {
        let api = app.browser().sign_up(email, OTHER_PASSWORD).await;
        let fields = [("email", email), ("password", OTHER_PASSWORD)];
        let form = app.browser().post_form("/signup", &fields).await;
        assert!(api.set_cookies().is_empty() && form.set_cookies().is_empty());
        let form = (form.status, form.location().to_owned(), form.text.clone());
        seen.push((api.status, api.text.clone(), form));
    }
    assert_eq!(seen[0], (202, "{}".to_owned(), (303, "/signup/sent".to_owned(), String::new())));
    assert_eq!(seen[0], seen[1]);
    assert_eq!(app.browser().get("/signup/sent").await.status, 200);
    let messages = mailbox.take(4).await;
    let about = |to: &str| {
        let of = messages.iter().filter(|message| message.to == [to]);
        of.map(|message| message.header("Subject")).collect::<Vec<_>>()
    };
    assert_eq!(about(ADA), ["You have an account already"; 2]);
    assert_eq!(about("new@example.org"), [SUBJECT; 2]);
    // Her password is still the one that she chose.
    assert_eq!(app.browser().try_to_sign_in(ADA, PASSWORD, false).await.status, 200);
    assert_eq!(app.browser().try_to_sign_in(ADA, OTHER_PASSWORD, false).await.status, 401);
}

async fn a_sign_up_for_an_address_that_nobody_confirmed_replaces_the_one_before(kind: Kind) {
    let (app, mailbox) = strict(kind).await;
    assert_eq!(app.browser().sign_up(ADA, PASSWORD).await.status, 202);
    let first = mailbox.one(ADA, SUBJECT).await;

    assert_eq!(app.browser().sign_up(ADA, OTHER_PASSWORD).await.status, 202);

    let second = mailbox.one(ADA, SUBJECT).await;
    assert_eq!(verify(&app, &first).await, 410);
    assert_eq!(app.browser().try_to_sign_in(ADA, PASSWORD, false).await.status, 401);
    assert_eq!(verify(&app, &second).await, 204);
    assert_eq!(app.browser().try_to_sign_in(ADA, OTHER_PASSWORD, false).await.status, 200);
}

async fn a_sign_up_beyond_the_limit_of_messages_changes_nothing(kind: Kind) {
    let (app, mailbox) = strict(kind).await;
    for _ in 0..4 {
        assert_eq!(app.browser().sign_up(ADA, OTHER_PASSWORD).await.status, 202);
    }
    mailbox.take(4).await;
    assert_eq!(app.browser().sign_up(ADA, PASSWORD).await.status, 202);
    let last = mailbox.one(ADA, SUBJECT).await;

    let sixth = app.browser().sign_up(ADA, OTHER_PASSWORD).await;

    assert_eq!((sixth.status, &*sixth.text), (202, "{}"));
    assert_eq!(verify(&app, &last).await, 204);
    assert_eq!(app.browser().try_to_sign_in(ADA, PASSWORD, false).await.status, 200);
}

async fn a_sign_up_replaces_nothing_but_a_plain_sign_up(kind: Kind) {
    let (app, mailbox) = strict(kind).await;
    let admin = app.administrator("root@example.org").await;
    let path = async |email: &str| {
        let email = Email::parse(email).unwrap();
        let found = app.anteroom.accounts().find_by_email(&email).await.unwrap().unwrap();
        format!("/api/admin/users/{}", found.user.id)
    };
    // As an import or another program makes them.
    for (email, role) in [("imported@example.org", Role::User), ("chief@example.org", Role::Admin)]
    {
        let new = NewUser {
            email: Email::parse(email).unwrap(),
            email_verified: false,
            name: Name::default(),
            role,
            password: Password::from_typed(PASSWORD),
        };
        app.anteroom.accounts().create(new, false).await.unwrap();
    }
    for email in ["grouped@example.org", "disabled@example.org"] {
        assert_eq!(app.browser().sign_up(email, PASSWORD).await.status, 202);
        mailbox.one(email, SUBJECT).await;
    }
    let grouped = json!({ "groups": ["staff"] });
    let disabled = path("disabled@example.org").await;
    assert_eq!(admin.patch(&path("grouped@example.org").await, grouped).await.status, 200);
    assert_eq!(admin.patch(&disabled, json!({ "status": "disabled" })).await.status, 200);

    for email in ["imported", "chief", "grouped", "disabled"] {
        let email = format!("{email}@example.org");
        let sent = app.browser().sign_up(&email, OTHER_PASSWORD).await;
        assert_eq!((sent.status, &*sent.text), (202, "{}"));
    }

    let messages = mailbox.take(3).await;
    for message in &messages {
        assert_eq!(message.header("Subject"), "You have an account already", "{messages:?}");
        assert_ne!(message.to, ["disabled@example.org"]);
    }
    assert_eq!(admin.patch(&disabled, json!({ "status": "active" })).await.status, 200);
    for email in ["imported", "chief", "grouped", "disabled"] {
        let email = format!("{email}@example.org");
        let replaced = app.browser().try_to_sign_in(&email, OTHER_PASSWORD, false).await;
        assert_eq!(replaced.refusal(), (401, "invalid_credentials".to_owned()), "{email}");
        let own = app.browser().try_to_sign_in(&email, PASSWORD, false).await;
        assert_eq!(own.refusal(), (403, "email_unverified".to_owned()), "{email}");
    }
}

async fn where_confirming_is_required_nobody_signs_in_before(kind: Kind) {
    let (app, mailbox) = strict(kind).await;
    let ada = app.browser();
    assert_eq!(ada.sign_up(ADA, PASSWORD).await.status, 202);
    mailbox.one(ADA, SUBJECT).await;

    let refused = ada.try_to_sign_in(ADA, PASSWORD, false).await;

    assert_eq!(refused.refusal(), (403, "email_unverified".to_owned()));
    assert!(refused.set_cookies().is_empty() && !ada.is_signed_in().await);
    mailbox.one(ADA, SUBJECT).await;
    let fields = [("email", ADA), ("password", PASSWORD)];
    let page = ada.post_form("/login", &fields).await;
    assert_eq!(page.status, 403);
    assert!(page.text.contains("sent to you again"), "{}", page.text);
    let message = mailbox.one(ADA, SUBJECT).await;
    // A wrong password says nothing of it, and sends nothing.
    let wrong = ada.try_to_sign_in(ADA, OTHER_PASSWORD, false).await;
    assert_eq!(wrong.refusal(), (401, "invalid_credentials".to_owned()));
    assert_eq!(verify(&app, &message).await, 204);
    assert_eq!(ada.try_to_sign_in(ADA, PASSWORD, false).await.status, 200);
    assert!(mailbox.messages().is_empty());
}

async fn the_link_is_sent_again_until_the_address_is_verified(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let ada = app.browser();
    let path = "/api/account/email/verification";
    assert_eq!(ada.post(path, json!({})).await.status, 401);
    assert_eq!(ada.sign_up(ADA, PASSWORD).await.status, 201);
    mailbox.one(ADA, SUBJECT).await;
    assert!(ada.get("/account").await.text.contains("action=\"/account/verification\""));
    let sent = ada.post_form("/account/verification", &[]).await;
    assert_eq!((sent.status, sent.location()), (303, "/account?done=verification"));
    mailbox.one(ADA, SUBJECT).await;

    let again = ada.post(path, json!({})).await;

    assert_eq!((again.status, &*again.text), (202, "{}"));
    let message = mailbox.one(ADA, SUBJECT).await;
    app.pass(HOUR * 23).await;
    assert_eq!(verify(&app, &message).await, 204);
    assert_eq!(ada.try_to_sign_in(ADA, PASSWORD, false).await.status, 200);
    assert_eq!(ada.post(path, json!({})).await.refusal(), (409, "already_verified".to_owned()));
    assert!(!ada.get("/account").await.text.contains("action=\"/account/verification\""));
}

async fn a_verified_address_needs_no_mail(kind: Kind) {
    let (app, mailbox) = strict(kind).await;
    let root = app.administrator("root@example.org").await;
    assert!(root.is_signed_in().await && mailbox.messages().is_empty());
}

async fn an_invitation_that_was_handed_out_proves_no_address(kind: Kind) {
    let (app, mailbox) = strict(kind).await;
    let admin = app.administrator("root@example.org").await;
    assert_eq!(app.browser().sign_up(ADA, OTHER_PASSWORD).await.status, 202);
    mailbox.one(ADA, SUBJECT).await;
    let email = Email::parse(ADA).unwrap();
    let id = app.anteroom.accounts().find_by_email(&email).await.unwrap().unwrap().user.id;
    let invited = admin.post(&format!("/api/admin/users/{id}/invitation"), json!({})).await;
    let url = invited.json()["invitation"]["url"].as_str().unwrap().to_owned();
    let token = url.split("token=").nth(1).unwrap();
    let browser = app.browser();

    let fields = [("token", token), ("password", PASSWORD)];
    let accepted = browser.post_form("/invitation", &fields).await;

    assert_eq!((accepted.status, accepted.location()), (303, "/signup/sent"));
    assert!(accepted.set_cookies().is_empty() && !browser.is_signed_in().await);
    let refused = browser.try_to_sign_in(ADA, OTHER_PASSWORD, false).await;
    assert_eq!(refused.status, 401, "the password is set");
    let message = mailbox.find(ADA, SUBJECT).await;
    assert_eq!(verify(&app, &message).await, 204);
    assert_eq!(browser.try_to_sign_in(ADA, PASSWORD, false).await.status, 200);
}
