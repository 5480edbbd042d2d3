//! What was acknowledged is told before the answer to a probe that was sent after it.

use anteroom::accounts::Proof;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anteroom::sessions::cache::Change;
use anteroom::sessions::{Loaded, Rotation, SessionStore as _};
use anteroom::store::RedisSessions;
use futures_util::future::join_all;

use super::{invalidations, subscribed, token};
use crate::harness::chance::rounds;
use crate::harness::redis::RedisServer;
use crate::redis_sessions::{begin, digest, ending, opened, second, start};

/// Starts, rotates and ends sessions of its own for as long as it runs.
async fn write(store: Arc<RedisSessions>, numbers: Arc<AtomicU64>, over: Arc<AtomicBool>) {
    while !over.load(Ordering::Relaxed) {
        let number = numbers.fetch_add(2, Ordering::Relaxed);
        let session = start(number, Some(number % 7), 0);
        begin(&*store, &session).await;
        let (from, to) = (session.digest, digest(number + 1));
        let rotation = Rotation { from, to, proof: Proof::Nothing, at: second(1) };
        assert!(store.rotate(&rotation).await.unwrap());
        assert!(store.end(&ending(&session)).await.unwrap());
    }
}

/// Some that follow, each over a connection of its own, while others write over others.
async fn all_invalidations_arrive(options: &[&str], ordinary: u64) {
    let Some(redis) = RedisServer::start(options, "the order of what Redis tells") else { return };
    let (over, numbers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(1 << 32)));
    let mut writers = Vec::new();
    for _ in 0..4 {
        let store = opened(&redis.url()).await;
        writers.push(tokio::spawn(write(store, Arc::clone(&numbers), Arc::clone(&over))));
    }
    let [revoker, other] = [opened(&redis.url()).await, opened(&redis.url()).await];
    let mut following = Vec::new();
    for _ in 0..3 {
        following.push(subscribed(&other).await);
    }

    for number in 0..rounds("FRESHNESS_ROUNDS", ordinary, 20_000) {
        let session = start(number, Some(1), 0);
        begin(&*revoker, &session).await;
        assert!(matches!(other.load(&session.digest).await.unwrap(), Loaded::Live(_)));
        assert!(revoker.end(&ending(&session)).await.unwrap());
        let all = join_all(following.iter_mut().map(|one| invalidations(&mut **one))).await;
        for told in all {
            let is_told = |change| told.contains(&change) || told.contains(&Change::Everything);
            assert!(is_told(token(number)), "round {number}: {} others were", told.len());
        }

        // The second one to come finds nothing, and says as much as the first one.
        let session = start(number + (1 << 20), Some(1), 0);
        begin(&*revoker, &session).await;
        let ending = ending(&session);
        following[0].probe().await.unwrap();
        let (first, second) = tokio::join!(revoker.end(&ending), async {
            let ended = other.end(&ending).await.unwrap();
            (ended, invalidations(&mut *following[0]).await)
        });
        let (ended, told): (bool, HashSet<Change>) = second;
        assert_ne!(first.unwrap(), ended, "one of them did it");
        let is_told = told.contains(&token(number + (1 << 20)));
        assert!(is_told || told.contains(&Change::Everything), "round {number}, {ended}");
    }

    over.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_acknowledged_change_arrives_before_the_answer_to_a_later_probe() {
    all_invalidations_arrive(&[], 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn invalidations_arrive_in_time_from_a_redis_with_several_io_threads() {
    all_invalidations_arrive(&["--io-threads", "3"], 50).await;
}
