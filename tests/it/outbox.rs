//! Accounts in one store and sessions in another: a server that dies anywhere between the two leaves
//! nothing half done. Nobody starts it again; another one goes on.

use std::time::{Duration, Instant};

use anteroom::accounts::{Email, Role};
use anteroom::clock::Clock;
use anteroom::sessions::Outbox as _;
use anteroom::sessions::cache::LEASE_WAIT;
use anteroom::store::{SessionLocation, SqlDatabase};
use anteroom::{Anteroom, Options, SessionStorage};
use serde_json::json;

use crate::harness::app::{Kind, OTHER_PASSWORD, PASSWORD, TestApp};
use crate::harness::browser::Browser;
use crate::harness::failing::{Fault, Faults};
use crate::harness::redis::shared_database;
use crate::harness::{postgres, redis};
use crate::passkeys;

/// Far more than the second that it may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// More calls than any change makes.
const MOST_CALLS: usize = 40;

/// What changes an account and ends sessions with it.
const CHANGES: [&str; 6] = ["password", "end the others", "end all", "disable", "role", "delete"];

/// Two servers over the same stores; the first may die.
struct Two {
    mortal: TestApp,
    other: TestApp,
    faults: Faults,
    accounts: SqlDatabase,
}

impl Two {
    async fn start() -> Self {
        let faults = Faults::default();
        let redis = shared_database("an outbox").await.unwrap();
        let in_redis = |options: &mut Options| {
            options.sessions = SessionStorage::Redis { url: redis.as_str().into() };
        };
        let wrap = |stores| faults.wrap(stores);
        let mortal = TestApp::start_over(Kind::Postgres, in_redis, Anteroom::front, wrap).await;
        let (accounts_at, clock) = (mortal.accounts_at.clone(), Clock::from(&mortal.clock));
        let beside = |options: &mut Options| {
            in_redis(options);
            options.database = accounts_at.clone();
            options.clock = clock;
        };
        let other = TestApp::start_with(Kind::Database, beside).await;
        let accounts = SqlDatabase::open(accounts_at, SessionLocation::Elsewhere).await.unwrap();
        Self { mortal, other, faults, accounts }
    }

    /// The same browser, at the other server.
    fn at_the_other(&self, browser: &Browser) -> Browser {
        let there = self.other.browser();
        there.hold(&browser.token());
        there
    }

    async fn epoch(&self, email: &str) -> Option<i64> {
        let email = Email::parse(email).unwrap();
        let account = self.other.anteroom.accounts().find_by_email(&email).await.unwrap();
        account.map(|account| account.epoch.number())
    }

    /// Waits until nothing is left to be told. How long that took.
    async fn is_finished(&self, what: &str) -> Duration {
        let begun = Instant::now();
        while !self.accounts.pending(10).await.unwrap().is_empty() {
            assert!(begun.elapsed() < PATIENCE, "{what}: nobody finishes it");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        begun.elapsed()
    }
}

async fn make(change: &str, ada: &Browser, admin: &Browser, id: &str) -> u16 {
    let path = format!("/api/admin/users/{id}");
    let answer = match change {
        "password" => ada.change_password(PASSWORD, OTHER_PASSWORD).await,
        "end the others" => ada.delete("/api/sessions").await,
        "end all" => ada.delete("/api/sessions?include_current=true").await,
        "disable" => admin.patch(&path, json!({ "status": "disabled" })).await,
        "role" => admin.patch(&path, json!({ "role": "admin" })).await,
        _ => admin.delete(&path).await,
    };
    answer.status
}

/// One change, with the death at its `nth` call. `false`: it does not make so many.
async fn dies(change: &'static str, (nth, fault): (usize, Fault)) -> bool {
    let two = Two::start().await;
    let what = format!("{change}, {fault:?} at call {nth}");
    let email = "ada@example.org";
    let ada = two.mortal.signed_in(email).await;
    let phone = two.mortal.signed_in(email).await;
    let admin = two.mortal.signed_in_as("root@example.org", Role::Admin, false).await;
    let (id, before) = (ada.user_id().await, two.epoch(email).await);
    let phone_there = two.at_the_other(&phone);
    assert!(phone_there.is_signed_in().await);

    two.faults.strike(nth, fault);
    let acting = {
        let (ada, admin, id) = (ada.copy(), admin.copy(), id.clone());
        tokio::spawn(async move { make(change, &ada, &admin, &id).await })
    };
    let begun = Instant::now();
    while !acting.is_finished() && !two.faults.is_dead() {
        assert!(begun.elapsed() < PATIENCE, "{what}: neither an answer nor a death");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    if !two.faults.is_dead() {
        assert!((200..300).contains(&acting.await.unwrap()), "{what}");
        return false;
    }
    let is_done = two.epoch(email).await != before;
    // Nobody was told that it is done, so the other server may go on until its lease has run out.
    tokio::time::sleep(LEASE_WAIT).await;
    assert_ne!(phone_there.is_signed_in().await, is_done, "{what}: half done");
    let took = two.is_finished(&what).await;
    println!("{what}: {}, finished after {took:?}", if is_done { "done" } else { "not done" });
    assert_ne!(phone_there.is_signed_in().await, is_done, "{what}");
    if is_done {
        let user = anteroom::accounts::UserId::from_uuid(id.parse().unwrap());
        let epoch = two.epoch(email).await;
        for session in two.other.anteroom.sessions().list(user).await.unwrap() {
            let of = session.owner.epoch().map(anteroom::accounts::Epoch::number);
            assert_eq!(of, epoch, "{what}: {session:?}");
        }
        assert!(!two.at_the_other(&ada).is_signed_in().await, "{what}: an old token");
    }
    acting.abort();
    true
}

async fn each_change_survives_a(fault: Fault) {
    if !redis::is_here("an outbox") || !postgres::is_here().await {
        return;
    }
    for change in CHANGES {
        let mut nth = 1;
        while dies(change, (nth, fault)).await {
            nth += 1;
            assert!(nth < MOST_CALLS, "{change}: it never stops asking");
        }
        assert!(nth > 3, "{change}: it asks the stores hardly anything");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_server_finishes_what_one_that_died_before_a_call_left_behind() {
    each_change_survives_a(Fault::DeathBefore).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_server_finishes_what_one_that_died_after_a_call_left_behind() {
    each_change_survives_a(Fault::DeathAfter).await;
}

/// The deletion of a passkey is in one store, the sessions that it started are in another.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n_11_another_server_ends_the_sessions_of_a_passkey_that_a_dead_one_deleted() {
    if !redis::is_here("an outbox") || !postgres::is_here().await {
        return;
    }
    for (call, fault) in [("change", Fault::DeathAfter), ("end", Fault::DeathBefore)] {
        let two = Two::start().await;
        let ada = two.mortal.signed_in("ada@example.org").await;
        let mut key = passkeys::key(&two.mortal);
        let added = passkeys::add(&ada, &mut key).await;
        let path = format!("/api/account/passkeys/{}", added["passkey"]["id"].as_str().unwrap());
        let browser = passkeys::signed_in_with(&two.mortal, &mut key).await;
        let there = two.at_the_other(&browser);
        assert!(there.is_signed_in().await);

        two.faults.strike_call(call, fault);
        let acting = {
            let ada = ada.copy();
            tokio::spawn(async move { ada.delete(&path).await.status })
        };
        let begun = Instant::now();
        while !two.faults.is_dead() {
            assert!(begun.elapsed() < PATIENCE, "{call}: it did not die");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }

        while !two.accounts.removed_passkeys(10).await.unwrap().is_empty() {
            assert!(begun.elapsed() < PATIENCE, "{call}: nobody finishes it");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(there.why_not().await, "credential_removed", "{call}");
        assert!(two.at_the_other(&ada).is_signed_in().await, "{call}");
        acting.abort();
    }
}
