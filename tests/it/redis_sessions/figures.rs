//! What it costs Redis, counted by Redis.

use std::collections::BTreeMap;

use anteroom::sessions::{
    Client, Compartment, EndReason, Ended, Keep, SessionPolicy, SessionStore, Touch,
};
use futures_util::future::join_all;

use super::{begin, digest, ending, opened, second, start};
use crate::harness::chance::rounds;
use crate::harness::redis::RedisServer;

/// How often each command was run, those that scripts run included.
async fn commands(redis: &RedisServer) -> BTreeMap<String, u64> {
    let info: String = redis.ask(&["INFO", "commandstats"]).await;
    let lines =
        info.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(":calls="));
    lines
        .map(|(name, rest)| (name.to_owned(), rest.split(',').next().unwrap().parse().unwrap()))
        .collect()
}

/// What was run since, but for the asking itself.
async fn since(redis: &RedisServer, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut now = commands(redis).await;
    for (name, count) in before {
        *now.get_mut(name).unwrap() -= count;
    }
    now.retain(|name, count| *count > 0 && !["info", "hello", "client|setinfo"].contains(&&**name));
    now
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_is_one_round_trip_and_five_look_ups() {
    let Some(redis) = RedisServer::start(&[], "round trips per check") else { return };
    let store = opened(&redis.url()).await;
    let sessions: Vec<_> = (0..100).map(|number| start(number, Some(number), 0)).collect();
    for session in &sessions {
        begin(&*store, session).await;
    }
    store.load(&digest(1)).await.unwrap();
    let before = commands(&redis).await;

    for session in &sessions {
        store.load(&session.digest).await.unwrap();
    }

    let expected = [
        ("evalsha", 100),
        ("get", 200),
        ("hget", 100),
        ("zrangebylex", 100),
        ("zrevrangebylex", 100),
    ];
    let expected = expected.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(since(&redis, &before).await, BTreeMap::from(expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_is_one_round_trip() {
    let Some(redis) = RedisServer::start(&[], "round trips per step") else { return };
    let store = opened(&redis.url()).await;
    let session = start(1, Some(1), 0);
    let id = session.session.id;
    begin(&*store, &session).await;
    let keep = Keep { id, compartment: Compartment::Visitor, over: 0, data: Vec::new() };
    let reason = EndReason::RevokedByAdmin;
    // Twice each, for the first time the script itself is sent.
    for round in 0..2 {
        let before = commands(&redis).await;
        begin(&*store, &start(2 + round, Some(1), 0)).await;
        store.touch(&[Touch { id, at: second(1), client: Client::default() }]).await.unwrap();
        store.keep(&keep).await.unwrap();
        store.data(id, Compartment::Visitor).await.unwrap();
        store.find(id).await.unwrap();
        store.list(super::user(1)).await.unwrap();
        store.count().await.unwrap();
        store.end(&ending(&start(2 + round, Some(1), 0))).await.unwrap();
        store.ready().await.unwrap();
        let found = since(&redis, &before).await;
        let sent = ["evalsha", "eval"].map(|name| found.get(name).copied().unwrap_or(0));
        if round == 1 {
            assert_eq!(sent, [9, 0]);
        }
    }
    store.end_all(Ended { reason, at: second(1) }).await.unwrap();
}

/// The key of a check is not written by a touch, so that whoever follows it is told of nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_touch_changes_no_key_that_says_whether_a_token_is_good() {
    let Some(redis) = RedisServer::start(&[], "what a touch writes") else { return };
    let _: () = redis.ask(&["CONFIG", "SET", "notify-keyspace-events", "AKE"]).await;
    let store = opened(&redis.url()).await;
    let session = start(1, Some(1), 0);
    begin(&*store, &session).await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut events = client.get_async_pubsub().await.unwrap();
    events.psubscribe("__keyspace@0__:*").await.unwrap();

    store
        .touch(&[Touch { id: session.session.id, at: second(60), client: Client::default() }])
        .await
        .unwrap();
    let cutoffs = SessionPolicy::default().cutoffs(second(3_610));
    store.sweep(&cutoffs, 10).await.unwrap();
    let put_off = store.load(&session.digest).await.unwrap();
    assert!(matches!(put_off, anteroom::sessions::Loaded::Live(_)), "{put_off:?}");
    store.end(&ending(&session)).await.unwrap();

    let mut told = Vec::new();
    let mut stream = events.on_message();
    loop {
        let message = futures_util::StreamExt::next(&mut stream).await.unwrap();
        let channel: Vec<u8> = message.get_channel().unwrap();
        let key = channel.strip_prefix(b"__keyspace@0__:anteroom:1:").unwrap().to_vec();
        let is_of_a_check = key[0] == b't';
        told.push(key);
        if is_of_a_check {
            break;
        }
    }
    assert!(told.len() > 6, "the touch and the sweep wrote something: {told:?}");
    assert_eq!(told.last().unwrap()[1..], *session.digest.as_bytes());
    let last: Vec<u8> = told.pop().unwrap();
    assert!(told.iter().all(|key| key[0] != last[0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_in_session_takes_less_than_400_bytes_with_everything() {
    let Some(redis) = RedisServer::start(&[], "bytes per session in Redis") else { return };
    let store = opened(&redis.url()).await;
    let used = async || {
        let info: String = redis.ask(&["INFO", "memory"]).await;
        let line = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
        line.parse::<u64>().unwrap()
    };
    begin(&*store, &start(0, None, 0)).await;
    let count = rounds("SESSIONS_MEASURED", 10_000, 10_000);
    let sessions: Vec<_> = (1..=count)
        // Half of the users have two devices; five sign in each second.
        .map(|number| start(number, Some(number * 2 / 3), i64::try_from(number / 5).unwrap()))
        .collect();

    let before = used().await;
    for some in sessions.chunks(200) {
        join_all(some.iter().map(|session| begin(&*store, session))).await;
    }
    let live = (used().await - before) / count;
    for some in sessions.chunks(200) {
        let touches: Vec<_> = some
            .iter()
            .map(|one| Touch {
                id: one.session.id,
                at: one.cutoffs.now() + time::Duration::MINUTE,
                client: one.session.client.clone(),
            })
            .collect();
        store.touch(&touches).await.unwrap();
    }
    let touched = (used().await - before) / count;
    for some in sessions.chunks(200) {
        let ends: Vec<_> = some.iter().map(ending).collect();
        join_all(ends.iter().map(|ending| store.end(ending))).await;
    }
    let ended = (used().await - before) / count;

    println!("{count} sessions: {live} bytes each, {touched} touched, {ended} ended");
    assert!(live < 400 && touched < 400, "{live} bytes each, {touched} touched");
    assert!(ended < 360, "{ended} bytes each when ended");
}
