//! Every backend keeps the promises of its port: the public suite over each of them.

/// The store of the example has its test in itself.
#[path = "../../examples/own_store/store/mod.rs"]
mod own_store;

use anteroom::testing::conformance;

use crate::harness::backends::{
    Fresh, following, following_postgres, memory, postgres_apart, redis, sqlite,
};
use crate::harness::chance::is_nightly;

/// Holds a backend to every rule; the folders of its stores go when all is done.
async fn keeps_every_promise(fresh: impl AsyncFn() -> Fresh) {
    let kept = std::sync::Mutex::new(Vec::new());
    conformance::every_case(async || {
        let fresh = fresh().await;
        let store = fresh.store.clone();
        kept.lock().unwrap().push(fresh);
        store
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sto_1_memory_keeps_the_promises_of_the_session_store() {
    keeps_every_promise(async || memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sto_1_sqlite_keeps_the_promises_of_the_session_store() {
    keeps_every_promise(sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sto_1_memory_that_follows_orders_keeps_the_promises_of_the_session_store() {
    keeps_every_promise(following).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sto_1_postgres_keeps_the_promises_of_the_session_store() {
    if postgres_apart().await.is_some() {
        keeps_every_promise(async || postgres_apart().await.unwrap()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sto_1_memory_that_follows_orders_in_postgres_keeps_the_promises_of_the_session_store() {
    // The ordinary run has the same store over SQLite, and PostgreSQL without it.
    if is_nightly() && following_postgres().await.is_some() {
        keeps_every_promise(async || following_postgres().await.unwrap()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sto_1_redis_keeps_the_promises_of_the_session_store() {
    if redis().await.is_some() {
        keeps_every_promise(async || redis().await.unwrap()).await;
    }
}

#[test]
fn every_rule_of_the_suite_has_a_distinct_name() {
    let mut names: Vec<_> = conformance::cases().map(conformance::Case::name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();

    assert_eq!(names.len(), all);
    assert!(all > 90, "only {all} rules");
}
