//! A Redis whose memory or disk is full: nobody new, and no revocation is refused for want of
//! memory.

use anteroom::{Options, SessionStorage};
use serde_json::json;

use crate::harness::app::{Kind, PASSWORD, TestApp};
use crate::harness::redis::RedisServer;

async fn app_over(redis: &RedisServer) -> TestApp {
    let url = redis.url();
    let keep_there = |options: &mut Options| {
        options.sessions = SessionStorage::Redis { url: url.as_str().into() };
    };
    TestApp::start_with(Kind::Database, keep_there).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_memory_turns_sign_ins_away_and_lets_everybody_be_signed_out() {
    let Some(redis) = RedisServer::start(&[], "a Redis whose memory is full") else { return };
    let app = app_over(&redis).await;
    let (laptop, phone) =
        (app.signed_in("ada@example.org").await, app.signed_in("ada@example.org").await);
    let bob = app.signed_in("bob@example.org").await;
    let _: () = redis.ask(&["CONFIG", "SET", "maxmemory", "1mb"]).await;

    let refused = app.browser().try_to_sign_in("ada@example.org", PASSWORD, false).await;
    assert_eq!(refused.refusal(), (503, "unavailable".to_owned()));
    let data = laptop.patch("/api/session/data", json!({ "a": 1 })).await;
    assert_eq!(data.status, 503);
    assert_eq!(app.browser().patch("/api/session/data", json!({ "a": 1 })).await.status, 503);

    assert!(laptop.is_signed_in().await && phone.is_signed_in().await);
    assert_eq!(laptop.get("/readyz").await.status, 503, "nobody new can sign in");
    app.clock.advance(std::time::Duration::from_mins(2));
    assert!(laptop.is_signed_in().await);
    app.anteroom.sessions().flush().await.unwrap();
    assert_eq!(laptop.revoke(&phone).await.status, 204);
    assert_eq!(phone.why_not().await, "revoked_by_user");
    assert_eq!(laptop.reauthenticate(PASSWORD).await.status, 200);
    let copy = laptop.copy();
    assert_eq!(laptop.delete("/api/sessions?include_current=true").await.status, 200);
    assert_eq!(copy.why_not().await, "revoked_by_user");
    assert_eq!(bob.delete("/api/session").await.status, 204);
    assert!(!bob.is_signed_in().await);

    let _: () = redis.ask(&["CONFIG", "SET", "maxmemory", "0"]).await;
    app.signed_in("ada@example.org").await;
    assert_eq!(laptop.get("/readyz").await.status, 200);
    let _: () = redis.ask(&["REPLICAOF", "127.0.0.1", "1"]).await;
    assert_eq!(laptop.get("/readyz").await.status, 503, "a replica takes no sign-in");
    let _: () = redis.ask(&["REPLICAOF", "NO", "ONE"]).await;
    assert_eq!(laptop.get("/readyz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_keeps_nobody_out_who_is_signed_in_and_claims_no_revocation() {
    let Some(redis) = RedisServer::start(&[], "a Redis that cannot save") else { return };
    let app = app_over(&redis).await;
    let (laptop, phone) =
        (app.signed_in("ada@example.org").await, app.signed_in("ada@example.org").await);
    // Where a snapshot should go, something is in the way.
    std::fs::create_dir_all(redis.folder().join("dump.rdb")).unwrap();
    let _: () = redis.ask(&["CONFIG", "SET", "save", "3600 1"]).await;
    let _: String = redis.ask(&["BGSAVE"]).await;
    while !redis.ask::<String>(&["INFO", "persistence"]).await.contains("bgsave_status:err") {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }

    assert!(laptop.is_signed_in().await && phone.is_signed_in().await);
    assert_eq!(laptop.sessions().await.len(), 2);
    assert_eq!(laptop.revoke(&phone).await.refusal(), (503, "unavailable".to_owned()));
    assert_eq!(laptop.delete("/api/session").await.status, 503);
    assert_eq!(laptop.get("/readyz").await.status, 503);
    assert!(laptop.is_signed_in().await && phone.is_signed_in().await);

    let _: () = redis.ask(&["CONFIG", "SET", "save", ""]).await;
    assert_eq!(laptop.revoke(&phone).await.status, 204);
    assert_eq!(phone.why_not().await, "revoked_by_user");
}
