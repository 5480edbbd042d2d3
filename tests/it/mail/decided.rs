//! Two changes that were decided by the same account: the later one is decided again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anteroom::Anteroom;
use anteroom::accounts::{
    Account, AccountStore, Change, ChangeError, Email, EpochRaise, EpochReason, LinkDigest,
    LinkPurpose, PasswordChange, PasswordHash, PendingEmail, UsedLink,
};
use serde_json::json;
use tokio::runtime::Handle;

use super::app_with;
use crate::harness::app::{Kind, PASSWORD, TestApp, on_each_database};
use crate::harness::mailbox::Mailbox;

const ADA: &str = "ada@example.org";
const THIEF: &str = "thief@example.com";

on_each_database!(
    mail_8_of_a_confirmation_and_its_undoing_the_later_is_decided_again,
    a_password_is_not_replaced_once_the_address_is_confirmed,
);

fn used(token: &str, purpose: LinkPurpose) -> UsedLink {
    UsedLink { digest: LinkDigest::of(token), purpose }
}

fn decided_by(account: &Account, change: Change) -> Change {
    Change { seen: account.epoch, seen_user: Some(account.user.clone()), ..change }
}

async fn mail_8_of_a_confirmation_and_its_undoing_the_later_is_decided_again(kind: Kind) {
    let mailbox = Mailbox::open().await;
    let mail = mailbox.options();
    let store: Arc<Mutex<Option<Arc<dyn AccountStore>>>> = Arc::default();
    let kept = Arc::clone(&store);
    let app = TestApp::start_over(
        kind,
        |options| options.mail = Some(mail),
        Anteroom::front,
        move |stores| {
            *kept.lock().unwrap() = Some(Arc::clone(&stores.accounts));
            stores
        },
    )
    .await;
    let store = store.lock().unwrap().take().unwrap();
    let ada = app.signed_in(ADA).await;
    assert_eq!(ada.patch("/api/account", json!({ "email": THIEF })).await.status, 202);
    let confirming = mailbox.find(THIEF, "Confirm your new email address").await.token();
    let cancelling = mailbox.find(ADA, "Your email address is about to change").await.token();
    let (email, new) = (Email::parse(ADA).unwrap(), Email::parse(THIEF).unwrap());
    let seen = app.anteroom.accounts().find_by_email(&email).await.unwrap().unwrap();
    let (id, now) = (seen.user.id, app.clock.now());
    let confirm = Change {
        email: Some((new.clone(), true)),
        link: Some(used(&confirming, LinkPurpose::NewAddress)),
        pending_email: Some(PendingEmail::Settled),
        ..Change::default()
    };
    let undo = Change {
        link: Some(used(&cancelling, LinkPurpose::CancelChange)),
        pending_email: Some(PendingEmail::Settled),
        raise: Some(EpochRaise { reason: EpochReason::RevokedByUser, survivor: None }),
        ..Change::default()
    };

    store.change(id, &decided_by(&seen, confirm), now).await.unwrap();
    let late = store.change(id, &decided_by(&seen, undo), now).await.unwrap_err();

    assert!(matches!(late, ChangeError::Moved), "{late:?}");
    let fields = [("token", &*cancelling)];
    assert_eq!(app.browser().post_form("/cancel-email-change", &fields).await.status, 303);
    assert_eq!(app.browser().try_to_sign_in(ADA, PASSWORD, false).await.status, 200);
}

/// The owner confirms the address between the decision of a stranger's sign-up and its write.
async fn a_password_is_not_replaced_once_the_address_is_confirmed(kind: Kind) {
    let (app, mailbox) = app_with(kind, |options| {
        options.mail.as_mut().unwrap().verification_is_required = true;
    })
    .await;
    assert_eq!(app.browser().sign_up(ADA, PASSWORD).await.status, 202);
    let token = mailbox.find(ADA, "Confirm your email address").await.token();
    let email = Email::parse(ADA).unwrap();
    let accounts = app.anteroom.accounts();
    let id = accounts.find_by_email(&email).await.unwrap().unwrap().user.id;
    let replacing = Change {
        password: Some(PasswordChange { from: None, to: PasswordHash::none() }),
        raise: Some(EpochRaise { reason: EpochReason::PasswordChanged, survivor: None }),
        ..Change::default()
    };
    let decisions = AtomicUsize::new(0);
    let decide = |account: &Account| {
        if decisions.fetch_add(1, Ordering::SeqCst) == 0 {
            let body = json!({ "token": token });
            let confirmed = async { app.browser().post("/api/email/verify", body).await.status };
            let status = tokio::task::block_in_place(|| Handle::current().block_on(confirmed));
            assert_eq!(status, 204);
        }
        (!account.user.email_verified).then(|| replacing.clone())
    };

    accounts.change(id, decide).await.unwrap();

    assert_eq!(decisions.load(Ordering::SeqCst), 2);
    assert_eq!(app.browser().try_to_sign_in(ADA, PASSWORD, false).await.status, 200);
}
