//! The promises of the throttle store, put to every backend.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anteroom::store::{SessionLocation, SqlDatabase};
use anteroom::throttle::{
    AccountKey, Counter, CounterKey, KNOWN_NETWORKS, Network, Pace, Rate, Release, ThrottleStore,
};
use futures_util::future::join_all;
use proptest::prelude::*;
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::harness::postgres::Database;

type Store = Arc<dyn ThrottleStore>;

const NOW: OffsetDateTime = datetime!(2026-11-21 09:00 UTC);
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// A fresh, empty store, and the folder that goes with it.
async fn sqlite() -> (Store, TempDir) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("anteroom.db");
    let store = SqlDatabase::open(&path, SessionLocation::ThisDatabase).await.unwrap();
    (Arc::new(store), folder)
}

/// `None`: there is no `PostgreSQL` here.
async fn postgres() -> Option<(Store, Database)> {
    let database = Database::fresh().await?;
    let store = SqlDatabase::open(&*database.url, SessionLocation::ThisDatabase).await.unwrap();
    Some((Arc::new(store), database))
}

macro_rules! on_each_backend {
    ($($rule:ident),+ $(,)?) => {
        mod on_postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    if let Some((store, _database)) = super::postgres().await {
                        super::$rule(store).await;
                    }
                }
            )+
        }

        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    let (store, _folder) = super::sqlite().await;
                    super::$rule(store).await;
                }
            )+
        }
    };
}

on_each_backend!(
    a_burst_and_then_one_with_each_step,
    after_the_stated_wait_the_next_attempt_passes,
    an_attempt_counts_everywhere_or_nowhere,
    parallel_attempts_never_exceed_a_window,
    what_is_given_back_can_be_used_again,
    what_has_passed_is_not_given_back_twice,
    a_cleared_counter_starts_afresh_and_the_others_go_on,
    a_known_network_is_known_for_its_account_alone,
    only_the_newest_networks_are_known,
    sweeping_takes_bounded_steps_and_leaves_what_counts,
    a_counter_of_a_wrong_clock_locks_nobody_out,
);

fn key(name: &str) -> CounterKey {
    CounterKey::of_account(&AccountKey::of_address(name), "short 192.0.2.1")
}

fn counter(name: &str, count: u32, per: Duration) -> Counter {
    Counter { key: key(name), pace: Pace::of(Rate { count, per }) }
}

fn network(n: u32) -> Network {
    Network::of(std::net::Ipv4Addr::from_bits(0xC000_0200 + n).into())
}

async fn is_let_through(store: &Store, counters: &[Counter], now: OffsetDateTime) -> bool {
    store.reserve(counters, now).await.unwrap().is_none()
}

async fn give_back(store: &Store, counter: &Counter, now: OffsetDateTime) {
    let release = Release { give_back: vec![counter.clone()], ..Release::default() };
    store.release(&release, now).await.unwrap();
}

async fn a_burst_and_then_one_with_each_step(store: Store) {
    let ten = [counter("ada", 10, 10 * MINUTE)];
    for _ in 0..10 {
        assert_eq!(store.refusal(&ten, NOW).await.unwrap(), None);
        assert!(is_let_through(&store, &ten, NOW).await);
    }
    for _ in 0..3 {
        let refusal = store.reserve(&ten, NOW).await.unwrap().unwrap();
        assert_eq!((refusal.key, refusal.wait), (key("ada"), MINUTE));
        assert_eq!(store.refusal(&ten, NOW).await.unwrap().unwrap().wait, MINUTE);
    }
    assert!(is_let_through(&store, &[counter("bob", 10, 10 * MINUTE)], NOW).await);
    assert!(is_let_through(&store, &ten, NOW + MINUTE).await);
    assert!(!is_let_through(&store, &ten, NOW + MINUTE).await);
    let later = NOW + 11 * MINUTE;
    for n in 0..12 {
        assert_eq!(is_let_through(&store, &ten, later).await, n < 10, "the {n}th after a pause");
    }
}

async fn after_the_stated_wait_the_next_attempt_passes(store: Store) {
    let counters = [counter("ada", 3, 7 * MINUTE), counter("bob", 5, 60 * MINUTE)];
    let mut now = NOW;
    for _ in 0..30 {
        if let Some(refusal) = store.reserve(&counters, now).await.unwrap() {
            let millisecond = Duration::from_millis(1);
            assert!(!is_let_through(&store, &counters, now + refusal.wait - millisecond).await);
            now += refusal.wait;
            assert!(is_let_through(&store, &counters, now).await);
        }
    }
}

async fn an_attempt_counts_everywhere_or_nowhere(store: Store) {
    let (ada, bob) = (counter("ada", 10, 10 * MINUTE), counter("bob", 1, 5 * MINUTE));
    assert!(is_let_through(&store, std::slice::from_ref(&bob), NOW).await);
    for order in [[ada.clone(), bob.clone()], [bob, ada.clone()]] {
        for _ in 0..20 {
            let refusal = store.reserve(&order, NOW).await.unwrap().unwrap();
            assert_eq!((refusal.key, refusal.wait), (key("bob"), 5 * MINUTE));
        }
    }
    for n in 0..12 {
        assert_eq!(is_let_through(&store, std::slice::from_ref(&ada), NOW).await, n < 10);
    }
}

async fn parallel_attempts_never_exceed_a_window(store: Store) {
    let wide = counter("everywhere", 25, DAY);
    let attempts = (0..100).map(|n| {
        let counters = [counter(&format!("ada{}", n % 4), 10, 10 * MINUTE), wide.clone()];
        let store = store.clone();
        tokio::spawn(async move { is_let_through(&store, &counters, NOW).await })
    });
    let through = join_all(attempts).await.into_iter().filter(|one| *one.as_ref().unwrap());
    assert_eq!(through.count(), 25);
}

async fn what_is_given_back_can_be_used_again(store: Store) {
    let three = counter("ada", 3, 3 * MINUTE);
    let counters = std::slice::from_ref(&three);
    for _ in 0..50 {
        assert!(is_let_through(&store, counters, NOW).await);
        give_back(&store, &three, NOW).await;
    }
    for n in 0..5 {
        assert_eq!(is_let_through(&store, counters, NOW).await, n < 3);
    }
    give_back(&store, &three, NOW).await;
    assert!(is_let_through(&store, counters, NOW).await);
    assert!(!is_let_through(&store, counters, NOW).await);
}

async fn what_has_passed_is_not_given_back_twice(store: Store) {
    let three = counter("ada", 3, 3 * MINUTE);
    assert!(is_let_through(&store, std::slice::from_ref(&three), NOW).await);
    let later = NOW + MINUTE;
    for _ in 0..5 {
        give_back(&store, &three, later).await;
        give_back(&store, &counter("nobody", 3, MINUTE), later).await;
    }
    for n in 0..5 {
        assert_eq!(is_let_through(&store, std::slice::from_ref(&three), later).await, n < 3);
    }
}

async fn a_cleared_counter_starts_afresh_and_the_others_go_on(store: Store) {
    let (ada, bob) = (counter("ada", 2, 2 * MINUTE), counter("bob", 2, 2 * MINUTE));
    for _ in 0..2 {
        assert!(is_let_through(&store, &[ada.clone(), bob.clone()], NOW).await);
    }
    let release = Release { clear: vec![ada.key.clone(), key("nobody")], ..Release::default() };
    store.release(&release, NOW).await.unwrap();

    assert!(is_let_through(&store, &[ada], NOW).await);
    assert!(!is_let_through(&store, &[bob], NOW).await);
}

async fn come_from(store: &Store, account: &AccountKey, network: Network, now: OffsetDateTime) {
    let release = Release { remember: Some((*account, network)), ..Release::default() };
    store.release(&release, now).await.unwrap();
}

async fn a_known_network_is_known_for_its_account_alone(store: Store) {
    let (ada, bob) = (AccountKey::of_address("ada"), AccountKey::of_address("bob"));
    let known = async |account: &AccountKey, n, since| {
        store.is_known(account, network(n), since).await.unwrap()
    };
    assert!(!known(&ada, 1, NOW).await);
    come_from(&store, &ada, network(1), NOW).await;

    assert!(known(&ada, 1, NOW).await);
    assert!(!known(&ada, 1, NOW + MINUTE).await, "it is too long ago");
    assert!(!known(&ada, 2, NOW).await && !known(&bob, 1, NOW).await);
    come_from(&store, &ada, network(1), NOW + DAY).await;
    assert!(known(&ada, 1, NOW + DAY).await);
}

async fn only_the_newest_networks_are_known(store: Store) {
    let ada = AccountKey::of_address("ada");
    for n in 0..KNOWN_NETWORKS + 8 {
        come_from(&store, &ada, network(n), NOW + n * MINUTE).await;
    }
    for n in 0..KNOWN_NETWORKS + 8 {
        let known = store.is_known(&ada, network(n), NOW).await.unwrap();
        assert_eq!(known, n >= 8, "network {n}");
    }
}

async fn sweeping_takes_bounded_steps_and_leaves_what_counts(store: Store) {
    for n in 0..25 {
        assert!(is_let_through(&store, &[counter(&format!("{n}"), 1, MINUTE)], NOW).await);
        come_from(&store, &AccountKey::of_address(&format!("{n}")), network(1), NOW).await;
    }
    let lasting = [counter("ada", 1, DAY)];
    let ada = AccountKey::of_address("ada");
    assert!(is_let_through(&store, &lasting, NOW).await);
    come_from(&store, &ada, network(1), NOW + MINUTE).await;

    let later = NOW + MINUTE;
    let mut steps = 0;
    while !store.sweep(later, later, 10).await.unwrap() {
        steps += 1;
    }
    assert_eq!(steps, 2, "twenty-five rows are two steps of ten and a last one");
    assert!(!is_let_through(&store, &lasting, later).await);
    assert!(store.is_known(&ada, network(1), NOW).await.unwrap());
    let swept = AccountKey::of_address("3");
    assert!(!store.is_known(&swept, network(1), NOW).await.unwrap());
}

async fn a_counter_of_a_wrong_clock_locks_nobody_out(store: Store) {
    let ten = [counter("ada", 2, 10 * MINUTE)];
    let in_the_far_future = NOW + 40_000 * DAY;
    assert!(is_let_through(&store, &ten, in_the_far_future).await);
    assert!(is_let_through(&store, &ten, in_the_far_future).await);

    assert!(is_let_through(&store, &ten, NOW).await);
    assert!(is_let_through(&store, &ten, NOW).await);
    assert!(!is_let_through(&store, &ten, NOW).await, "it counts no more");
    store.sweep(NOW, NOW, 10).await.unwrap();
    assert!(!is_let_through(&store, &ten, NOW).await);
}

#[derive(Clone, Debug)]
enum Operation {
    Wait(u32),
    Try(u8),
    GiveBack(u8),
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        (0..30_000u32).prop_map(Operation::Wait),
        (1..8u8).prop_map(Operation::Try),
        (1..8u8).prop_map(Operation::Try),
        (0..3u8).prop_map(Operation::GiveBack),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is tried and given back whenever: no time sees more attempts that stand than the
    /// burst and a step's worth each, and whoever is told to wait gets in afterwards.
    #[test]
    fn no_time_sees_more_than_the_burst_and_its_steps(
        counts in [1..6u32, 1..6u32, 1..6u32],
        operations in proptest::collection::vec(operation(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(hold_to_the_rule(counts, operations));
    }
}

async fn hold_to_the_rule(counts: [u32; 3], operations: Vec<Operation>) {
    let (store, _folder) = sqlite().await;
    let all: Vec<Counter> = counts
        .iter()
        .enumerate()
        .map(|(n, count)| {
            counter(&format!("{n}"), *count, Duration::from_secs(13 * (n as u64 + 1)))
        })
        .collect();
    let mut now = NOW;
    // The attempts that stand, by counter.
    let mut stand: HashMap<CounterKey, Vec<OffsetDateTime>> = HashMap::new();
    for operation in operations {
        match operation {
            Operation::Wait(milliseconds) => now += Duration::from_millis(milliseconds.into()),
            Operation::Try(which) => {
                let named: Vec<Counter> =
                    (0..3).filter(|n| which & (1 << n) != 0).map(|n| all[n].clone()).collect();
                let refusal = store.reserve(&named, now).await.unwrap();
                if let Some(refusal) = refusal {
                    now += refusal.wait;
                    assert_eq!(store.reserve(&named, now).await.unwrap(), None, "it was told so");
                }
                for counter in named {
                    stand.entry(counter.key).or_default().push(now);
                }
            }
            Operation::GiveBack(which) => {
                let counter = &all[usize::from(which)];
                let attempts = stand.entry(counter.key.clone()).or_default();
                let step = Duration::from_millis(counter.pace.step().try_into().unwrap());
                // As the room does it: only while the attempt surely moves the counter.
                if attempts.last().is_some_and(|at| *at + step > now) {
                    attempts.pop();
                    give_back(&store, counter, now).await;
                }
            }
        }
        for counter in &all {
            let attempts = stand.get(&counter.key).cloned().unwrap_or_default();
            for (n, from) in attempts.iter().enumerate() {
                let passed = (now - *from).whole_milliseconds();
                let most =
                    (i128::from(counter.pace.window()) + passed) / i128::from(counter.pace.step());
                assert!((attempts.len() - n) as i128 <= most, "{attempts:?}");
            }
        }
    }
}
