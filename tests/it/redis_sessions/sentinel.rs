//! Sentinels say which server is the primary, and after a failover that it is another.

use std::time::Duration;

use anteroom::sessions::cache::{Change, Freshness as _};
use anteroom::sessions::{Loaded, SessionStore, Start};

use super::{begin, ending, opened, start};
use crate::harness::loopback::free_port;
use crate::harness::redis::RedisServer;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_lead_to_the_primary_also_when_it_is_another() {
    let why = "Redis by Sentinels";
    let Some(primary) = RedisServer::start(&[], why) else { return };
    let replica_of = format!("127.0.0.1 {}", primary.port);
    let replica = RedisServer::start(&["--replicaof", &replica_of], why).unwrap();
    let sentinel = RedisServer::sentinel(
        &format!(
            "sentinel monitor main 127.0.0.1 {} 1\nsentinel failover-timeout main 5000\n",
            primary.port
        ),
        why,
    )
    .unwrap();
    replica.reports("replication", "link_status:up");
    let nobody = free_port();
    let url = format!("redis+sentinel://127.0.0.1:{nobody},127.0.0.1:{}/main", sentinel.port);

    let store = opened(&url).await;
    let (before, after) = (start(1, Some(1), 0), start(2, Some(1), 0));
    begin(&*store, &before).await;
    let mut told_by_the_old_one = store.subscribe().await.unwrap();
    sentinel.reports("sentinel", "slaves=1");
    // `WAIT` counts only what its own connection wrote.
    while !has(&replica, &before).await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let _: () = sentinel.ask(&["SENTINEL", "FAILOVER", "main"]).await;
    // Until then the old one goes on answering as a primary, and what it takes is lost.
    replica.reports("replication", "role:master");
    primary.reports("replication", "role:slave");

    assert!(told_by_the_old_one.probe().await.is_err());
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while store.ready().await.is_err() {
        assert!(std::time::Instant::now() < deadline, "it does not find the new primary");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let loaded = store.load(&before.digest).await;
    assert!(matches!(loaded, Ok(Loaded::Live(_))), "{loaded:?}");
    let mut told_by_the_new_one = store.subscribe().await.unwrap();
    begin(&*store, &after).await;
    assert!(store.end(&ending(&before)).await.unwrap());
    let told = told_by_the_new_one.probe().await.unwrap();
    assert!(told.contains(&Change::Token(before.digest)), "{told:?}");
    assert!(has(&replica, &after).await, "it is elsewhere");
}

async fn has(server: &RedisServer, start: &Start) -> bool {
    let keys: Vec<Vec<u8>> = server.ask(&["KEYS", "*"]).await;
    keys.iter().any(|key| key.ends_with(start.digest.as_bytes()))
}
