//! The memory of a live session: a separate process fills a store in memory and looks at how much
//! it has grown; a database says by itself what it holds.

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
    Client, NewSession, Owner, SessionPolicy, SessionStore, Sessions, SessionsOptions,
};
use anteroom::store::{MemoryOptions, MemoryStore, RedisSessions, SessionLocation, SqlDatabase};
use secrecy::SecretString;
use serde_json::json;
use time::OffsetDateTime;
use time::macros::datetime;
use tower_sessions::session_store::SessionStore as _;
use uuid::Uuid;

use crate::databases::{Postgres, Redis, runtime};
use crate::load::OURS;
use crate::servers::{self, EXPRESS, REDIS};

/// When all those sessions begin.
pub const NOW: OffsetDateTime = datetime!(2026-11-21 09:00 UTC);

/// The memory of a session in a store that holds this number.
pub struct Taken {
    pub store: &'static str,
    pub sessions: u32,
    pub bytes: f64,
}

/// The bytes of a session in each store: so many in memory, a tenth of that elsewhere.
pub fn measure(count: u32) -> Vec<Taken> {
    let in_memory = |store, bytes| Taken { store, sessions: count, bytes };
    let elsewhere = |store, bytes: fn(u32) -> f64| {
        eprintln!("{store}: filling");
        Taken { store, sessions: count / 10, bytes: bytes(count / 10) }
    };
    vec![
        in_memory(OURS, in_process("anteroom", &[count])[0]),
        in_memory("tower-sessions, MemoryStore", in_process("tower-sessions", &[count])[0]),
        in_memory("express-session, MemoryStore", fill_express(count, None)),
        elsewhere("anteroom, Redis", in_redis),
        elsewhere("express-session, connect-redis", in_connect_redis),
        elsewhere("anteroom, PostgreSQL", in_postgres),
    ]
}

/// The bytes of a session in one store that is filled step by step, in a process of its own.
pub fn in_process(store: &str, counts: &[u32]) -> Vec<f64> {
    eprintln!("{store} in memory: filling");
    let mut process = Command::new(env::current_exe().unwrap());
    process.args(["fill", store]).args(counts.iter().map(u32::to_string));
    let output = process.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| line.parse().unwrap()).collect()
}

/// Fills a store with this many sessions, each of a user of its own, and prints what one takes.
pub fn print(store: &str, counts: &[u32]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let before = resident();
    match store {
        "anteroom" => {
            let store = Arc::new(MemoryStore::new(MemoryOptions { most_sessions: 20_000_000 }));
            let mut from = 0;
            for count in counts {
                runtime.block_on(start(store.clone(), from..*count));
                from = *count;
                print_growth(before, *count);
            }
            let counted = runtime.block_on(store.count()).unwrap().unwrap();
            assert_eq!(counted.users, u64::from(from));
        }
        "tower-sessions" => {
            let kept = runtime.block_on(fill_tower_sessions(counts[0]));
            print_growth(before, counts[0]);
            drop(kept);
        }
        other => panic!("there is no store {other}"),
    }
}

fn print_growth(before: u64, count: u32) {
    let grown = u32::try_from((resident() - before) / 1024).unwrap();
    println!("{:.1}", f64::from(grown) * 1024.0 / f64::from(count));
}

/// The resident memory of this process, in bytes.
fn resident() -> u64 {
    resident_of(std::process::id())
}

/// The resident memory of a process, in bytes.
pub fn resident_of(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
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

/// The session that a sign-in of this user begins.
pub fn beginning(user: u128, client: Client) -> NewSession {
    NewSession {
        owner: Owner::User { id: UserId::from_uuid(Uuid::from_u128(user)), epoch: Epoch::FIRST },
        administrator: false,
        second_factor: None,
        passkey: None,
        remember_me: false,
        client,
        previous_token: None,
        last_epoch_reason: None,
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

/// The memory of a session in express-session's own store, as Node.js says; of no use where it
/// fills a Redis.
fn fill_express(count: u32, redis: Option<&str>) -> f64 {
    let mut node = Command::new("node");
    node.args(["--expose-gc", "--max-old-space-size=8192", &servers::path_of_peer(EXPRESS)]);
    node.args(["fill", &count.to_string()]).env_remove(REDIS);
    let output = node.envs(redis.map(|redis| (REDIS, redis))).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

fn in_redis(count: u32) -> f64 {
    let redis = Redis::start();
    let before = redis.used_memory();
    runtime().block_on(async {
        let store = RedisSessions::open(&SecretString::from(redis.url(0))).await.unwrap();
        fill(Arc::new(store), count).await;
    });
    (redis.used_memory() - before) / f64::from(count)
}

fn in_connect_redis(count: u32) -> f64 {
    let redis = Redis::start();
    let before = redis.used_memory();
    fill_express(count, Some(&redis.url(0)));
    (redis.used_memory() - before) / f64::from(count)
}

/// The tables and their indexes, of all that a sign-in writes.
fn in_postgres(count: u32) -> f64 {
    const SIZE: &str = "SELECT SUM(pg_total_relation_size(oid))::BIGINT FROM pg_class \
                        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
    let postgres = Postgres::start();
    let url = postgres.url();
    let open = || SqlDatabase::open(&*url, SessionLocation::ThisDatabase);
    runtime().block_on(async { open().await.unwrap().close().await });
    let before = postgres.number(SIZE);
    runtime().block_on(async {
        let store = open().await.unwrap();
        fill(Arc::new(store.clone()), count).await;
        store.close().await;
    });
    (postgres.number(SIZE) - before) / f64::from(count)
}
