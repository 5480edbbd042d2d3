//! Several servers at once, each with a connection of its own: every step is one for all of them.

use std::sync::Arc;

use anteroom::accounts::{Epoch, EpochReason, Proof};
use anteroom::sessions::{EpochMove, Limit, LimitPolicy, Loaded, Rotation, SessionStore, Started};
use anteroom::store::RedisSessions;
use futures_util::future::join_all;

use super::{begin, digest, ending, is_live, limited, opened, second, start, under, user};
use crate::harness::redis::shared_database;

const SERVERS: usize = 4;

async fn servers() -> Option<Vec<Arc<RedisSessions>>> {
    let url = shared_database("races of several servers on one Redis").await?;
    Some(join_all((0..SERVERS).map(|_| opened(&url))).await)
}

/// Runs all at once, each on a task of its own.
async fn at_once<T: Send + 'static>(
    operations: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = operations.into_iter().map(tokio::spawn).collect();
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sign_ins_at_several_servers_never_leave_more_than_the_limit() {
    let Some(servers) = servers().await else { return };
    for policy in [LimitPolicy::EvictOldest, LimitPolicy::Refuse] {
        let of = if policy == LimitPolicy::Refuse { 1 } else { 2 };
        let limit = Limit { most: 5, policy };
        let watching = {
            let store = Arc::clone(&servers[0]);
            tokio::spawn(async move {
                let mut most = 0;
                for _ in 0..200 {
                    most = most.max(store.list(user(of)).await.unwrap().len());
                }
                most
            })
        };
        let operations = (0..200).map(|number| {
            let store = Arc::clone(&servers[number % SERVERS]);
            let number = u64::try_from(number).unwrap() + of * 1000;
            let start = limited(start(number, Some(of), 0), limit);
            async move { store.start(&start).await.unwrap() }
        });

        let outcomes = at_once(operations).await;

        let started = outcomes.iter().filter(|one| matches!(one, Started::Started { .. })).count();
        assert_eq!(started, if policy == LimitPolicy::Refuse { 5 } else { 200 });
        assert_eq!(servers[1].list(user(of)).await.unwrap().len(), 5);
        assert!(watching.await.unwrap() <= 5);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_session_started_meanwhile_is_live_under_an_earlier_epoch() {
    let Some(servers) = servers().await else { return };
    for round in 0..20 {
        // Whether some sign-ins know the new epoch: they end what is of the earlier one, too.
        let knows = round % 2 == 0;
        let raise = {
            let store = Arc::clone(&servers[0]);
            let at = second(1);
            let to = Epoch::from_number(2);
            let reason = EpochReason::PasswordChanged;
            let epoch_move = EpochMove { user: user(round), to, reason, survivor: None, at };
            async move {
                store.raise_epoch(&epoch_move).await.unwrap();
                None
            }
        };
        let starts = (0..12_usize).map(|number| {
            let store = Arc::clone(&servers[1 + number % (SERVERS - 1)]);
            let epoch = 1 + i64::from(knows && number % 4 == 3);
            let number = round * 100 + u64::try_from(number).unwrap();
            let start = under(start(number, Some(round), 0), epoch);
            async move {
                store.start(&start).await.unwrap();
                Some((start, epoch))
            }
        });
        let operations: Vec<futures_util::future::BoxFuture<'static, _>> =
            std::iter::once(futures_util::FutureExt::boxed(raise))
                .chain(starts.map(futures_util::FutureExt::boxed))
                .collect();

        for (start, epoch) in at_once(operations).await.into_iter().flatten() {
            assert_eq!(is_live(&*servers[0], &start).await, epoch == 2, "round {round}");
        }
        assert_eq!(servers[0].list(user(round)).await.unwrap().len(), if knows { 3 } else { 0 });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_that_is_rotated_and_ended_at_once_is_over_under_every_token() {
    let Some(servers) = servers().await else { return };
    for round in 0..40 {
        let session = start(round, Some(1), 0);
        begin(&*servers[0], &session).await;
        let rotations = (1..SERVERS).map(|server| {
            let store = Arc::clone(&servers[server]);
            let to = digest(1_000_000 + round * 10 + u64::try_from(server).unwrap());
            let rotation =
                Rotation { from: session.digest, to, proof: Proof::Nothing, at: second(1) };
            async move { (store.rotate(&rotation).await.unwrap(), Some(to)) }
        });
        let end = {
            let (store, ending) = (Arc::clone(&servers[0]), ending(&session));
            async move { (store.end(&ending).await.unwrap(), None) }
        };
        let operations: Vec<futures_util::future::BoxFuture<'static, _>> = rotations
            .map(futures_util::FutureExt::boxed)
            .chain([futures_util::FutureExt::boxed(end)])
            .collect();

        let outcomes = at_once(operations).await;

        let rotated = outcomes.iter().filter(|(done, to)| *done && to.is_some()).count();
        assert!(rotated <= 1, "rotated {rotated} times");
        assert!(outcomes.iter().any(|(done, to)| *done && to.is_none()), "it did not end");
        for token in outcomes.iter().filter_map(|(_, to)| *to).chain([session.digest]) {
            let loaded = servers[0].load(&token).await.unwrap();
            assert!(!matches!(loaded, Loaded::Live(_)), "{loaded:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn when_everything_is_ended_nothing_that_was_live_before_goes_on() {
    let Some(servers) = servers().await else { return };
    let before: Vec<_> = (0..300).map(|number| start(number, Some(number % 7), 0)).collect();
    join_all(before.iter().map(|start| begin(&*servers[0], start))).await;
    let starting = {
        let store = Arc::clone(&servers[1]);
        tokio::spawn(async move {
            for number in 1000..1300 {
                begin(&*store, &start(number, Some(number % 7), 1)).await;
            }
        })
    };

    let reason = anteroom::sessions::EndReason::RevokedByAdmin;
    let ended = anteroom::sessions::Ended { reason, at: second(2) };
    let count = servers[2].end_all(ended).await.unwrap();

    assert!(count >= 300, "{count}");
    for start in &before {
        for server in &servers {
            assert_eq!(server.load(&start.digest).await.unwrap().ended(), Some(ended));
        }
        assert_eq!(servers[3].find_ended(start.session.id).await.unwrap(), Some(ended));
    }
    starting.await.unwrap();
    let counted = servers[0].count().await.unwrap().unwrap();
    assert_eq!(counted.users, 600 - count);
    // Cleared away later, by whichever server, and the same is said.
    let cutoffs = anteroom::sessions::SessionPolicy::default().cutoffs(second(3));
    while !servers[3].sweep(&cutoffs, 100).await.unwrap().done {}
    for start in &before {
        assert_eq!(servers[1].load(&start.digest).await.unwrap().ended(), Some(ended));
        assert_eq!(servers[1].find_ended(start.session.id).await.unwrap(), Some(ended));
    }
    assert_eq!(servers[0].count().await.unwrap(), Some(counted));
}
