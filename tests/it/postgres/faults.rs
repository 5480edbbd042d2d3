//! A server that goes away: bounded answers of 503, nobody signed out, nothing done twice, and all
//! well again without a restart of ours.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use anteroom::sessions::{EndReason, Ended, SessionStore as _, Started};
use anteroom::store::{SessionLocation, SessionOrder, SqlDatabase};
use futures_util::future::join_all;
use serde_json::Value;
use sqlx::Row as _;

use super::round_trips::questions;
use super::{NOW, fresh_user, start_of};
use crate::harness::app::{Kind, TestApp};
use crate::harness::client::{Client, PASSWORD};
use crate::harness::postgres::{Cluster, Database, is_here};
use crate::harness::relay::{Manner, Relay};
use crate::harness::server::{PATIENCE, Place, Server};

/// No answer takes longer, however many wait.
const BOUND: Duration = Duration::from_secs(12);

/// A database server of its own, and Anteroom on it with somebody signed in.
async fn served() -> Option<(Cluster, Server, Client)> {
    let cluster = tokio::task::spawn_blocking(|| Cluster::start(&[])).await.unwrap()?;
    let place = Place::new().with("ANTEROOM_DATABASE", &cluster.url("postgres"));
    let server = place.serve(&[]);
    let ada = Client::of(&server);
    ada.sign_up("ada@example.org").await;
    assert!(ada.is_signed_in().await);
    Some((cluster, server, ada))
}

/// The status of an answer that takes no cookie away.
async fn status(answer: reqwest::Response) -> u16 {
    assert!(!answer.headers().contains_key("set-cookie"), "{answer:?}");
    let status = answer.status().as_u16();
    if status == 503 && answer.url().path().starts_with("/api") {
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "unavailable");
    }
    status
}

/// Every way to ask is answered 503, in time, and says nothing of sessions.
async fn all_are_unavailable(server: &Server, ada: &Client) {
    let begun = Instant::now();
    let stranger = Client::of(server);
    let sign_in = serde_json::json!({ "email": "ada@example.org", "password": PASSWORD });
    let mut answers = Vec::new();
    for path in ["/api/session", "/auth/verify", "/account", "/api/sessions", "/readyz"] {
        for _ in 0..6 {
            answers.push(ada.get(path));
        }
    }
    let (answers, signed_in, signed_out, alive) = tokio::join!(
        join_all(answers),
        stranger.post_json("/api/session", &sign_in),
        ada.request(reqwest::Method::DELETE, "/api/session").send(),
        ada.get("/healthz"),
    );
    for answer in answers.into_iter().chain([signed_in, signed_out.unwrap()]) {
        let path = answer.url().path().to_owned();
        assert_eq!(status(answer).await, 503, "{path}");
    }
    assert_eq!(status(alive).await, 200);
    assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_and_started_again_signs_nobody_out() {
    let Some((mut cluster, server, ada)) = served().await else { return };
    tokio::task::block_in_place(|| cluster.stop());

    all_are_unavailable(&server, &ada).await;

    tokio::task::block_in_place(|| cluster.resume_service());
    assert_eq!(status(ada.get("/api/session").await).await, 200, "the first that asks");
    assert_eq!(status(ada.get("/readyz").await).await, 200);
    let phone = Client::of(&server);
    assert_eq!(phone.sign_in("ada@example.org", PASSWORD).await, 200);
    assert!(ada.is_signed_in().await && phone.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_is_not_waited_for() {
    let Some((cluster, server, ada)) = served().await else { return };
    cluster.signal("STOP");
    // So long it may answer from what it remembers.
    tokio::time::sleep(anteroom::sessions::cache::LEASE).await;

    all_are_unavailable(&server, &ada).await;
    all_are_unavailable(&server, &ada).await;

    cluster.signal("CONT");
    let begun = Instant::now();
    while status(ada.get("/api/session").await).await != 200 {
        assert!(begun.elapsed() < BOUND, "it does not recover");
    }
    assert!(ada.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_server_ends_cost_nobody_a_session() {
    if !is_here().await {
        return;
    }
    let database = Database::fresh().await.unwrap();
    // Each request asks, so that connections are open.
    let server = database.place().with("ANTEROOM_CACHE", "off").serve(&[]);
    let ada = Client::of(&server);
    ada.sign_up("ada@example.org").await;
    let mut at_its_side = database.connect().await;
    for _ in 0..10 {
        assert!(ada.is_signed_in().await, "so that a connection is open");
        let (ended, checks) = tokio::join!(
            end_connections(&mut at_its_side),
            join_all((0..12).map(|_| ada.get("/api/session")))
        );
        for check in checks {
            assert_eq!(status(check).await, 200, "a check is read again");
        }
        assert!(ended >= 1);
    }
    end_connections(&mut at_its_side).await;
    assert!(ada.is_signed_in().await);
    end_connections(&mut at_its_side).await;
    assert_eq!(Client::of(&server).sign_in("ada@example.org", PASSWORD).await, 200);
    assert_eq!(ada.get("/readyz").await.status(), 200);
}

/// How many there were.
async fn end_connections(at_its_side: &mut sqlx::PgConnection) -> i64 {
    let end = sqlx::query(
        "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    end.fetch_one(at_its_side).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_every_connection_is_taken_the_others_get_503_in_time() {
    if !is_here().await {
        return;
    }
    let app = TestApp::start(Kind::Postgres).await;
    let ada = app.signed_in("ada@example.org").await;
    let mut greedy = app.postgres.as_ref().unwrap().connect().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
        .execute(&mut greedy)
        .await
        .unwrap();

    let begun = Instant::now();
    let answers = join_all((0..60).map(|_| async {
        let answer = ada.get("/api/session").await;
        (answer.status, answer.set_cookies().len(), begun.elapsed())
    }))
    .await;

    let soon = answers.iter().filter(|(_, _, after)| *after < Duration::from_secs(5)).count();
    assert!(soon == 60, "{answers:?}");
    assert!(answers.iter().all(|(status, cookies, _)| (*status, *cookies) == (503, 0)));
    sqlx::raw_sql("ROLLBACK").execute(&mut greedy).await.unwrap();
    assert!(ada.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_dropped_leave_every_connection_in_order() {
    if !is_here().await {
        return;
    }
    let app = TestApp::start(Kind::Postgres).await;
    let ada = app.signed_in("ada@example.org").await;
    let mut at_its_side = app.postgres.as_ref().unwrap().connect().await;
    let user = fresh_user();
    let store =
        SqlDatabase::open(app.accounts_at.clone(), SessionLocation::ThisDatabase).await.unwrap();
    let mut dropped = 0;
    for round in 0..120 {
        let start = start_of(user, anteroom::accounts::Epoch::FIRST, 3);
        dropped += u32::from(!finishes_within(round % 40, store.start(&start)).await);
        dropped += u32::from(!finishes_within(round % 5, store.load(&start.digest)).await);
        nothing_is_left_half_done(&mut at_its_side).await;
    }
    assert!((40..220).contains(&dropped), "{dropped} were dropped: none in the middle, or all");
    for _ in 0..40 {
        let start = start_of(user, anteroom::accounts::Epoch::FIRST, 3);
        let started = store.start(&start).await.unwrap();
        assert!(matches!(started, Started::Started { .. }), "{started:?}");
        assert!(store.list_of(user).await <= 3);
    }
    assert!(ada.is_signed_in().await);
}

/// Goes on with something so many times, and drops it then: wherever it has to wait, some round
/// ends it there.
async fn finishes_within(times: u32, asked: impl Future) -> bool {
    let (mut asked, mut left) = (pin!(asked), times);
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        asked.as_mut().poll(context).map(|_| true)
    })
    .await
}

/// No transaction waits for somebody who will never come back, and holds its locks.
async fn nothing_is_left_half_done(at_its_side: &mut sqlx::PgConnection) {
    let deadline = Instant::now() + Duration::from_secs(3);
    loop {
        let waiting = sqlx::query(
            "SELECT COUNT(*) FROM pg_stat_activity \
             WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
        );
        let waiting: i64 = waiting.fetch_one(&mut *at_its_side).await.unwrap().get(0);
        if waiting == 0 {
            return;
        }
        assert!(Instant::now() < deadline, "{waiting} transactions are left open");
    }
}

trait ListOf {
    async fn list_of(&self, user: anteroom::accounts::UserId) -> usize;
}

impl ListOf for SqlDatabase {
    async fn list_of(&self, user: anteroom::accounts::UserId) -> usize {
        let sessions: &dyn anteroom::sessions::SessionStore = self;
        sessions.list(user).await.unwrap().len()
    }
}

/// A store behind a relay.
async fn behind_a_relay() -> Option<(Database, Relay, SqlDatabase)> {
    let database = Database::fresh().await?;
    let relay = Relay::to(database.address(), questions).await;
    let url = database.url_at(relay.address.port());
    let store = SqlDatabase::open(&*url, SessionLocation::ThisDatabase).await.unwrap();
    Some((database, relay, store))
}

async fn orders(database: &Database) -> i64 {
    let mut connection = database.connect().await;
    let row = sqlx::query("SELECT COUNT(*) FROM session_orders").fetch_one(&mut connection);
    row.await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_have_been_committed_is_not_done_again() {
    let Some((database, relay, store)) = behind_a_relay().await else { return };
    let order = SessionOrder::EndAll(Ended { reason: EndReason::RevokedByAdmin, at: NOW });

    relay.set(Manner::CutAfter("COMMIT"));
    assert!(store.give_order(&order).await.is_err(), "nobody knows");
    assert_eq!(relay.manner(), Manner::Pass, "nothing was cut");
    let deadline = Instant::now() + PATIENCE;
    while orders(&database).await == 0 {
        assert!(Instant::now() < deadline, "it was committed");
    }
    relay.set(Manner::CutBefore("COMMIT"));
    assert!(store.give_order(&order).await.is_err(), "nobody knows");
    assert_eq!(relay.manner(), Manner::Pass, "nothing was cut");
    store.give_order(&order).await.unwrap();

    assert_eq!(orders(&database).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_surely_not_committed_is_done_again() {
    let Some((database, relay, store)) = behind_a_relay().await else { return };
    let order = SessionOrder::EndAll(Ended { reason: EndReason::RevokedByAdmin, at: NOW });

    for (done, cut) in [
        Manner::CutBefore("BEGIN"),
        Manner::CutAfter("BEGIN"),
        // The statements are spelled out on a connection that is new.
        Manner::CutBefore("INSERT INTO session_orders"),
        Manner::CutAfter("INSERT INTO session_orders"),
    ]
    .into_iter()
    .enumerate()
    {
        relay.hang_up().await;
        relay.set(cut);
        store.give_order(&order).await.unwrap();
        assert_eq!(relay.manner(), Manner::Pass, "nothing was cut: {cut:?}");
        assert_eq!(orders(&database).await, i64::try_from(done).unwrap() + 1, "{cut:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_falls_silent_is_given_up_and_replaced() {
    let Some((_database, relay, store)) = behind_a_relay().await else { return };
    let start = start_of(fresh_user(), anteroom::accounts::Epoch::FIRST, 3);
    store.start(&start).await.unwrap();
    relay.set(Manner::Hold);

    let begun = Instant::now();
    assert!(store.load(&start.digest).await.is_err());
    assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());

    relay.set(Manner::Pass);
    assert!(matches!(store.load(&start.digest).await, Ok(anteroom::sessions::Loaded::Live(_))));
}
