//! How much mail strangers can cause to an address.

use std::time::Duration;

use anteroom::accounts::Role;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::app;
use crate::harness::app::{Kind, OTHER_PASSWORD, PASSWORD, TestApp, on_each_database};
use crate::harness::mailbox::{LONGEST_DELAY, Mailbox, Manner, Message};

const ADA: &str = "ada@example.org";
const VIC: &str = "vic@example.org";
const CONFIRM_NEW: &str = "Confirm your new email address";

on_each_database!(
    thr_13_an_unverified_address_gets_five_messages_an_hour_of_all_kinds,
    thr_13_a_message_that_is_being_sent_counts_once_it_is_void,
    thr_13_signing_up_and_deleting_the_account_again_gives_no_more_messages,
    enum_4_a_message_that_a_stranger_causes_waits_for_a_random_time,
);

/// What came to an address, once everything that was queued before is sent.
async fn came(app: &TestApp, mailbox: &Mailbox, to: &str) -> Vec<Message> {
    app.add("last@example.org", Role::User).await;
    app.browser().post("/api/recovery", json!({ "email": "last@example.org" })).await;
    mailbox.find("last@example.org", "Set a new password").await;
    mailbox.messages().into_iter().filter(|message| message.to == [to]).collect()
}

async fn thr_13_an_unverified_address_gets_five_messages_an_hour_of_all_kinds(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let stranger = app.browser();
    assert_eq!(stranger.sign_up(VIC, PASSWORD).await.status, 201);
    for _ in 0..3 {
        assert_eq!(stranger.change_password(PASSWORD, OTHER_PASSWORD).await.status, 204);
        assert_eq!(stranger.change_password(OTHER_PASSWORD, PASSWORD).await.status, 204);
        let new = json!({ "email": "elsewhere@example.com" });
        assert_eq!(stranger.patch("/api/account", new).await.status, 202);
    }

    let messages = came(&app, &mailbox, VIC).await;

    assert_eq!(messages.len(), 5, "{messages:?}");
}

/// Sent at once, it would delay the next request of the stranger.
async fn enum_4_a_message_that_a_stranger_causes_waits_for_a_random_time(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let mut waits = Vec::new();
    for number in 0..8 {
        let email = format!("p{number}@example.org");
        app.add(&email, Role::User).await;
        let admin = app.administrator("root@example.org").await;
        assert_eq!(
            app.browser().post("/api/recovery", json!({ "email": email })).await.status,
            202
        );
        app.anteroom.mail().wake();
        let listed = admin.get("/api/admin/mail").await.json()["messages"][0].clone();
        let moment =
            |name: &str| OffsetDateTime::parse(listed[name].as_str().unwrap(), &Rfc3339).unwrap();
        waits.push(moment("next_attempt_at") - moment("created_at"));
        assert_eq!(listed["attempts"], 0);
        mailbox.find(&email, "Set a new password").await;
    }
    // The API has whole seconds; a unit test has the bounds.
    assert!(waits.iter().all(|wait| wait.unsigned_abs() <= LONGEST_DELAY), "{waits:?}");
}

/// The mail server takes each message, and the connection breaks before it says so.
async fn thr_13_a_message_that_is_being_sent_counts_once_it_is_void(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let ada = app.signed_in(ADA).await;
    mailbox.behave(Manner::LosesTheReply);
    for _ in 0..5 {
        assert_eq!(ada.patch("/api/account", json!({ "email": VIC })).await.status, 202);
        mailbox.find(VIC, CONFIRM_NEW).await;
    }

    assert_eq!(ada.patch("/api/account", json!({ "email": VIC })).await.status, 202);

    mailbox.behave(Manner::Accepts);
    let messages = came(&app, &mailbox, VIC).await;
    assert!(messages.is_empty(), "{messages:?}");
}

async fn thr_13_signing_up_and_deleting_the_account_again_gives_no_more_messages(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    for number in 0..8 {
        let stranger = app.browser();
        assert_eq!(stranger.sign_up(VIC, PASSWORD).await.status, 201);
        if number < 5 {
            mailbox.find(VIC, "Confirm your email address").await;
        }
        assert_eq!(stranger.delete("/api/account").await.status, 204);
    }

    let messages = came(&app, &mailbox, VIC).await;

    assert!(messages.is_empty(), "{messages:?}");
    // Nothing of the account is left but the address, and that for as long as it counts.
    let admin = app.administrator("root@example.org").await;
    assert!(!admin.get("/api/admin/mail").await.text.contains(VIC));
    app.pass(Duration::from_hours(1)).await;
    assert_eq!(app.browser().sign_up(VIC, PASSWORD).await.status, 201);
    mailbox.find(VIC, "Confirm your email address").await;
}
