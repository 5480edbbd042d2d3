//! The servers that keep their sessions in another process, so that several can share them: how
//! fast they know who is there, how often they ask for it, and what a session takes in the store.

use std::env;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anteroom::store::{RedisSessions, SessionsIn, SqlDatabase};
use secrecy::SecretString;
use tempfile::TempDir;

use crate::databases::{Databases, Postgres, Redis, runtime};
use crate::load::{self, Plan, Series};
use crate::memory::fill;
use crate::servers::{self, REDIS, Server};

/// `benches/run` says here where the peers are.
const EXPRESS: &str = "ANTEROOM_BENCH_EXPRESS";
const TOWER_SESSIONS: &str = "ANTEROOM_BENCH_TOWER_SESSIONS";

/// The one that the others are compared with.
pub const REFERENCE: &str = "express-session, connect-redis";

/// What is counted before the databases have told all: see [`Postgres::transactions`].
const COUNTED_AFTER: Duration = Duration::from_secs(12);
const COUNTING: u32 = 2;

/// How many sessions a store is filled with to see what one takes.
const FILLED: u32 = 100_000;

pub struct Shared {
    pub series: Vec<Series>,
    /// Round trips to Redis and to `PostgreSQL` for one check.
    pub trips: Vec<(&'static str, f64, f64)>,
    /// Of a session in a store.
    pub bytes: Vec<(&'static str, f64)>,
}

/// All of it.
pub fn measure(plan: Plan) -> Shared {
    let folder = TempDir::new().unwrap();
    let databases = Databases::start();
    let servers = start(&folder, &databases);
    let series = load::measure(&servers, plan, &|| databases.cpu_seconds());
    let trips = count_trips(&servers, &databases);
    drop((servers, databases));
    Shared { series, trips, bytes: vec![in_redis(), in_connect_redis(), in_postgres()] }
}

/// Each has a place of its own in the same Redis.
fn start(folder: &TempDir, databases: &Databases) -> Vec<Server> {
    let redis = |number| databases.redis.url(number);
    let in_redis = servers::anteroom_over("anteroom, Redis", &databases.postgres.url(), &redis(0));
    let answers = servers::keep_answers(&in_redis, folder);
    let (express, tower_sessions) = (path(EXPRESS), path(TOWER_SESSIONS));
    vec![
        servers::peer_over_redis(REFERENCE, &["node", &express], &redis(1), &answers),
        servers::peer_over_redis(
            "tower-sessions, its Redis store",
            &[&tower_sessions],
            &redis(2),
            &answers,
        ),
        in_redis,
        servers::anteroom_over(
            "anteroom, PostgreSQL",
            &databases.postgres.url_of_another(),
            "database",
        ),
    ]
}

fn path(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: benches/run sets it"))
}

/// One request at a time, so that each question is read by itself. What the servers ask without
/// being asked is counted before, over as long a time, and taken off.
fn count_trips(servers: &[Server], databases: &Databases) -> Vec<(&'static str, f64, f64)> {
    let counts = || (databases.redis.reads(), databases.postgres.transactions());
    let grown = |since: (f64, f64)| {
        thread::sleep(COUNTED_AFTER);
        let now = counts();
        (now.0 - since.0, now.1 - since.1)
    };
    thread::sleep(COUNTED_AFTER);
    let before = counts();
    thread::sleep(Duration::from_secs(u64::from(COUNTING)));
    let idle = grown(before);
    let count = |server: &Server| {
        let before = counts();
        let (_, requests) = load::load(server, "/api/session", COUNTING, 1);
        let all = grown(before);
        let each = |all: f64, idle: f64| ((all - idle) / requests).max(0.0);
        (server.name, each(all.0, idle.0), each(all.1, idle.1))
    };
    servers.iter().map(count).collect()
}

fn in_redis() -> (&'static str, f64) {
    let redis = Redis::start();
    let before = redis.used_memory();
    runtime().block_on(async {
        let store = RedisSessions::open(&SecretString::from(redis.url(0))).await.unwrap();
        fill(Arc::new(store), FILLED).await;
    });
    ("anteroom, Redis", (redis.used_memory() - before) / f64::from(FILLED))
}

fn in_connect_redis() -> (&'static str, f64) {
    let redis = Redis::start();
    let before = redis.used_memory();
    let mut node = Command::new("node");
    node.args([&path(EXPRESS), "fill", &FILLED.to_string()]).env(REDIS, redis.url(0));
    assert!(node.status().unwrap().success());
    (REFERENCE, (redis.used_memory() - before) / f64::from(FILLED))
}

/// The tables and their indexes, of all that a sign-in writes.
fn in_postgres() -> (&'static str, f64) {
    const SIZE: &str = "SELECT SUM(pg_total_relation_size(oid))::BIGINT FROM pg_class \
                        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
    let postgres = Postgres::start();
    let url = postgres.url();
    let open = || SqlDatabase::open(&*url, SessionsIn::ThisDatabase);
    runtime().block_on(async { open().await.unwrap().close().await });
    let before = postgres.number(SIZE);
    runtime().block_on(async {
        let store = open().await.unwrap();
        fill(Arc::new(store.clone()), FILLED).await;
        store.close().await;
    });
    ("anteroom, PostgreSQL", (postgres.number(SIZE) - before) / f64::from(FILLED))
}
