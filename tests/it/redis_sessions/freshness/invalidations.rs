//! Each operation sends the sessions that it ends or changes, and nothing else.

use std::collections::HashSet;

use anteroom::accounts::{Epoch, EpochReason, Proof};
use anteroom::sessions::cache::Change;
use anteroom::sessions::{
    Client, Compartment, EndReason, Ended, EpochMove, Keep, Keeping, Limit, LimitPolicy, Rotation,
    SessionPolicy, SessionStore as _, Started, Touch,
};

use super::{invalidations, subscribed, token};
use crate::harness::redis::RedisServer;
use crate::redis_sessions::{
    begin, child_of, digest, ending, limited, opened, second, start, under, user,
};

fn set<const N: usize>(changes: [Change; N]) -> HashSet<Change> {
    HashSet::from(changes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_ends_no_session_sends_nothing() {
    let Some(redis) = RedisServer::start(&[], "what Redis tells of readings") else { return };
    let store = opened(&redis.url()).await;
    let (ada, visitor) = (start(1, Some(1), 0), start(2, None, 0));
    begin(&*store, &ada).await;
    begin(&*store, &visitor).await;
    let mut subscription = subscribed(&store).await;
    let id = ada.session.id;

    for session in [&ada, &visitor] {
        store.load(&session.digest).await.unwrap();
        store.find(session.session.id).await.unwrap();
        let touch = Touch {
            id: session.session.id,
            at: second(90),
            client: Client { ip_address: None, user_agent: "elsewhere".to_owned() },
        };
        store.touch(&[touch]).await.unwrap();
    }
    assert_eq!(store.find(id).await.unwrap().unwrap().last_seen_at, second(90));
    store.load(&digest(3)).await.unwrap();
    store.find_ended(id).await.unwrap();
    store.find_rotated(&ada.digest).await.unwrap();
    store.list(user(1)).await.unwrap();
    store.list_all(None, 10).await.unwrap();
    store.count().await.unwrap();
    store.ready().await.unwrap();
    let (compartment, data) = (Compartment::Visitor, br#"{"a":1}"#.to_vec());
    let kept = store.keep(&Keep { id, compartment, over: 0, data }).await.unwrap();
    assert_eq!(kept, Keeping::Kept);
    store.data(id, compartment).await.unwrap();
    store.sweep(&SessionPolicy::default().cutoffs(second(100)), 100).await.unwrap();

    assert_eq!(invalidations(&mut *subscription).await, set([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_ends_sessions_sends_each_and_no_other() {
    let Some(redis) = RedisServer::start(&[], "what Redis tells of ends") else { return };
    let store = opened(&redis.url()).await;
    let mut subscription = subscribed(&store).await;

    // Whoever asked for a token before it was there may ask again.
    let visitor = start(1, None, 0);
    begin(&*store, &visitor).await;
    assert_eq!(invalidations(&mut *subscription).await, set([token(1)]));

    let mut brought = start(2, Some(1), 1);
    brought.previous_token = Some(visitor.digest);
    begin(&*store, &brought).await;
    assert_eq!(invalidations(&mut *subscription).await, set([token(1), token(2)]));

    let limit = Limit { most: 1, policy: LimitPolicy::EvictOldest };
    let evicting = limited(start(3, Some(1), 2), limit);
    let evicted = store.start(&evicting).await.unwrap();
    assert!(matches!(evicted, Started::Started { evicted, .. } if evicted.len() == 1));
    assert_eq!(invalidations(&mut *subscription).await, set([token(2), token(3)]));
    let refusing = Limit { policy: LimitPolicy::Refuse, ..limit };
    let refused = store.start(&limited(start(4, Some(1), 2), refusing)).await.unwrap();
    assert!(matches!(refused, Started::LimitReached));
    assert_eq!(invalidations(&mut *subscription).await, set([]));

    let (from, to) = (digest(3), digest(5));
    let rotation = Rotation { from, to, proof: Proof::Password, at: second(3) };
    assert!(store.rotate(&rotation).await.unwrap());
    assert_eq!(invalidations(&mut *subscription).await, set([token(3), token(5)]));
    assert!(!store.rotate(&rotation).await.unwrap());

    assert!(store.end(&ending(&evicting)).await.unwrap());
    assert_eq!(invalidations(&mut *subscription).await, set([token(5)]));
    assert!(!store.end(&ending(&evicting)).await.unwrap());
    assert_eq!(invalidations(&mut *subscription).await, set([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_a_session_sends_its_children() {
    let Some(redis) = RedisServer::start(&[], "what Redis sends for children") else { return };
    let store = opened(&redis.url()).await;
    let parent = start(1, Some(1), 0);
    begin(&*store, &parent).await;
    let mut subscription = subscribed(&store).await;
    let (first, second_child) = (child_of(&parent, 2), child_of(&parent, 3));
    let [of_first, of_second] = [&first, &second_child].map(|child| Change::Token(child.digest));

    store.start_child(&first).await.unwrap();
    assert_eq!(invalidations(&mut *subscription).await, set([of_first]));
    store.start_child(&second_child).await.unwrap();
    assert_eq!(invalidations(&mut *subscription).await, set([of_first, of_second]));

    let client = parent.session.client.clone();
    store.touch(&[Touch { id: parent.session.id, at: second(90), client }]).await.unwrap();
    store.load(&second_child.digest).await.unwrap();
    assert_eq!(invalidations(&mut *subscription).await, set([]));
    let (from, to) = (parent.digest, digest(4));
    let rotation = Rotation { from, to, proof: Proof::Password, at: second(91) };
    assert!(store.rotate(&rotation).await.unwrap());
    assert_eq!(invalidations(&mut *subscription).await, set([token(1), token(4), of_second]));

    assert!(store.end(&ending(&parent)).await.unwrap());
    assert_eq!(invalidations(&mut *subscription).await, set([token(4), of_second]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raised_epoch_sends_the_user() {
    let Some(redis) = RedisServer::start(&[], "what Redis tells of epochs") else { return };
    let store = opened(&redis.url()).await;
    let (ada, phone, bob) = (start(1, Some(1), 0), start(2, Some(1), 0), start(3, Some(2), 0));
    for session in [&ada, &phone, &bob] {
        begin(&*store, session).await;
    }
    let mut subscription = subscribed(&store).await;
    let reason = EpochReason::PasswordChanged;
    let raise = |to: i64| EpochMove {
        user: user(1),
        to: Epoch::from_number(to),
        reason,
        survivor: None,
        at: second(5),
    };

    assert_eq!(store.raise_epoch(&raise(2)).await.unwrap(), 2);
    assert_eq!(
        invalidations(&mut *subscription).await,
        set([Change::User(user(1)), token(1), token(2)])
    );
    assert_eq!(store.raise_epoch(&raise(2)).await.unwrap(), 0);
    assert_eq!(invalidations(&mut *subscription).await, set([]));

    // A sign-in that knows a higher one.
    begin(&*store, &under(start(4, Some(1), 6), 3)).await;
    assert_eq!(invalidations(&mut *subscription).await, set([Change::User(user(1)), token(4)]));
    assert_eq!(store.start(&under(start(5, Some(1), 6), 2)).await.unwrap(), Started::EpochMoved);
    assert_eq!(invalidations(&mut *subscription).await, set([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_of_all_sends_everything_and_a_sweep_each_session() {
    let Some(redis) = RedisServer::start(&[], "what Redis tells of the end") else { return };
    let store = opened(&redis.url()).await;
    let (ada, bob, late) = (start(1, Some(1), 0), start(2, None, 0), start(3, Some(1), 0));
    let mut subscription = subscribed(&store).await;
    begin(&*store, &ada).await;
    begin(&*store, &bob).await;
    invalidations(&mut *subscription).await;

    let policy = SessionPolicy::default();
    let day = 24 * 60 * 60;
    let swept = store.sweep(&policy.cutoffs(second(40 * day)), 100).await.unwrap();
    assert!(swept.ended + swept.forgotten == 2, "{swept:?}");
    assert_eq!(invalidations(&mut *subscription).await, set([token(1), token(2)]));

    begin(&*store, &late).await;
    invalidations(&mut *subscription).await;
    let ended = Ended { reason: EndReason::RevokedByAdmin, at: second(9) };
    assert_eq!(store.end_all(ended).await.unwrap(), 1);
    assert_eq!(invalidations(&mut *subscription).await, set([Change::Everything]));
    assert_eq!(store.end_all(ended).await.unwrap(), 0);
    assert_eq!(invalidations(&mut *subscription).await, set([]));

    // Nobody who was in is in any more: what is told of it may be too much, but no other token.
    store.sweep(&policy.cutoffs(second(10)), 100).await.unwrap();
    let told = invalidations(&mut *subscription).await;
    assert!(told.is_subset(&set([Change::Everything, token(1), token(2), token(3)])), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_keys_by_other_clients_are_sent_as_well() {
    let Some(redis) = RedisServer::start(&[], "what Redis tells of others") else { return };
    let store = opened(&redis.url()).await;
    let ada = start(1, Some(1), 0);
    begin(&*store, &ada).await;
    let mut subscription = subscribed(&store).await;
    let key = [&b"anteroom:1:t"[..], ada.digest.as_bytes()].concat();
    let mut operator = redis.connect().await;

    let expire = redis::cmd("PEXPIRE").arg(&key).arg(50).to_owned();
    let _: () = expire.query_async(&mut operator).await.unwrap();
    assert_eq!(subscription.changed().await.unwrap(), token(1), "it is about to go away");
    assert_eq!(subscription.changed().await.unwrap(), token(1), "it is gone");

    for flush in ["FLUSHALL", "FLUSHDB"] {
        let _: () = redis.ask(&[flush]).await;
        assert_eq!(invalidations(&mut *subscription).await, set([Change::Everything]), "{flush}");
    }
    let _: () = redis.ask(&["SET", "anteroom:1:tx", "of a later release"]).await;
    assert_eq!(invalidations(&mut *subscription).await, set([Change::Everything]));
    let _: () = redis.ask(&["SET", "anteroom:1:x", "nothing that a check reads"]).await;
    let _: () = redis.ask(&["SET", "somebody else's", ""]).await;
    assert_eq!(invalidations(&mut *subscription).await, set([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_of_others_is_no_change_and_leaves_nothing() {
    let Some(redis) = RedisServer::start(&[], "canaries") else { return };
    let store = opened(&redis.url()).await;
    let mut first = subscribed(&store).await;
    for _ in 0..20 {
        drop(subscribed(&store).await);
    }
    assert_eq!(invalidations(&mut *first).await, set([]));
    let keys: Vec<Vec<u8>> = redis.ask(&["KEYS", "*"]).await;
    assert!(keys.is_empty(), "{keys:?}");
}
