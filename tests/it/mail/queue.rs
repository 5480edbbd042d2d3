//! The queue of letters, as the servers that send them see it.

use std::sync::{Arc, Mutex};

use anteroom::Anteroom;
use anteroom::accounts::{
    Account, Email, Letter, LetterId, LetterKind, Link, LinkDigest, LinkPurpose, Role,
};
use anteroom::entropy::Entropy;
use anteroom::mail::{MailListing, MailStore};
use sqlx::{Connection as _, SqliteConnection};
use time::Duration;

use crate::harness::app::{Kind, MINUTE, TestApp, on_each_database};

on_each_database!(
    a_claim_that_is_renewed_is_nobody_elses,
    letters_of_a_later_release_are_left_to_it,
    a_notice_of_a_change_is_void_once_nothing_can_give_the_address_back,
);

/// A server without mail, which sends nothing by itself, and the store of its queue.
async fn app_and_queue(kind: Kind) -> (TestApp, Arc<dyn MailStore>) {
    let store: Arc<Mutex<Option<Arc<dyn MailStore>>>> = Arc::default();
    let kept = Arc::clone(&store);
    let wrap = move |stores: anteroom::Stores| {
        *kept.lock().unwrap() = Some(Arc::clone(&stores.mail));
        stores
    };
    let app = TestApp::start_over(kind, |_| (), Anteroom::front, wrap).await;
    let store = store.lock().unwrap().take().unwrap();
    (app, store)
}

fn letter(app: &TestApp, to: &Account) -> Letter {
    let now = app.clock.now();
    Letter {
        id: LetterId::from_uuid(Entropy::operating_system().id(now).unwrap()),
        kind: LetterKind::PasswordChanged,
        user: Some(to.user.id),
        to: to.user.email.clone(),
        detail: String::new(),
        language: String::new(),
        queued_at: now,
        due_at: now,
    }
}

async fn a_claim_that_is_renewed_is_nobody_elses(kind: Kind) {
    let (app, queue) = app_and_queue(kind).await;
    let ada = app.add("ada@example.org", Role::User).await;
    queue.queue(&letter(&app, &ada)).await.unwrap();
    let start = app.clock.now();
    let claimed = queue.claim(start, start + Duration::MINUTE, 10).await.unwrap().remove(0);

    queue.renew(&claimed, start + Duration::HOUR).await.unwrap();

    let later = start + Duration::minutes(59);
    assert_eq!(queue.claim(later, later + Duration::HOUR, 10).await.unwrap(), []);
    let expired = start + Duration::HOUR;
    let again = queue.claim(expired, expired + Duration::HOUR, 10).await.unwrap();
    assert_eq!((again.len(), again[0].attempt), (1, 2));
    // That of an earlier attempt renews nothing.
    queue.renew(&claimed, expired + Duration::DAY).await.unwrap();
    let last = expired + Duration::hours(2);
    assert_eq!(queue.claim(last, last + Duration::HOUR, 10).await.unwrap().len(), 1);
}

async fn letters_of_a_later_release_are_left_to_it(kind: Kind) {
    let (app, queue) = app_and_queue(kind).await;
    let ada = app.add("ada@example.org", Role::User).await;
    for _ in 0..2 {
        queue.queue(&letter(&app, &ada)).await.unwrap();
    }
    run(&app, "UPDATE mail_queue SET kind = 'of_a_later_release'").await;
    app.clock.advance(MINUTE);
    let known = letter(&app, &ada);
    queue.queue(&known).await.unwrap();
    let now = app.clock.now();

    let listed = queue.list(&MailListing { before: None, limit: 2 }).await.unwrap();
    let claimed = queue.claim(now, now + Duration::MINUTE, 1).await.unwrap();

    assert_eq!(listed.entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), [known.id]);
    assert_eq!(claimed.iter().map(|one| one.letter.id).collect::<Vec<_>>(), [known.id]);
}

/// The account went from `a` over `b` to its address. The notice to `a` waits all the while.
async fn a_notice_of_a_change_is_void_once_nothing_can_give_the_address_back(kind: Kind) {
    let (app, queue) = app_and_queue(kind).await;
    let ada = app.add("ada@example.org", Role::User).await;
    let now = app.clock.now();
    let notice = |to: &str, detail: &str| Letter {
        kind: LetterKind::AddressChanging,
        to: Email::parse(to).unwrap(),
        detail: detail.to_owned(),
        ..letter(&app, &ada)
    };
    let claim = async |letter: &Letter| {
        queue.queue(letter).await.unwrap();
        queue.claim(now, now + Duration::DAY, 1).await.unwrap().remove(0)
    };
    let to_b = claim(&notice("b@example.org", "ada@example.org")).await;
    let link = Link {
        digest: LinkDigest::of("x"),
        purpose: LinkPurpose::CancelChange,
        user: ada.user.id,
        email: to_b.letter.to.clone(),
        queued_at: now,
        expires_at: now + Duration::HOUR,
    };
    assert!(queue.prepare(&to_b, Some(&link), now).await.unwrap().is_some());
    queue.sent(to_b.letter.id).await.unwrap();

    let to_a = claim(&notice("a@example.org", "b@example.org")).await;

    let before = now + Duration::minutes(59);
    assert!(queue.prepare(&to_a, None, before).await.unwrap().is_some());
    // The link is still there: nothing has swept it.
    assert!(queue.link(&link.digest).await.unwrap().is_some());
    assert!(queue.prepare(&to_a, None, now + Duration::HOUR).await.unwrap().is_none());
}

async fn run(app: &TestApp, sql: &'static str) {
    if let Some(postgres) = &app.postgres {
        postgres.run(sql).await;
    } else {
        let url = format!("sqlite:{}", app.database.display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}
