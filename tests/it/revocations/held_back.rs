//! What says or implies an end, at another server: it comes when no server accepts the session any
//! more, whichever leases were held when the end was written.

use std::time::{Duration, Instant};

use anteroom::sessions::EndReason;
use anteroom::sessions::cache::LEASE_WAIT;
use serde_json::json;
use tokio::time::sleep;

use super::servers::beside;
use super::streams::Stream;
use super::{FEED, entries, position, read, sign_out};
use crate::harness::app::{Kind, MINUTE, OTHER_PASSWORD, PASSWORD, TestApp};
use crate::harness::browser::Browser;
use crate::harness::{postgres, redis};

/// The same browser at another server.
fn at(app: &TestApp, browser: &Browser) -> Browser {
    let there = app.browser();
    there.hold(&browser.token());
    there
}

/// How long after `begun` something shows, that has to show.
async fn shows(begun: Instant, what: &str, mut is_shown: impl AsyncFnMut() -> bool) -> Duration {
    while !is_shown().await {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        sleep(Duration::from_millis(1)).await;
    }
    begun.elapsed()
}

/// Each of these takes an answer of its own, and none may come sooner.
macro_rules! each_waits {
    ($begun:expr, $ending:expr, $($what:literal: $is_shown:expr),+ $(,)?) => {{
        let signs = async {
            tokio::join!($(async {
                let after = shows($begun, $what, $is_shown).await;
                assert!(after >= LEASE_WAIT, "{} after {after:?}", $what);
            }),+)
        };
        tokio::join!($ending, signs)
    }};
}

async fn no_sign_of_an_end_comes_early(one: &TestApp, other: &TestApp) {
    let root = other.administrator("root@example.org").await;
    let laptop = other.signed_in("ada@example.org").await;
    let user = laptop.user_id().await;
    let begun_at = position(&root).await;
    let (mut stream, _) = Stream::open(&root, "", "").await.begun().await;
    for _ in 0..2 {
        let phone = one.signed_in("ada@example.org").await;
        let id = phone.session_id().await;
        let there = at(other, &phone);
        let (explained, listed) =
            (format!("/api/admin/sessions/{id}"), format!("/api/admin/users/{user}/sessions"));
        assert!(there.is_signed_in().await);
        let is_in = |text: &str| text.contains(&*id);
        let waiting = root.copy();
        let long = async || is_in(&read(&waiting, &begun_at, "&wait=5&limit=200").await.text);
        let first = async || is_in(&read(&root, &begun_at, "&limit=200").await.text);
        let begun = Instant::now();
        each_waits!(begun, sign_out(&phone),
            "the feed": first,
            "the feed, waited for": long,
            "the feed as a stream": async || stream.end().await.0.0 == id,
            "a check": async || !there.is_signed_in().await,
            "one's own list": async || laptop.sessions().await.len() == 1,
            "the list of an administrator": async || !is_in(&root.get(&listed).await.text),
            "the list of all": async || !is_in(&root.get("/api/admin/sessions").await.text),
            "the explanation": async || !root.get(&explained).await.json()["ended"].is_null(),
        );
    }
}

/// Between the beginning of a read without a cursor and its answer, every lease runs out.
async fn a_first_cursor_waits(other: &TestApp) {
    let root = other.administrator("boss@example.org").await;
    let begun = Instant::now();
    position(&root).await;
    assert!(begun.elapsed() >= LEASE_WAIT, "{:?}", begun.elapsed());
    let begun = Instant::now();
    let (_stream, _) = Stream::open(&root, "", "").await.begun().await;
    assert!(begun.elapsed() >= LEASE_WAIT, "{:?}", begun.elapsed());
}

/// However long ago it ended by the time that is written, it may have been acknowledged just now.
async fn a_refusal_waits_once(one: &TestApp, other: &TestApp) {
    let phone = one.signed_in("eve@example.org").await;
    let there = at(other, &phone);
    sign_out(&phone).await;
    one.clock.advance(MINUTE);
    let ask = async || {
        let begun = Instant::now();
        assert_eq!(there.why_not().await, "signed_out");
        begun.elapsed()
    };
    let first = ask().await;
    assert!(first >= LEASE_WAIT, "{first:?}");
    let mut later = Vec::new();
    for _ in 0..5 {
        later.push(ask().await);
    }
    assert!(later.iter().min().unwrap() < &LEASE_WAIT, "{later:?}");
}

async fn a_disabled_account_is_shown_late(one: &TestApp, other: &TestApp) {
    let root = one.administrator("chief@example.org").await;
    let there = at(other, &root);
    let bob = one.signed_in("bob@example.org").await;
    let user = format!("/api/admin/users/{}", bob.user_id().await);
    let is_shown = |text: &str| text.contains("\"disabled\"");
    let begun = Instant::now();
    each_waits!(begun, root.patch(&user, json!({ "status": "disabled" })),
        "the account": async || is_shown(&there.get(&user).await.text),
        "the accounts": async || is_shown(&there.get("/api/admin/users").await.text),
    );
}

async fn each_holds(kind: Kind) {
    let one = TestApp::start(kind).await;
    let other = beside(&one).await;
    no_sign_of_an_end_comes_early(&one, &other).await;
    a_first_cursor_waits(&other).await;
    a_refusal_waits_once(&one, &other).await;
    a_disabled_account_is_shown_late(&one, &other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rev_18_no_answer_on_postgres_reports_an_end_while_leases_are_held() {
    if postgres::is_here().await {
        each_holds(Kind::Postgres).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rev_18_no_answer_on_redis_reports_an_end_while_leases_are_held() {
    if redis::is_here("what tells of an end early") && postgres::is_here().await {
        each_holds(Kind::RedisBesidePostgres).await;
    }
}

/// What is done is said to be done, whatever became meanwhile of the session that asked for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_of_others_succeeds_even_if_its_own_session_ends_meanwhile() {
    if !postgres::is_here().await {
        return;
    }
    let app = TestApp::start(Kind::Postgres).await;
    let sessions = app.anteroom.sessions();
    for is_password in [false, true] {
        let email = format!("ada{is_password}@example.org");
        let (own, phone) = (app.signed_in(&email).await, app.signed_in(&email).await);
        let own_id = parsed(&own.session_id().await);
        let phone_id = parsed(&phone.session_id().await);
        let asking = async {
            if is_password {
                own.change_password(PASSWORD, OTHER_PASSWORD).await
            } else {
                own.delete("/api/sessions").await
            }
        };
        let ending = async {
            while sessions.find(phone_id).await.unwrap().is_some() {
                sleep(Duration::from_millis(1)).await;
            }
            sessions.revoke(own_id, None, EndReason::RevokedByAdmin).await.unwrap()
        };
        let (answer, ended) = tokio::join!(asking, ending);
        assert!(ended);
        let expected = if is_password { (204, "") } else { (200, "{\"revoked\":1}") };
        assert_eq!((answer.status, &*answer.text), expected);
        assert!(!own.is_signed_in().await);
        if is_password {
            assert_eq!(own.try_to_sign_in(&email, OTHER_PASSWORD, false).await.status, 200);
        }
    }
    let root = app.administrator("root@example.org").await;
    assert!(entries(&root.get(FEED).await).is_empty());
}

fn parsed(id: &str) -> anteroom::sessions::SessionId {
    anteroom::sessions::SessionId::parse(id).unwrap()
}
