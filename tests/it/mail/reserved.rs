//! An address that a mailed link can give back stays free for its owner, whoever asks for it.

use anteroom::accounts::{
    Email, Groups, ImportError, ImportedUser, ImportedUsers, Name, PasswordHash, Role, Status,
};
use serde_json::json;

use super::crashes::place;
use super::{app, app_with};
use crate::harness::app::{DAY, Kind, MINUTE, OTHER_PASSWORD, PASSWORD, TestApp, on_each_database};
use crate::harness::client::Client;
use crate::harness::mailbox::{Mailbox, Manner, Message};

const ADA: &str = "ada@example.org";
const THIEF: &str = "thief@example.com";

on_each_database!(
    mail_8_an_address_that_can_be_restored_is_taken,
    mail_8_a_sign_up_by_mail_does_not_get_an_address_that_can_be_restored,
    mail_8_undoing_a_change_drops_the_letters_that_would_undo_it,
    mail_8_undoing_a_later_change_keeps_the_link_of_the_owner,
    an_address_is_free_once_nothing_can_restore_it,
    mail_8_an_import_does_not_get_an_address_that_can_be_restored,
    an_import_gets_an_address_that_nothing_can_restore_any_more,
);

/// A file with this account alone, in which every line was right when it was read first.
struct File {
    user: ImportedUser,
    is_read: bool,
}

impl ImportedUsers for File {
    fn rewind(&mut self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.is_read = false;
        Ok(())
    }

    fn next_users(
        &mut self,
    ) -> Result<Vec<ImportedUser>, Box<dyn std::error::Error + Send + Sync>> {
        let was_read = std::mem::replace(&mut self.is_read, true);
        Ok(if was_read { Vec::new() } else { vec![self.user.clone()] })
    }
}

fn file(email: &str) -> File {
    let user = ImportedUser {
        email: Email::parse(email).unwrap(),
        email_verified: false,
        name: Name::default(),
        role: Role::User,
        groups: Groups::default(),
        status: Status::Active,
        hash: PasswordHash::none(),
        created_at: None,
    };
    File { user, is_read: false }
}

/// Somebody with her session moved her account to an address of their own. The message that
/// undoes it.
async fn moved_away(app: &TestApp, mailbox: &Mailbox) -> Message {
    let ada = app.signed_in(ADA).await;
    assert_eq!(ada.patch("/api/account", json!({ "email": THIEF })).await.status, 202);
    let confirming = mailbox.find(THIEF, "Confirm your new email address").await;
    let cancelling = mailbox.find(ADA, "Your email address is about to change").await;
    let body = json!({ "token": confirming.token() });
    assert_eq!(app.browser().post("/api/email/verify", body).await.status, 204);
    cancelling
}

async fn restore(app: &TestApp, cancelling: &Message) {
    let token = cancelling.token();
    let undone = app.browser().post_form("/cancel-email-change", &[("token", &*token)]).await;
    assert_eq!((undone.status, undone.location()), (303, "/cancel-email-change/done"));
    assert_eq!(app.browser().try_to_sign_in(ADA, PASSWORD, false).await.status, 200);
}

async fn mail_8_an_address_that_can_be_restored_is_taken(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let cancelling = moved_away(&app, &mailbox).await;
    let taken = || (409, "email_taken".to_owned());

    assert_eq!(app.browser().sign_up(ADA, OTHER_PASSWORD).await.refusal(), taken());
    let admin = app.administrator("root@example.org").await;
    let invited = admin.post("/api/admin/users", json!({ "email": ADA })).await;
    assert_eq!(invited.refusal(), taken());
    let bob = app.signed_in("bob@example.org").await;
    let path = format!("/api/admin/users/{}", bob.user_id().await);
    assert_eq!(admin.patch(&path, json!({ "email": ADA })).await.refusal(), taken());
    // The answer to its owner tells nothing, and no link goes out.
    assert_eq!(bob.patch("/api/account", json!({ "email": ADA })).await.status, 202);
    mailbox.one("bob@example.org", "Your email address is about to change").await;

    restore(&app, &cancelling).await;
}

async fn mail_8_a_sign_up_by_mail_does_not_get_an_address_that_can_be_restored(kind: Kind) {
    let (app, mailbox) = app_with(kind, |options| {
        options.mail.as_mut().unwrap().verification_is_required = true;
    })
    .await;
    let cancelling = moved_away(&app, &mailbox).await;

    let sent = app.browser().sign_up(ADA, OTHER_PASSWORD).await;

    assert_eq!((sent.status, &*sent.text), (202, "{}"));
    restore(&app, &cancelling).await;
    assert_eq!(app.browser().try_to_sign_in(ADA, OTHER_PASSWORD, false).await.status, 401);
}

async fn mail_8_an_import_does_not_get_an_address_that_can_be_restored(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let cancelling = moved_away(&app, &mailbox).await;
    let accounts = app.anteroom.accounts();
    let emails = [ADA, THIEF, "bob@example.org"].map(|email| Email::parse(email).unwrap());
    assert_eq!(accounts.reserved(&emails).await.unwrap(), emails[..1]);

    let outcome = accounts.import(&mut file(ADA)).await;

    assert!(matches!(outcome, Err(ImportError::EmailTaken)), "{outcome:?}");
    assert_eq!(accounts.import(&mut file("bob@example.org")).await.unwrap(), 1);
    restore(&app, &cancelling).await;
}

async fn an_import_gets_an_address_that_nothing_can_restore_any_more(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    moved_away(&app, &mailbox).await;
    app.pass(DAY * 7).await;
    let accounts = app.anteroom.accounts();
    assert_eq!(accounts.reserved(&[Email::parse(ADA).unwrap()]).await.unwrap(), []);
    assert_eq!(accounts.import(&mut file(ADA)).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_with_an_address_that_can_be_restored_is_refused_by_name() {
    let mailbox = Mailbox::open().await;
    let server = place(&mailbox).with_file("users", "email\nbob@example.org\nADA@example.org\n");
    let server = server.serve(&[]);
    let ada = Client::of(&server);
    ada.sign_up(ADA).await;
    let change = ada.request(reqwest::Method::PATCH, "/api/account");
    let change = change.json(&json!({ "email": THIEF })).send().await.unwrap();
    assert_eq!(change.status(), 202);
    let token = mailbox.find(THIEF, "Confirm your new email address").await.token();
    mailbox.find(ADA, "Your email address is about to change").await;
    let confirmed = ada.post_json("/api/email/verify", &json!({ "token": token })).await;
    assert_eq!(confirmed.status(), 204);

    let outcome = server.command(&["import", "users", "users"]);

    let line = "users:3: email: a mailed link can still give this address back to another account";
    assert!(outcome.code == Some(1) && outcome.stderr.contains(line), "{outcome:?}");
    assert!(outcome.stderr.contains("wrong lines: 1 of 2"), "{outcome:?}");
}

async fn an_address_is_free_once_nothing_can_restore_it(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    moved_away(&app, &mailbox).await;
    app.pass(DAY * 6).await;
    assert_eq!(app.browser().sign_up(ADA, OTHER_PASSWORD).await.status, 409);
    // Its account may have it back at any time.
    let ada = app.browser();
    assert_eq!(ada.try_to_sign_in(THIEF, PASSWORD, false).await.status, 200);
    assert_eq!(ada.patch("/api/account", json!({ "email": ADA })).await.status, 202);
    mailbox.find(ADA, "Confirm your new email address").await;

    app.pass(DAY * 2).await;

    assert_eq!(app.browser().sign_up(ADA, OTHER_PASSWORD).await.status, 201);
}

/// The thief's mail server takes no mail until the owner has undone the change.
async fn mail_8_undoing_a_change_drops_the_letters_that_would_undo_it(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let cancelling = moved_away(&app, &mailbox).await;
    let thief = app.browser();
    assert_eq!(thief.try_to_sign_in(THIEF, PASSWORD, false).await.status, 200);
    mailbox.behave(Manner::Defers);
    let second = json!({ "email": "second@example.com" });
    assert_eq!(thief.patch("/api/account", second).await.status, 202);

    restore(&app, &cancelling).await;

    mailbox.behave(Manner::Accepts);
    app.pass(MINUTE).await;
    // Sent after whatever was queued before.
    app.browser().post("/api/recovery", json!({ "email": ADA })).await;
    mailbox.find(ADA, "Set a new password").await;
    let to_thief = mailbox.messages().into_iter().find(|message| message.to == [THIEF]);
    assert!(to_thief.is_none(), "{to_thief:?}");
}

async fn mail_8_undoing_a_later_change_keeps_the_link_of_the_owner(kind: Kind) {
    let (app, mailbox) = app(kind).await;
    let cancelling = moved_away(&app, &mailbox).await;
    app.pass(MINUTE).await;
    let thief = app.browser();
    assert_eq!(thief.try_to_sign_in(THIEF, PASSWORD, false).await.status, 200);
    let second = json!({ "email": "second@example.com" });
    assert_eq!(thief.patch("/api/account", second).await.status, 202);
    let own = mailbox.find(THIEF, "Your email address is about to change").await.token();

    let undone = app.browser().post_form("/cancel-email-change", &[("token", &*own)]).await;

    assert_eq!(undone.status, 303);
    restore(&app, &cancelling).await;
}
