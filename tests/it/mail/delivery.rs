//! What becomes of a message: retries, what administrators see, crashes, and several servers.

use anteroom::accounts::Role;
use serde_json::json;
use time::format_description::well_known::Rfc3339;

use super::app;
use crate::harness::app::{DAY, HOUR, Kind, MINUTE, PASSWORD, TestApp, on_each_database};
use crate::harness::browser::Browser;
use crate::harness::mailbox::{LONGEST_DELAY, Manner};

const ADA: &str = "ada@example.org";
const PEOPLE: usize = 20;

on_each_database!(
    a_message_is_sent_again_until_it_is_accepted,
    a_message_is_given_up_after_a_day_and_administrators_see_why,
    a_message_that_is_refused_for_good_is_given_up_at_once,
    a_message_whose_acceptance_was_not_heard_comes_again_as_the_same,
    queued_recovery_is_dropped_when_the_password_changes,
    each_message_is_sent_by_one_of_several_servers,
);

async fn listed(admin: &Browser) -> Vec<serde_json::Value> {
    let answer = admin.get("/api/admin/mail").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["messages"].as_array().unwrap().clone()
}

/// The first message that administrators see, once this is true of it.
async fn seen(admin: &Browser, is_right: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
    for _ in 0..2000 {
        if let Some(first) = listed(admin).await.first()
            && is_right(first)
        {
            return first.clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("{:?}", listed(admin).await);
}

async fn ask(app: &TestApp) {
    let asked = app.browser().post("/api/recovery", json!({ "email": ADA })).await;
    assert_eq!(asked.status, 202);
    later(app, LONGEST_DELAY).await;
}

/// Lets time pass, and the next attempts begin.
async fn later(app: &TestApp, time: std::time::Duration) {
    app.pass(time).await;
    app.anteroom.mail().wake();
}

async fn a_message_is_sent_again_until_it_is_accepted(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    app.add(ADA, Role::User).await;
    let admin = app.administrator("root@example.org").await;
    mailbox.behave(Manner::Defers);
    ask(&app).await;
    let first = seen(&admin, |message| !message["error"].is_null()).await;
    assert_eq!((&first["kind"], &first["to"]), (&json!("recovery"), &json!(ADA)));
    assert_eq!((&first["status"], &first["attempts"]), (&json!("pending"), &json!(1)));
    let error = first["error"].as_str().unwrap();
    assert!(error.contains("451") && error.contains("come again later"), "{error}");
    assert!(!error.contains(char::is_control), "{error:?}");
    assert!(first["next_attempt_at"].is_string());
    let page = admin.get("/admin/mail").await;
    assert!(page.text.contains(ADA) && page.text.contains("come again later"), "{}", page.text);

    mailbox.behave(Manner::Accepts);
    later(&app, MINUTE).await;

    let token = mailbox.one(ADA, "Set a new password").await.token();
    let path = format!("/recover/confirm?token={token}");
    assert_eq!(app.browser().get(&path).await.status, 200);
    for _ in 0..2000 {
        if listed(&admin).await.is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("{:?}", listed(&admin).await);
}

async fn a_message_is_given_up_after_a_day_and_administrators_see_why(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    app.add(ADA, Role::User).await;
    let mut admin = app.administrator("root@example.org").await;
    mailbox.behave(Manner::Defers);
    ask(&app).await;
    let mut last = 0;
    let given_up = loop {
        let attempts = |message: &serde_json::Value| message["attempts"].as_u64().unwrap();
        // Between the claim and the result the number is higher, and the time is that of before.
        let is_new = |message: &serde_json::Value| {
            let next = message["next_attempt_at"]
                .as_str()
                .map(|next| time::OffsetDateTime::parse(next, &Rfc3339).unwrap() > app.clock.now());
            attempts(message) > last && next.unwrap_or(true)
        };
        let message = seen(&admin, is_new).await;
        last = attempts(&message);
        if message["status"] == "failed" {
            break message;
        }
        assert!(last < 30, "{message}");
        later(&app, HOUR * 5).await;
        admin = app.administrator("root@example.org").await;
    };
    assert!(given_up["next_attempt_at"].is_null(), "{given_up}");
    assert!((12..=20).contains(&last), "{last}");
    let events = super::events(&admin).await;
    assert!(events.iter().any(|event| event == "mail_failed"), "{events:?}");
    app.pass(DAY * 9).await;
    assert!(app.anteroom.mail().sweep(100).await.unwrap());
    let admin = app.administrator("root@example.org").await;
    assert_eq!(listed(&admin).await, Vec::<serde_json::Value>::new());
}

/// RFC 5321, section 4.2.1: a client does not repeat what was refused for good.
async fn a_message_that_is_refused_for_good_is_given_up_at_once(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    app.add(ADA, Role::User).await;
    let admin = app.administrator("root@example.org").await;
    mailbox.behave(Manner::Refuses);
    ask(&app).await;

    let given_up = seen(&admin, |message| message["status"] == "failed").await;

    assert_eq!((&given_up["attempts"], &given_up["next_attempt_at"]), (&json!(1), &json!(null)));
    let error = given_up["error"].as_str().unwrap();
    assert!(error.contains("550") && error.contains("no such mailbox"), "{error}");
    mailbox.behave(Manner::Accepts);
    later(&app, HOUR * 5).await;
    app.add("bob@example.org", Role::User).await;
    let asked = json!({ "email": "bob@example.org" });
    app.browser().post("/api/recovery", asked).await;
    mailbox.one("bob@example.org", "Set a new password").await;
}

async fn a_message_whose_acceptance_was_not_heard_comes_again_as_the_same(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    app.add(ADA, Role::User).await;
    mailbox.behave(Manner::LosesTheReply);
    ask(&app).await;
    let first = mailbox.take(1).await.remove(0);
    mailbox.behave(Manner::Accepts);
    let admin = app.administrator("root@example.org").await;
    seen(&admin, |message| !message["error"].is_null()).await;
    later(&app, MINUTE).await;

    let second = mailbox.take(1).await.remove(0);

    assert_eq!(first.header("Message-ID"), second.header("Message-ID"));
    assert_ne!(first.token(), second.token());
    for token in [first.token(), second.token()] {
        let path = format!("/recover/confirm?token={token}");
        assert_eq!(app.browser().get(&path).await.status, 200);
    }
}

async fn queued_recovery_is_dropped_when_the_password_changes(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let ada = app.signed_in(ADA).await;
    let admin = app.administrator("root@example.org").await;
    mailbox.behave(Manner::Defers);
    ask(&app).await;
    seen(&admin, |message| !message["error"].is_null()).await;

    let changed = ada.change_password(PASSWORD, crate::harness::app::OTHER_PASSWORD).await;

    assert_eq!(changed.status, 204);
    // Also tried once: the time that passes now would not help an attempt that is under way.
    let is_deferred = |message: &serde_json::Value| !message["error"].is_null();
    seen(&admin, |message| message["kind"] == "password_changed" && is_deferred(message)).await;
    assert_eq!(listed(&admin).await.len(), 1);
    mailbox.behave(Manner::Accepts);
    later(&app, MINUTE).await;
    mailbox.one(ADA, "Your password was changed").await;
}

async fn each_message_is_sent_by_one_of_several_servers(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    if app.postgres.is_none() {
        return;
    }
    let mut others = Vec::new();
    for _ in 0..2 {
        let (at, mail) = (app.accounts_at.clone(), mailbox.options());
        let other = TestApp::one_of_several(kind, |options| {
            options.database = at;
            options.mail = Some(mail);
        });
        others.push(other.await);
    }
    for number in 0..PEOPLE {
        app.add(&format!("p{number}@example.org"), Role::User).await;
    }
    for number in 0..PEOPLE {
        let body = json!({ "email": format!("p{number}@example.org") });
        let server = if number % 2 == 0 { &app } else { &others[0] };
        assert_eq!(server.browser().post("/api/recovery", body).await.status, 202);
    }
    for server in others.iter().chain([&app]) {
        later(server, LONGEST_DELAY).await;
    }
    let messages = mailbox.take(PEOPLE).await;
    let mut to: Vec<String> = messages.into_iter().map(|message| message.to[0].clone()).collect();
    to.sort();
    to.dedup();
    assert_eq!(to.len(), PEOPLE);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(mailbox.messages().is_empty(), "{:?}", mailbox.messages());
}
