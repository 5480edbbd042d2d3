//! A Redis that is killed at work: what was acknowledged is there when it is back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anteroom::accounts::{Epoch, EpochReason, Proof, UserId};
use anteroom::sessions::{
    ChildStart, ChildStarted, EpochMove, Loaded, Rotation, SessionStore, Start,
};
use futures_util::future::join_all;

use super::{begin, child_of, digest, ending, is_live, opened, second, start, user};
use crate::harness::chance::{Chance, rounds};
use crate::harness::redis::{DURABLE, RedisServer};

/// A child of each session.
async fn with_children(
    store: &dyn SessionStore,
    sessions: &[Start],
    first: u64,
) -> Vec<ChildStart> {
    let children: Vec<_> =
        (first..).zip(sessions).map(|(number, parent)| child_of(parent, number)).collect();
    for some in children.chunks(20) {
        for started in join_all(some.iter().map(|child| store.start_child(child))).await {
            assert_eq!(started.unwrap(), ChildStarted::Started { replaced: None });
        }
    }
    children
}

fn new_password(user: UserId) -> EpochMove {
    let (to, reason) = (Epoch::from_number(2), EpochReason::PasswordChanged);
    EpochMove { user, to, reason, survivor: None, at: second(1) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rev_12_a_redis_that_is_killed_forgets_no_revocation_that_was_acknowledged() {
    let Some(mut redis) = RedisServer::start(DURABLE, "a Redis that is killed") else { return };
    let store = opened(&redis.url()).await;
    let mut chance = Chance::seeded();
    println!("SEED={}", chance.seed());
    for round in 0..rounds("KILL_ROUNDS", 2, 400) {
        let first = round * 10_000;
        let sessions: Vec<_> =
            (first..first + 300).map(|number| start(number, Some(number), 0)).collect();
        for some in sessions.chunks(20) {
            join_all(some.iter().map(|session| begin(&*store, session))).await;
        }
        let children = with_children(&*store, &sessions, first).await;

        let done = Arc::new(AtomicU64::new(0));
        let operations = sessions.iter().cloned().enumerate().map(|(place, session)| {
            let (store, done) = (Arc::clone(&store), Arc::clone(&done));
            tokio::spawn(async move {
                let number = first + place as u64;
                let to = digest(number + 1_000_000_000);
                let acknowledged = match place % 3 {
                    0 => store.end(&ending(&session)).await.is_ok(),
                    1 => store.raise_epoch(&new_password(user(number))).await.is_ok(),
                    _ => {
                        let (from, at) = (session.digest, second(1));
                        let rotation = Rotation { from, to, proof: Proof::Nothing, at };
                        store.rotate(&rotation).await.is_ok()
                    }
                };
                done.fetch_add(1, Ordering::SeqCst);
                (session, to, place % 3 == 2, acknowledged)
            })
        });
        let operations: Vec<_> = operations.collect();
        let enough = chance.below(250);
        while done.load(Ordering::SeqCst) < enough {
            tokio::task::yield_now().await;
        }
        redis.kill();
        let outcomes = join_all(operations).await;
        redis.start_again();

        let mut acknowledged = 0;
        for (outcome, child) in outcomes.into_iter().zip(&children) {
            let (session, to, is_rotation, was_acknowledged) = outcome.unwrap();
            let (old, new) = (is_live(&*store, &session).await, store.load(&to).await.unwrap());
            let new = matches!(new, Loaded::Live(_));
            if was_acknowledged {
                acknowledged += 1;
                assert!(!old, "what had ended is live again");
                assert_eq!(new, is_rotation, "the new token of a rotation is lost");
            }
            assert!(!(old && new), "live under two tokens");
            let child = matches!(store.load(&child.digest).await.unwrap(), Loaded::Child(_));
            assert_eq!(child, old || new, "a child is live without its parent, or ended alone");
            assert!(old || new || !is_rotation, "a rotation left no token");
        }
        println!("round {round}: {acknowledged} of 300 acknowledged");
    }
}
