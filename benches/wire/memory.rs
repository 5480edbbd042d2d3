//! What a live session takes in memory: a process of its own fills one store and looks at how much
//! it has grown.

use std::env;
use std::fs;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::process::Command;
use std::sync::Arc;

use anteroom::accounts::{Epoch, UserId};
use anteroom::clock::{Clock, ManualClock};
use anteroom::entropy::Entropy;
use anteroom::sessions::{
    Beginning, Client, Owner, SessionPolicy, SessionStore, Sessions, SessionsOptions,
};
use anteroom::store::{MemoryOptions, MemoryStore};
use serde_json::json;
use time::OffsetDateTime;
use time::macros::datetime;
use tower_sessions::session_store::SessionStore as _;
use uuid::Uuid;

/// When all those sessions begin.
pub const NOW: OffsetDateTime = datetime!(2026-11-21 09:00 UTC);

/// The bytes of a session in each store.
pub fn measure(count: u32) -> Vec<(&'static str, f64)> {
    ["anteroom", "tower-sessions"]
        .map(|store| {
            let mut process = Command::new(env::current_exe().unwrap());
            let output = process.args(["memory", store, &count.to_string()]).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            (store, String::from_utf8_lossy(&output.stdout).trim().parse().unwrap())
        })
        .to_vec()
}

/// Fills a store with this many sessions, each of a user of its own, and prints what one takes.
pub fn print(store: &str, count: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let before = resident();
    match store {
        "anteroom" => {
            let kept = runtime.block_on(fill_anteroom(count));
            print_growth(before, count);
            drop(kept);
        }
        "tower-sessions" => {
            let kept = runtime.block_on(fill_tower_sessions(count));
            print_growth(before, count);
            drop(kept);
        }
        other => panic!("there is no store {other}"),
    }
}

fn print_growth(before: u64, count: u32) {
    let grown = u32::try_from((resident() - before) / 1024).unwrap();
    println!("{:.1}", f64::from(grown) * 1024.0 / f64::from(count));
}

/// What the process has in memory, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

/// As many different browsers as a service sees often: a few versions on a few systems.
pub fn user_agent(number: u32) -> String {
    let system =
        ["X11; Linux x86_64", "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10.15"];
    let system = system[number as usize % system.len()];
    let version = 128 + number % 20;
    format!("Mozilla/5.0 ({system}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0")
}

fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0A00_0000 | number)
}

async fn fill_anteroom(count: u32) -> Sessions {
    let store = Arc::new(MemoryStore::new(MemoryOptions { most_sessions: 20_000_000 }));
    let sessions = start(store.clone(), 0..count).await;
    assert_eq!(store.count().await.unwrap().unwrap().users, u64::from(count));
    sessions
}

/// Starts a session for each of so many users, several at once, as a service is used.
pub async fn fill(store: Arc<dyn SessionStore>, count: u32) {
    const AT_ONCE: u32 = 16;
    let share = count / AT_ONCE;
    let filling: Vec<_> = (0..AT_ONCE)
        .map(|part| tokio::spawn(start(store.clone(), part * share..(part + 1) * share)))
        .collect();
    for part in filling {
        part.await.unwrap();
    }
}

async fn start(store: Arc<dyn SessionStore>, numbers: Range<u32>) -> Sessions {
    let sessions = sessions_in(store, NOW);
    for number in numbers {
        let client =
            Client { ip_address: Some(address(number).into()), user_agent: user_agent(number) };
        sessions.start(beginning(u128::from(number) << 64, client)).await.unwrap();
    }
    sessions
}

/// Of a server that does nothing else, at this time.
pub fn sessions_in(store: Arc<dyn SessionStore>, now: OffsetDateTime) -> Sessions {
    Sessions::new(SessionsOptions {
        store,
        outbox: None,
        policy: SessionPolicy::default(),
        clock: Clock::from(&ManualClock::at(now)),
        entropy: Entropy::operating_system(),
        leases: anteroom::sessions::LeaseOptions::default(),
    })
}

/// What a sign-in of this user begins.
pub fn beginning(user: u128, client: Client) -> Beginning {
    Beginning {
        owner: Owner::User { id: UserId::from_uuid(Uuid::from_u128(user)), epoch: Epoch::FIRST },
        administrator: false,
        remember_me: false,
        client,
        brought: None,
        risen: None,
    }
}

/// The same facts, as an application keeps them there.
async fn fill_tower_sessions(count: u32) -> tower_sessions::MemoryStore {
    let store = tower_sessions::MemoryStore::default();
    for number in 0..count {
        let user = Uuid::from_u128(u128::from(number) << 64);
        let value = json!({
            "user_id": user.to_string(),
            "epoch": 1,
            "created_at": 1_795_251_600_000_u64,
            "authenticated_at": 1_795_251_600_000_u64,
            "last_seen_at": 1_795_251_600_000_u64,
            "remember_me": false,
            "ip_address": address(number).to_string(),
            "user_agent": user_agent(number),
        });
        let data = [("session".to_owned(), value)].into();
        let id = tower_sessions::session::Id(i128::from(number) << 64);
        let expiry_date = NOW + time::Duration::DAY;
        let mut record = tower_sessions::session::Record { id, data, expiry_date };
        store.create(&mut record).await.unwrap();
    }
    store
}
