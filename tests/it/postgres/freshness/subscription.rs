//! What a subscription promises: whatever was acknowledged before it is asked, it has told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anteroom::accounts::{Epoch, UserId};
use anteroom::sessions::cache::{Change, NotFresh, Subscription};
use anteroom::sessions::{Client, SessionId, SessionStore, Start, Touch};
use anteroom::store::{SessionLocation, SqlDatabase};
use sqlx::Row as _;

use super::super::{NOW, Nodes, fresh_user, start_of};
use super::{ending, eventually, invalidations, refusal, said, subscribed};
use crate::harness::chance::rounds;
use crate::harness::postgres::{Cluster, Database};

async fn signed_in(store: &SqlDatabase, user: UserId) -> SessionId {
    let start: Start = start_of(user, Epoch::FIRST, 1_000_000);
    SessionStore::start(store, &start).await.unwrap();
    start.session.id
}

/// Others who sign in, are active, and sign out.
async fn be_busy(store: SqlDatabase, is_over: Arc<AtomicBool>) {
    let user = fresh_user();
    let mut second = 0;
    while !is_over.load(Ordering::Relaxed) {
        second += 1;
        let id = signed_in(&store, user).await;
        let touch = Touch { id, at: NOW + Duration::from_secs(second), client: Client::default() };
        SessionStore::touch(&store, &[touch]).await.unwrap();
        store.end(&ending(id)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_acknowledged_before_a_probe_arrives_before_its_answer() {
    let Some(nodes) = Nodes::start(3, SessionLocation::ThisDatabase).await else { return };
    let is_over = Arc::<AtomicBool>::default();
    let busy: Vec<_> =
        (0..3).map(|node| tokio::spawn(be_busy(nodes.node(node), is_over.clone()))).collect();
    let mut subscription = subscribed(&nodes.node(0)).await;
    let (one, other, user) = (nodes.node(1), nodes.node(2), fresh_user());
    let mut too_late = 0;

    for round in 0..rounds("FRESHNESS_ROUNDS", 100, 20_000) {
        let id = signed_in(&one, user).await;
        let first = {
            let one = one.clone();
            tokio::spawn(async move { one.end(&ending(id)).await.unwrap() })
        };
        // Every other time somebody else ends it at the same moment. Whoever finds it over need not
        // wait for the other one's answer.
        if round % 2 == 0 {
            assert!(first.await.unwrap());
        } else {
            let ended = other.end(&ending(id)).await.unwrap();
            too_late += usize::from(!ended);
        }
        let told = invalidations(&mut *subscription).await;
        assert!(told.contains(&said(Change::Session(id))), "round {round}: {} others", told.len());
    }

    is_over.store(true, Ordering::Relaxed);
    for busy in busy {
        busy.await.unwrap();
    }
    assert!(too_late > 0, "nobody came too late");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_arrives_without_a_probe_and_a_dropped_wait_loses_none() {
    let Some(nodes) = Nodes::start(1, SessionLocation::ThisDatabase).await else { return };
    let (store, user) = (nodes.node(0), fresh_user());
    let mut subscription = subscribed(&store).await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(signed_in(&store, user).await);
    }
    let first = subscription.changed().await.unwrap();
    assert_eq!(first, Change::User(user), "its first epoch");

    // By twos, so that half of them are in the midst of being told when nobody looks.
    let mut told = Vec::new();
    for two in ids.chunks(2) {
        let both = two.iter().map(|id| format!("'\\x{}'", id.as_uuid().simple()));
        let both: Vec<String> = both.collect();
        nodes
            .database
            .run(&format!("DELETE FROM sessions WHERE session_id IN ({})", both.join(", ")))
            .await;
        told.push(subscription.changed().await.unwrap());
        let mut looks = 0;
        while tokio::time::timeout(Duration::ZERO, subscription.changed()).await.is_ok_and(|next| {
            told.push(next.unwrap());
            true
        }) {
            looks += 1;
        }
        assert!(looks <= 1, "{told:?}");
    }
    told.extend(subscription.probe().await.unwrap());

    let mut expected: Vec<String> = ids.into_iter().map(|id| said(Change::Session(id))).collect();
    let mut told: Vec<String> = told.into_iter().map(said).collect();
    expected.sort();
    told.sort();
    assert_eq!(told, expected);
}

/// The connection that listens: its process, and the name by which it is known.
async fn listening(nodes: &Nodes) -> (i32, String) {
    let mut connection = nodes.database.connect().await;
    let row = sqlx::query(
        "SELECT pid, application_name FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name LIKE '%(changes)'",
    );
    let row = row.fetch_one(&mut connection).await.unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_that_the_server_ends_is_over_for_good() {
    let Some(nodes) = Nodes::start(1, SessionLocation::ThisDatabase).await else { return };
    for by_probe in [false, true] {
        let mut subscription = subscribed(&nodes.node(0)).await;
        subscription.probe().await.unwrap();
        let (pid, name) = listening(&nodes).await;
        assert_eq!(name, "anteroom (changes)");

        nodes.database.run(&format!("SELECT pg_terminate_backend({pid}, 5000)")).await;

        for _ in 0..2 {
            assert!(ends(&mut *subscription, by_probe).await);
            assert!(ends(&mut *subscription, !by_probe).await);
        }
    }
}

/// Whether it says that it is over.
async fn ends(subscription: &mut dyn Subscription, by_probe: bool) -> bool {
    if by_probe {
        subscription.probe().await.is_err()
    } else {
        subscription.changed().await.is_err()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_that_are_dropped_leave_no_connection_behind() {
    let Some(nodes) = Nodes::start(1, SessionLocation::ThisDatabase).await else { return };
    for _ in 0..10 {
        drop(subscribed(&nodes.node(0)).await);
    }
    let mut connection = nodes.database.connect().await;
    eventually("connections are left", async || {
        let left = sqlx::query_scalar::<_, i64>(
            "SELECT count(*) FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name LIKE '%(changes)'",
        );
        left.fetch_one(&mut connection).await.unwrap() == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_has_become_a_standby_is_not_subscribed_to() {
    let settings = &["wal_level=replica", "max_wal_senders=10", "hot_standby=on"];
    let start = move || Cluster::start(settings);
    let Some(mut cluster) = tokio::task::spawn_blocking(start).await.unwrap() else { return };
    let url = cluster.url("postgres");
    let store = SqlDatabase::open_for_server(&*url, SessionLocation::ThisDatabase).await.unwrap();
    drop(subscribed(&store).await);

    cluster.run("postgres", "COPY (SELECT 1) TO PROGRAM 'touch standby.signal'").await;
    tokio::task::block_in_place(|| {
        cluster.stop();
        cluster.resume_service();
    });

    let NotFresh::Store(error) = refusal(&store).await else { panic!("it is mute") };
    assert!(format!("{error:?}").contains("standby"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_triggers_in_force_nothing_vouches_and_a_moment_without_them_is_noticed() {
    let Some(database) = Database::fresh().await else { return };
    let store = SqlDatabase::open(&*database.url, SessionLocation::ThisDatabase).await.unwrap();
    for (off, on) in [
        ("DISABLE TRIGGER tell_of_ended_sessions", "ENABLE ALWAYS TRIGGER tell_of_ended_sessions"),
        ("ENABLE REPLICA TRIGGER tell_of_rotations", "ENABLE ALWAYS TRIGGER tell_of_rotations"),
        ("ENABLE TRIGGER tell_of_no_sessions", "ENABLE ALWAYS TRIGGER tell_of_no_sessions"),
    ] {
        let alter = async |what: &str| database.run(&format!("ALTER TABLE sessions {what}")).await;
        let mut subscription = subscribed(&store).await;
        subscription.probe().await.unwrap();

        alter(off).await;

        assert!(subscription.probe().await.is_err(), "{off}");
        let why = refusal(&store).await.to_string();
        assert!(why.contains("anteroom migrate"), "{why}");
        alter(on).await;
        assert!(subscription.probe().await.is_err(), "{off}: it is over");

        let mut subscription = subscribed(&store).await;
        alter(off).await;
        alter(on).await;
        assert!(subscription.probe().await.is_err(), "{off}, and back");
    }
    subscribed(&store).await.probe().await.unwrap();
    assert!(store.list_all(None, 10).await.unwrap().is_empty(), "a trial is left");
}
