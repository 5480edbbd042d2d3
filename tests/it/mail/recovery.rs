//! A new password by mail.

use std::time::Duration;

use anteroom::accounts::Role;
use serde_json::json;

use super::{app, events};
use crate::harness::app::{Kind, MINUTE, OTHER_PASSWORD, PASSWORD, TestApp, on_each_database};
use crate::harness::browser::Answer;

const ADA: &str = "ada@example.org";
const SUBJECT: &str = "Set a new password";

on_each_database!(
    mail_1_mail_4_attack_134_a_link_sets_a_password_once_and_ends_every_session,
    mail_3_of_two_requests_with_one_link_one_succeeds,
    mail_1_attack_130_a_link_is_void_once_the_account_changes,
    thr_13_attack_117_an_address_gets_five_messages_an_hour,
    mail_2_looking_at_a_link_uses_nothing_up,
    enum_4_mail_5_asking_changes_nothing_and_tells_nothing,
    mail_1_attack_130_a_link_has_one_purpose_and_an_end,
    recovery_is_absent_where_mail_is_off,
    mail_6_mail_7_what_is_no_single_address_is_refused,
    a_message_is_in_the_language_of_the_last_sign_in,
);

async fn mail_1_mail_4_attack_134_a_link_sets_a_password_once_and_ends_every_session(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let ada = app.signed_in(ADA).await;
    let admin = app.administrator("root@example.org").await;
    let stranger = app.browser();

    let asked = stranger.post("/api/recovery", json!({ "email": "Ada@Example.org" })).await;

    assert_eq!((asked.status, &*asked.text), (202, "{}"));
    let message = mailbox.one(ADA, SUBJECT).await;
    let token = message.token();
    assert_eq!(token.len(), 43, "{token}");
    assert_eq!(message.header("Auto-Submitted"), "auto-generated");
    assert_eq!(message.header("From"), "Example <no-reply@example.org>");
    assert!(message.header("Message-ID").ends_with("@example.org>"), "{}", message.raw);
    assert!(!message.header("Date").is_empty());
    let [text, html] = message.parts();
    let link = format!("{}/recover/confirm?token={token}", app.public_url);
    assert!(text.contains(&link) && html.contains(&link), "{text}\n{html}");
    assert!(ada.is_signed_in().await);
    let body = json!({ "token": token, "new_password": "short" });
    assert_eq!(stranger.post("/api/recovery/confirm", body).await.status, 422);

    let body = json!({ "token": token, "new_password": OTHER_PASSWORD });
    let set = stranger.post("/api/recovery/confirm", body.clone()).await;

    assert_eq!(set.status, 204, "{}", set.text);
    assert!(set.set_cookies().is_empty() && !stranger.is_signed_in().await);
    assert_eq!(ada.why_not().await, "password_changed");
    assert_eq!(stranger.post("/api/recovery/confirm", body).await.refusal().1, "link_expired");
    assert_eq!(stranger.try_to_sign_in(ADA, PASSWORD, false).await.status, 401);
    assert_eq!(stranger.try_to_sign_in(ADA, OTHER_PASSWORD, false).await.status, 200);
    mailbox.one(ADA, "Your password was changed").await;
    let events = events(&admin).await;
    for kind in ["recovery_requested", "password_changed", "session_ended"] {
        assert!(events.iter().any(|event| event == kind), "{events:?}");
    }
}

async fn mail_3_of_two_requests_with_one_link_one_succeeds(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    app.add(ADA, Role::User).await;
    app.browser().post("/api/recovery", json!({ "email": ADA })).await;
    let token = mailbox.one(ADA, SUBJECT).await.token();
    let browsers = [(); 6].map(|()| app.browser());
    let all = browsers.iter().map(|browser| {
        let body = json!({ "token": token, "new_password": OTHER_PASSWORD });
        browser.post("/api/recovery/confirm", body)
    });

    let answers: Vec<Answer> = futures_util::future::join_all(all).await;

    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 410, 410, 410, 410, 410]);
}

/// How an attempt to set a password by this link ends.
async fn attempt(app: &TestApp, token: &str) -> (u16, String) {
    let body = json!({ "token": token, "new_password": OTHER_PASSWORD });
    app.browser().post("/api/recovery/confirm", body).await.refusal()
}

fn gone() -> (u16, String) {
    (410, "link_expired".to_owned())
}

async fn mail_1_attack_130_a_link_is_void_once_the_account_changes(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let ada = app.signed_in(ADA).await;
    let admin = app.administrator("root@example.org").await;
    let path = format!("/api/admin/users/{}", ada.user_id().await);
    let asked = async || {
        app.pass(MINUTE * 13).await;
        let link = app.browser().post("/api/recovery", json!({ "email": ADA })).await;
        assert_eq!(link.status, 202);
        mailbox.take(1).await.remove(0).token()
    };

    // Several links work side by side, until one is used.
    let links = [asked().await, asked().await];
    assert_eq!(attempt(&app, &links[1]).await.0, 204);
    assert_eq!(attempt(&app, &links[0]).await, gone());
    mailbox.take(1).await;

    let link = asked().await;
    assert_eq!(admin.try_to_sign_in("root@example.org", PASSWORD, false).await.status, 200);
    assert_eq!(admin.patch(&path, json!({ "status": "disabled" })).await.status, 200);
    assert_eq!(attempt(&app, &link).await, gone());
    assert_eq!(admin.patch(&path, json!({ "status": "active" })).await.status, 200);
    assert_eq!(attempt(&app, &link).await, gone());

    let link = asked().await;
    assert_eq!(admin.try_to_sign_in("root@example.org", PASSWORD, false).await.status, 200);
    let readdressed = json!({ "email": "ada@example.com" });
    assert_eq!(admin.patch(&path, readdressed).await.status, 200);
    assert_eq!(attempt(&app, &link).await, gone());
}

async fn thr_13_attack_117_an_address_gets_five_messages_an_hour(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    app.add(ADA, Role::User).await;
    let ask = async || {
        let answer = app.browser().post("/api/recovery", json!({ "email": ADA })).await;
        assert_eq!((answer.status, &*answer.text), (202, "{}"));
    };
    for _ in 0..5 {
        ask().await;
    }
    mailbox.take(5).await;
    ask().await;
    app.pass(MINUTE * 59).await;
    ask().await;
    app.add("bob@example.org", Role::User).await;
    app.browser().post("/api/recovery", json!({ "email": "bob@example.org" })).await;
    mailbox.one("bob@example.org", SUBJECT).await;
    app.pass(MINUTE * 2).await;
    ask().await;
    mailbox.one(ADA, SUBJECT).await;
}

async fn mail_2_looking_at_a_link_uses_nothing_up(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    app.add(ADA, Role::User).await;
    let browser = app.browser();
    let sent = browser.post_form("/recover", &[("email", ADA)]).await;
    assert_eq!((sent.status, sent.location()), (303, "/recover/sent"));
    assert_eq!(browser.get("/recover/sent").await.status, 200);
    let token = mailbox.one(ADA, SUBJECT).await.token();
    let path = format!("/recover/confirm?token={token}");
    for _ in 0..3 {
        let page = browser.get(&path).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert!(page.header("cache-control").contains("no-store"));
    }
    let fields = [("token", &*token), ("new_password", "short")];
    let again = browser.post_form("/recover/confirm", &fields).await;
    assert_eq!(again.status, 422);
    assert!(again.text.contains(&token) && !again.text.contains("value=\"short\""));

    let fields = [("token", &*token), ("new_password", OTHER_PASSWORD)];
    let done = browser.post_form("/recover/confirm", &fields).await;

    assert_eq!((done.status, done.location()), (303, "/login"));
    assert!(!browser.is_signed_in().await);
    assert_eq!(browser.get(&path).await.status, 410);
    assert_eq!(browser.post_form("/recover/confirm", &fields).await.status, 410);
}

async fn enum_4_mail_5_asking_changes_nothing_and_tells_nothing(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let ada = app.signed_in(ADA).await;
    let gone = app.add("gone@example.org", Role::User).await.user.id;
    let admin = app.administrator("root@example.org").await;
    let path = format!("/api/admin/users/{gone}");
    assert_eq!(admin.patch(&path, json!({ "status": "disabled" })).await.status, 200);
    let mut seen = Vec::new();
    for email in [ADA, "nobody@example.org", "gone@example.org"] {
        let api = app.browser().post("/api/recovery", json!({ "email": email })).await;
        let form = app.browser().post_form("/recover", &[("email", email)]).await;
        let heads = [&api, &form].map(|answer| {
            let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
            names.sort();
            names
        });
        let form = (form.status, form.location().to_owned(), form.text.clone());
        seen.push((api.status, api.text.clone(), form, heads));
    }
    assert!(seen.windows(2).all(|two| two[0] == two[1]), "{seen:?}");
    let messages = mailbox.take(2).await;
    assert!(messages.iter().all(|message| message.to == [ADA]), "{messages:?}");
    assert!(ada.is_signed_in().await);
    assert_eq!(app.browser().try_to_sign_in(ADA, PASSWORD, false).await.status, 200);
    // Administrators do not see what strangers typed.
    let listed = admin.get("/api/admin/mail").await;
    assert!(!listed.text.contains("nobody@"), "{}", listed.text);
}

async fn mail_1_attack_130_a_link_has_one_purpose_and_an_end(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    app.add(ADA, Role::User).await;
    app.browser().post("/api/recovery", json!({ "email": ADA })).await;
    let token = mailbox.one(ADA, SUBJECT).await.token();
    for path in ["/verify-email", "/cancel-email-change"] {
        assert_eq!(app.browser().get(&format!("{path}?token={token}")).await.status, 410);
        let used = app.browser().post_form(path, &[("token", &*token)]).await;
        assert_eq!(used.status, 410, "{path}");
    }
    let used = app.browser().post("/api/email/verify", json!({ "token": token })).await;
    assert_eq!(used.refusal(), gone());
    assert_eq!(app.browser().get(&format!("/invitation?token={token}")).await.status, 404);
    for other in ["", "x", &token[1..], &format!("{token}A"), &token.to_lowercase()] {
        assert_eq!(attempt(&app, other).await, gone(), "{other}");
    }
    app.pass(Duration::from_secs(30 * 60 - 1)).await;
    assert_eq!(app.browser().get(&format!("/recover/confirm?token={token}")).await.status, 200);
    app.pass(Duration::from_secs(1)).await;
    assert_eq!(attempt(&app, &token).await, gone());
}

async fn recovery_is_absent_where_mail_is_off(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.browser();
    for path in ["/recover", "/recover/sent", "/recover/confirm?token=x", "/verify-email?token=x"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    for path in ["/api/recovery", "/api/recovery/confirm", "/api/email/verify"] {
        let body = match path {
            "/api/recovery" => json!({ "email": ADA }),
            "/api/email/verify" => json!({ "token": "x" }),
            _ => json!({ "token": "x", "new_password": OTHER_PASSWORD }),
        };
        assert_eq!(browser.post(path, body).await.refusal(), (404, "not_found".to_owned()));
    }
    assert!(!browser.get("/login").await.text.contains("/recover"));
    let (app, _mailbox) = super::app(kind).await;
    assert!(app.browser().get("/login").await.text.contains("/recover"));
}

async fn mail_6_mail_7_what_is_no_single_address_is_refused(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    app.add(ADA, Role::User).await;
    for email in [
        "ada@example.org,eve@example.org",
        "ada@example.org eve@example.org",
        "ada@example.org\r\nBcc: eve@example.org",
        "ada@example.org\0",
        "ada@example.org@eve.example.org",
        "<ada@example.org>",
        "\u{430}da@example.org",
    ] {
        let answer = app.browser().post("/api/recovery", json!({ "email": email })).await;
        assert_eq!(answer.status, 422, "{email:?}");
    }
    for email in [json!([ADA, "eve@example.org"]), json!({ "a": ADA }), json!(null), json!(1)] {
        let answer = app.browser().post("/api/recovery", json!({ "email": email })).await;
        assert_eq!(answer.status, 400, "{email}");
    }
    let browser = app.browser();
    let twice = browser.ask(reqwest::Method::POST, "/api/recovery", |request| {
        let body = r#"{"email":"ada@example.org","email":"eve@example.org"}"#;
        request.header("content-type", "application/json").body(body)
    });
    assert_eq!(twice.await.status, 400);
    // A full-width sign is the one that it looks like, and the account's own address gets the mail.
    let wide = json!({ "email": "ADA\u{ff20}example.org" });
    assert_eq!(app.browser().post("/api/recovery", wide).await.status, 202);
    mailbox.one(ADA, SUBJECT).await;
}

async fn a_message_is_in_the_language_of_the_last_sign_in(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    app.add(ADA, Role::User).await;
    let ada = app.browser();
    ada.keep_cookie("lang", "ko");
    assert_eq!(ada.try_to_sign_in(ADA, PASSWORD, false).await.status, 200);

    // A stranger's language does not count.
    app.browser().post("/api/recovery", json!({ "email": ADA })).await;

    let [text, html] = mailbox.take(1).await.remove(0).parts();
    assert!(text.contains("새 비밀번호") && text.contains("Ada 님"), "{text}");
    assert!(html.contains("lang=\"ko\""), "{html}");
}
