//! The capacity of this backend and the consistency of its indexes. `tests/it/store_contract.rs`
//! tests the contract of the port.

use time::Duration;
use time::macros::datetime;
use uuid::Uuid;

use super::live_session::LiveSession;
use super::sorted::{RowKey, SortedIndex};
use super::*;
use crate::accounts::Epoch;
use crate::sessions::{Client, EndReason, Owner, SessionPolicy, TimeoutRule};
use crate::testing::conformance::random_trace;

const DAWN: time::OffsetDateTime = datetime!(2030-01-01 00:00 UTC);

fn store(most_sessions: usize) -> MemoryStore {
    MemoryStore::new(MemoryOptions { most_sessions })
}

fn user(number: u128) -> Owner {
    Owner::User { id: UserId::from_uuid(Uuid::from_u128(number)), epoch: Epoch::FIRST }
}

fn start(number: u8, owner: Owner, minutes: i64) -> Start {
    let at = DAWN + Duration::minutes(minutes);
    let policy = SessionPolicy::default();
    let session = Session {
        id: SessionId::from_uuid(Uuid::from_u128(u128::from(number))),
        owner,
        created_at: at,
        authenticated_at: None,
        second_factor: None,
        passkey: None,
        last_seen_at: at,
        expires_at: policy.expires_at(TimeoutRule::Standard, at),
        rule: TimeoutRule::Standard,
        remember_me: false,
        client: Client::default(),
        moved_to: None,
    };
    let digest = TokenDigest::from_bytes([number; 32]);
    let outdated = EndReason::Replaced;
    let (unwritten, cutoffs) = (Vec::new(), policy.cutoffs(at));
    Start { session, digest, previous_token: None, outdated, limit: None, unwritten, cutoffs }
}

/// Starts a session and returns the evicted ones.
async fn begin(store: &MemoryStore, start: &Start) -> Vec<SessionId> {
    match store.start(start).await {
        Ok(Started::Started { evicted, .. }) => evicted,
        other => panic!("not started: {other:?}"),
    }
}

async fn reason(store: &MemoryStore, start: &Start) -> Option<EndReason> {
    match store.load(&start.digest).await {
        Ok(Loaded::Ended { ended, .. }) => Some(ended.reason),
        Ok(_) => None,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_full_store_displaces_the_longest_idle_anonymous_session() {
    let store = store(3);
    let signed_in = start(1, user(1), 0);
    let (busy, idle) = (start(2, Owner::Anonymous, 1), start(3, Owner::Anonymous, 2));
    for start in [&signed_in, &busy, &idle] {
        begin(&store, start).await;
    }
    let touch =
        Touch { id: busy.session.id, at: DAWN + Duration::minutes(5), client: Client::default() };
    store.touch(&[touch]).await.unwrap();

    let evicted = begin(&store, &start(4, user(2), 6)).await;

    assert_eq!(evicted, [idle.session.id]);
    assert_eq!(reason(&store, &idle).await, Some(EndReason::SessionLimit));
    assert_eq!(reason(&store, &busy).await, None);
}

#[tokio::test]
async fn sto_3_a_store_full_of_signed_in_sessions_refuses_and_drops_none() {
    let store = store(2);
    let held = [start(1, user(1), 0), start(2, user(2), 0)];
    for start in &held {
        begin(&store, start).await;
    }

    for owner in [user(3), Owner::Anonymous] {
        let refused = start(3, owner, 1);
        assert!(matches!(store.start(&refused).await, Err(StoreError::Full)));
        assert_eq!(store.load(&refused.digest).await.unwrap(), Loaded::Unknown);
    }
    for start in &held {
        assert_eq!(store.load(&start.digest).await.unwrap(), Loaded::Live(start.session.clone()));
    }
}

#[tokio::test]
async fn a_start_that_ends_a_session_itself_succeeds_in_a_full_store() {
    let store = store(2);
    let visitor = start(1, Owner::Anonymous, 0);
    let signed_in = start(2, user(2), 0);
    for start in [&visitor, &signed_in] {
        begin(&store, start).await;
    }

    let bringing = Start { previous_token: Some(signed_in.digest), ..start(3, user(2), 1) };
    assert_eq!(begin(&store, &bringing).await, []);

    assert_eq!(reason(&store, &signed_in).await, Some(EndReason::Replaced));
    assert_eq!(reason(&store, &visitor).await, None);
}

#[tokio::test]
async fn a_timed_out_session_makes_room_before_any_live_one() {
    let store = store(2);
    let timed_out = start(1, user(1), 0);
    let visitor = start(2, Owner::Anonymous, 30);
    for start in [&timed_out, &visitor] {
        begin(&store, start).await;
    }

    assert_eq!(begin(&store, &start(3, user(3), 60)).await, []);

    assert_eq!(reason(&store, &timed_out).await, Some(EndReason::IdleTimeout));
    assert_eq!(reason(&store, &visitor).await, None);
}

#[tokio::test]
async fn a_refused_start_displaces_no_session_in_a_full_store() {
    let store = store(2);
    let (signed_in, visitor) = (start(1, user(1), 0), start(2, Owner::Anonymous, 0));
    for start in [&signed_in, &visitor] {
        begin(&store, start).await;
    }

    let taken = Start { digest: visitor.digest, ..start(3, user(3), 1) };
    assert_eq!(store.start(&taken).await.unwrap(), Started::Taken);

    assert_eq!(reason(&store, &visitor).await, None);
}

#[tokio::test]
async fn beyond_the_capacity_the_oldest_ended_sessions_are_forgotten() {
    let store = store(2);
    for number in 1..=4 {
        let start = start(number, Owner::Anonymous, i64::from(number));
        begin(&store, &start).await;
        let ended = Ended { reason: EndReason::SignedOut, at: start.session.created_at };
        assert_eq!(store.end_all(ended).await.unwrap(), 1);
    }

    let known = [1, 2, 3, 4].map(|number| start(number, Owner::Anonymous, 0));
    for (start, is_known) in known.iter().zip([false, false, true, true]) {
        assert_eq!(reason(&store, start).await.is_some(), is_known);
        assert_eq!(store.find_ended(start.session.id).await.unwrap().is_some(), is_known);
    }
}

#[tokio::test]
async fn every_index_holds_exactly_the_live_sessions() {
    let store = store(1_000);
    for operation in random_trace(11, 2_000) {
        crate::testing::conformance::replay(&store, &[operation]).await;

        let tables = store.tables();
        let live = tables.live.index_lengths();
        let ended = tables.ended.index_lengths();
        assert!(live.iter().all(|length| *length == live[0]), "{live:?} after {operation:?}");
        assert!(ended.iter().all(|length| *length == ended[0]), "{ended:?} after {operation:?}");
        let families = [tables.children.index_lengths(), tables.codes.index_lengths()];
        for lengths in families {
            let same = lengths.iter().all(|length| *length == lengths[0]);
            assert!(same, "{lengths:?} after {operation:?}");
        }
        for parent in tables.children.parents() {
            assert!(tables.live.row(parent).is_some(), "an orphan after {operation:?}");
        }
    }
}

/// Checks an index of numbers that are their own sort keys.
fn assert_sorted(keys: impl Iterator<Item = u64>, removed: impl Fn(u64) -> bool) {
    let mut slab = slab::Slab::new();
    let mut index = SortedIndex::default();
    let mut expected = Vec::new();
    for key in keys {
        let row = RowKey::of(slab.insert(key));
        index.insert(key, row, |row: RowKey| slab[row.in_slab()]);
        expected.push((key, row));
    }
    let key_of = |row: RowKey| slab[row.in_slab()];
    for (key, row) in expected.iter().filter(|(key, _)| removed(*key)) {
        index.remove(*key, *row, key_of);
    }
    expected.retain(|(key, _)| !removed(*key));
    expected.sort_by_key(|(key, _)| *key);

    let found: Vec<u64> = index.from(0, key_of).map(key_of).collect();
    assert_eq!(found, expected.iter().map(|(key, _)| *key).collect::<Vec<_>>());
    assert_eq!((index.len(), index.first()), (found.len(), expected.first().map(|(_, row)| *row)));
    for (key, row) in &expected {
        assert_eq!(index.find(*key, key_of), Some(*row));
    }
    let half = found.len() / 2;
    let rest: Vec<u64> = index.from(found[half], key_of).map(key_of).collect();
    assert_eq!(rest, found[half..]);
}

#[test]
fn an_index_stays_sorted_for_any_sequence_of_inserts_and_removals() {
    let scattered = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16;
    for keep_each in [1, 2, 17, 300] {
        assert_sorted(0..5_000, |key| key % keep_each != 0);
        assert_sorted((0..5_000).rev(), |key| key % keep_each != 0);
        assert_sorted((0..5_000).map(scattered), |key| key % keep_each != 0);
    }
}

#[test]
fn a_live_session_takes_128_bytes_in_the_slab() {
    // As `slab::Entry`, which is private.
    #[expect(dead_code, reason = "only its size counts")]
    enum Entry {
        Vacant(usize),
        Occupied(LiveSession),
    }
    assert_eq!(size_of::<Entry>(), 128);
}

#[tokio::test]
async fn a_user_agent_without_sessions_is_forgotten() {
    let store = store(10);
    for number in 1..=3 {
        let mut start = start(number, user(1), 0);
        start.session.client.user_agent = format!("Browser/{}", number % 2);
        begin(&store, &start).await;
        assert_eq!(store.find(start.session.id).await.unwrap(), Some(start.session));
    }
    assert_eq!(store.tables().live.index_lengths()[6], 3);

    store.end_all(Ended { reason: EndReason::SignedOut, at: DAWN }).await.unwrap();
    assert_eq!(store.tables().live.index_lengths()[6], 0);
}

#[tokio::test]
async fn a_store_goes_on_after_a_panic_under_its_lock() {
    let store = std::sync::Arc::new(store(2));
    let poisoner = std::sync::Arc::clone(&store);
    let panicked = std::thread::spawn(move || {
        let _guard = poisoner.tables();
        panic!("on purpose");
    });
    assert!(panicked.join().is_err());

    begin(&store, &start(1, user(1), 0)).await;
    assert!(store.ready().await.is_ok());
}
