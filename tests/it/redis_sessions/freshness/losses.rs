//! Whatever keeps a server from hearing what changes ends its subscription, and with it its lease.

use std::time::{Duration, Instant};

use anteroom::failure::StoreError;
use anteroom::sessions::SessionStore as _;
use anteroom::sessions::cache::{Change, Freshness as _, LEASE_WAIT};
use futures_util::FutureExt as _;
use tokio::time::{sleep, timeout};

use super::splice::Splice;
use super::{PATIENCE, checks_from_memory, has_lease, invalidations, subscribed, token, until};
use crate::harness::redis::{DURABLE, RedisServer, command};
use crate::redis_sessions::{Stage, begin, ending, is_live, opened, start};

const KILL: [&str; 6] = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_wakes_the_waiting_reader_and_ends_the_subscription() {
    let Some(redis) = RedisServer::start(&[], "a subscription that is cut") else { return };
    let store = opened(&redis.url()).await;
    for _ in 0..5 {
        let mut subscription = subscribed(&store).await;
        let (woken, ()) = tokio::join!(timeout(PATIENCE, subscription.changed()), async {
            sleep(Duration::from_millis(20)).await;
            let _: i64 = redis.ask(&KILL).await;
        });
        assert!(woken.unwrap().is_err());
        for _ in 0..2 {
            assert!(subscription.probe().await.is_err() && subscription.changed().await.is_err());
        }
    }
    assert!(subscribed(&store).await.probe().await.is_ok());
}

/// It answers a `PING` as before, whatever is said here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_gets_no_invalidations_fails_its_next_probe() {
    let Some(redis) = RedisServer::start(&[], "a subscription that is taken away") else { return };
    let splice = Splice::to(redis.port).await;
    let store = opened(&splice.url()).await;
    for words in ["CLIENT TRACKING OFF", "RESET", "HELLO 2", "CLIENT REPLY SKIP"] {
        let mut subscription = subscribed(&store).await;
        assert!(subscription.probe().await.is_ok());
        splice.say(words).await;
        // The driver hears what is answered to nobody, and forgets it.
        sleep(Duration::from_millis(50)).await;
        let probed = timeout(Duration::from_secs(3), subscription.probe()).await;
        assert!(probed.is_ok_and(|probed| probed.is_err()), "after {words}");
    }
    for words in ["PING", "CLIENT TRACKINGINFO"] {
        let mut subscription = subscribed(&store).await;
        splice.say(words).await;
        sleep(Duration::from_millis(50)).await;
        assert!(subscription.probe().await.is_ok(), "{words} takes nothing away");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_takes_no_writes_confirms_no_probe() {
    let Some(redis) = RedisServer::start(&[], "a primary that is none any more") else { return };
    let store = opened(&redis.url()).await;
    let set = async |name: &str, value: &str| {
        let _: () = redis.ask(&["CONFIG", "SET", name, value]).await;
    };

    let mut subscription = subscribed(&store).await;
    set("min-replicas-to-write", "1").await;
    assert!(subscription.probe().await.is_err() && store.subscribe().await.is_err());
    set("min-replicas-to-write", "0").await;

    let mut subscription = subscribed(&store).await;
    let other = RedisServer::start(&[], "another primary").unwrap();
    let port = other.port.to_string();
    let _: () = redis.ask(&["REPLICAOF", "127.0.0.1", &port]).await;
    assert!(subscription.probe().await.is_err() && store.subscribe().await.is_err());
    let _: () = redis.ask(&["REPLICAOF", "NO", "ONE"]).await;
    assert!(subscribed(&store).await.probe().await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_to_which_the_calls_do_not_go_any_more_tells_nothing_of_use() {
    let why = "calls that go elsewhere";
    let Some(one) = RedisServer::start(&[], why) else { return };
    let other = RedisServer::start(&[], why).unwrap();
    let splice = Splice::to(one.port).await;
    let store = opened(&splice.url()).await;
    let mut subscription = subscribed(&store).await;
    splice.lead_calls_to(other.port);
    sleep(Duration::from_millis(50)).await;
    let deadline = Instant::now() + PATIENCE;
    while store.ready().await.is_err() {
        assert!(Instant::now() < deadline);
    }

    assert!(subscription.probe().await.is_err());
    let mut subscription = subscribed(&store).await;
    begin(&*store, &start(1, None, 0)).await;
    assert!(invalidations(&mut *subscription).await.contains(&token(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_that_was_not_waited_for_is_the_last_one() {
    let Some(redis) = RedisServer::start(&[], "a probe that is given up") else { return };
    let store = opened(&redis.url()).await;
    for _ in 0..100 {
        let mut subscription = subscribed(&store).await;
        // Asked once and dropped. On a busy machine the answer may be there already.
        if subscription.probe().now_or_never().is_none() {
            assert!(subscription.probe().await.is_err());
            return;
        }
    }
    panic!("every probe was answered at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_memory_and_a_forgotten_script_end_no_subscription() {
    let Some(redis) = RedisServer::start(&[], "a subscription and a full memory") else { return };
    let store = opened(&redis.url()).await;
    let ada = start(1, Some(1), 0);
    begin(&*store, &ada).await;
    let mut subscription = subscribed(&store).await;

    let _: () = redis.ask(&["SCRIPT", "FLUSH"]).await;
    assert!(subscription.probe().await.is_ok());

    let _: () = redis.ask(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert!(matches!(store.start(&start(2, None, 0)).await, Err(StoreError::Full)));
    assert!(invalidations(&mut *subscription).await.is_empty());
    assert!(store.end(&ending(&ada)).await.unwrap() && !is_live(&*store, &ada).await);
    assert!(invalidations(&mut *subscription).await.contains(&token(1)));
    assert!(subscribed(&store).await.probe().await.is_ok());
}

impl Stage {
    /// One whose checks ask nobody.
    async fn warm(options: &[&str], what_needs_it: &str) -> Option<Self> {
        let stage = Self::new(options, what_needs_it).await?;
        stage.checks_from_memory().await;
        Some(stage)
    }

    async fn checks_from_memory(&self) {
        checks_from_memory(&self.redis.url(), async || self.ada.is_signed_in().await).await;
    }

    async fn loses_its_lease(&self, by: &str) {
        until(by, || !has_lease(&self.app.anteroom)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lease_is_lost_with_the_connection_and_comes_back_with_another() {
    let Some(stage) = Stage::warm(&[], "a lease from Redis").await else { return };
    for _ in 0..3 {
        let _: i64 = stage.redis.ask(&KILL).await;
        stage.loses_its_lease("a cut").await;
        assert!(stage.ada.is_signed_in().await, "Redis is asked");
        stage.checks_from_memory().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lease_runs_out_where_redis_is_silent_or_gone() {
    let options = [DURABLE, &["--busy-reply-threshold", "100"]].concat();
    let Some(mut stage) = Stage::warm(&options, "a silent Redis and leases").await else { return };

    stage.redis.signal("STOP");
    sleep(LEASE_WAIT).await;
    assert!(!has_lease(&stage.app.anteroom), "paused");
    assert_eq!(stage.ada.whoami().await.status, 503);
    stage.redis.signal("CONT");
    stage.checks_from_memory().await;

    let mut operator = stage.redis.connect().await;
    let hold = "local s = redis.call('TIME'); local now = s; \
                repeat now = redis.call('TIME') \
                until (now[1] - s[1]) * 1000000 + now[2] - s[2] > 1000000";
    let holding = tokio::spawn(async move {
        command(&["EVAL", hold, "0"]).query_async::<()>(&mut operator).await
    });
    stage.loses_its_lease("a script that holds it").await;
    holding.await.unwrap().unwrap();
    stage.checks_from_memory().await;

    stage.redis.kill();
    stage.loses_its_lease("a kill").await;
    stage.redis.start_again();
    stage.checks_from_memory().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_flushed_is_not_remembered() {
    let Some(stage) = Stage::warm(&[], "a flush and leases").await else { return };
    let _: () = stage.redis.ask(&["FLUSHALL"]).await;
    sleep(LEASE_WAIT).await;
    assert_eq!(stage.ada.whoami().await.refusal(), (401, "no_session".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_share_a_server_but_no_database_hear_of_each_other_and_lose_nothing() {
    let Some(redis) = RedisServer::start(&[], "two databases of one Redis") else { return };
    let [one, two] = [0, 1].map(|number| format!("{}/{number}", redis.url()));
    let [one, two] = [opened(&one).await, opened(&two).await];
    let mut subscription = subscribed(&one).await;
    begin(&*two, &start(1, None, 0)).await;
    assert_eq!(
        invalidations(&mut *subscription).await.into_iter().collect::<Vec<Change>>(),
        [token(1)]
    );
}
