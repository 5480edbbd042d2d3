//! How often the server is asked, counted on the wire.

use std::collections::BTreeMap;
use std::time::Duration;

use anteroom::accounts::{AccountStore, Epoch, Role};
use anteroom::audit::AuditStore as _;
use anteroom::audit::{By, Event, EventId, Recorded};
use anteroom::sessions::{
    Compartment, EndReason, Ended, Ending, Keep, Keeping, Loaded, SessionId, SessionStore as _,
    Start, Touch,
};
use anteroom::store::{SessionLocation, SqlDatabase};
use anteroom::throttle::{
    AccountKey, Counter, CounterKey, Network, Pace, Rate, ThrottleStore as _,
};

use super::{NOW, add, fresh_user, fresh_uuid, start_of};
use crate::harness::postgres::Database;
use crate::harness::relay::Relay;

/// The messages after which a client waits for an answer: `Sync` and `Query`.
pub fn questions(unread: &mut Vec<u8>) -> u64 {
    let (mut asked, mut read) = (0, 0);
    loop {
        let rest = &unread[read..];
        // The first message of a connection has no type; the first byte of its length is zero.
        let typed = rest.first().is_some_and(|first| *first != 0);
        let Some(length) = rest.get(usize::from(typed)..usize::from(typed) + 4) else { break };
        let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
        let whole = usize::from(typed) + length;
        if rest.len() < whole {
            break;
        }
        asked += u64::from(typed && matches!(rest[0], b'S' | b'Q'));
        read += whole;
    }
    unread.drain(..read);
    asked
}

/// How many questions to the server each question to a store was, when it was asked last: the first
/// time a connection learns its statements.
struct Counts<'r> {
    relay: &'r Relay,
    of: BTreeMap<&'static str, u64>,
}

impl Counts<'_> {
    async fn count<T>(&mut self, what: &'static str, operation: impl Future<Output = T>) -> T {
        let before = self.relay.asked();
        let outcome = operation.await;
        self.of.insert(what, self.relay.asked() - before);
        outcome
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_to_the_store_is_one_to_the_server() {
    let Some(database) = Database::fresh().await else { return };
    let relay = Relay::to(database.address(), questions).await;
    let url = database.url_at(relay.address.port());
    let store = SqlDatabase::open(&*url, SessionLocation::ThisDatabase).await.unwrap();
    let mut counts = Counts { relay: &relay, of: BTreeMap::new() };
    for round in 0..2 {
        about_sessions(&store, &mut counts, round).await;
        about_the_rest(&store, &mut counts, round).await;
    }

    // Begin, whether the id is used, the epoch, those who are live, the row, commit.
    assert_eq!(counts.of.remove("start"), Some(6));
    assert!(counts.of.values().all(|asked| *asked == 1), "{:?}", counts.of);
    assert_eq!(counts.of.len(), 9);
}

async fn about_sessions(store: &SqlDatabase, counts: &mut Counts<'_>, round: u8) {
    let user = fresh_user();
    let at = NOW + Duration::from_mins(1);
    let mut held = Vec::new();
    for _ in 0..50 {
        let start = start_of(user, Epoch::FIRST, 100);
        counts.count("start", store.start(&start)).await.unwrap();
        held.push(start);
    }
    let touch = |start: &Start| {
        let client = start.session.client.clone();
        Touch { id: start.session.id, at, client }
    };
    let seen: Vec<Touch> = held.iter().map(touch).collect();
    let id = held[0].session.id;
    let keep = Keep { id, compartment: Compartment::Visitor, over: 0, data: b"{}".to_vec() };
    let ended = Ended { reason: EndReason::SignedOut, at };
    let ending = Ending { id, of: Some(user), unseen_since: None, ended };

    let loaded = counts.count("load", store.load(&held[0].digest)).await.unwrap();
    assert!(matches!(loaded, Loaded::Live(_)), "round {round}");
    counts.count("touch of 50", store.touch(&seen)).await.unwrap();
    assert_eq!(counts.count("keep", store.keep(&keep)).await.unwrap(), Keeping::Kept);
    assert!(counts.count("end", store.end(&ending)).await.unwrap());
    assert!(counts.count("orders", store.orders_after(0)).await.unwrap().is_empty());
}

async fn about_the_rest(store: &SqlDatabase, counts: &mut Counts<'_>, round: u8) {
    let accounts: &dyn AccountStore = store;
    let ada = add(accounts, &format!("ada{round}@example.org"), Role::User).await;
    let event = Event::session_ended(
        SessionId::from_uuid(fresh_uuid()),
        EndReason::SignedOut,
        &By::server(),
    );
    let event = Recorded::new(EventId::from_uuid(fresh_uuid()), NOW, event);
    let account = AccountKey::of_address("ada");
    let network = Network::of(std::net::Ipv4Addr::LOCALHOST.into());
    let counters: Vec<Counter> = (0..5)
        .map(|n| Counter {
            key: CounterKey::of_account(&account, format!("scope {n}")),
            pace: Pace::of(Rate { count: 10, per: Duration::from_mins(1) }),
        })
        .collect();

    assert!(counts.count("account", accounts.find(ada.user.id)).await.unwrap().is_some());
    counts.count("record", store.append(std::slice::from_ref(&event))).await.unwrap();
    let refusal = counts.count("refusal of 5", store.refusal(&counters, NOW)).await.unwrap();
    assert!(refusal.is_none());
    let known = counts.count("known network", store.is_known(&account, network, NOW)).await;
    assert!(!known.unwrap());
}
