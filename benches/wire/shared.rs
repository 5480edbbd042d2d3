//! The servers that keep their sessions in another process, so that several can share them: how
//! fast they know who is there, and how often they ask for it.

use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::databases::Databases;
use crate::load::{self, Plan, Series};
use crate::servers::{self, EXPRESS, Server, TOWER_SESSIONS};

/// The one that the others are compared with.
pub const REFERENCE: &str = "express-session, connect-redis";

/// The count before the databases have reported all: see [`Postgres::transactions`].
const COUNTED_AFTER: Duration = Duration::from_secs(12);
const COUNTING: u32 = 2;

pub struct Shared {
    pub series: Vec<Series>,
    /// Round trips to Redis and to `PostgreSQL` for one check.
    pub trips: Vec<(&'static str, f64, f64)>,
}

/// All of it.
pub fn measure(plan: Plan) -> Shared {
    let folder = TempDir::new().unwrap();
    let databases = Databases::start();
    let servers = start(&folder, &databases);
    let series = load::measure(&servers, plan, &|| databases.cpu_seconds());
    let trips = count_trips(&servers, &databases);
    Shared { series, trips }
}

/// Each has a place of its own in the same Redis.
fn start(folder: &TempDir, databases: &Databases) -> Vec<Vec<Server>> {
    let redis = |number| databases.redis.url(number);
    let in_redis = servers::anteroom(
        "anteroom, Redis",
        &[("ANTEROOM_DATABASE", &databases.postgres.url()), ("ANTEROOM_SESSIONS", &redis(0))],
    );
    let in_postgres = servers::anteroom(
        "anteroom, PostgreSQL",
        &[("ANTEROOM_DATABASE", &databases.postgres.url_of_another())],
    );
    let answers = servers::keep_answers(&in_redis, folder);
    let express = ["node", &servers::path_of_peer(EXPRESS)];
    let tower_sessions = [&*servers::path_of_peer(TOWER_SESSIONS)];
    let peer = |name, program: &[&str], number| {
        servers::peer_program(name, program, Some(&redis(number)), &answers)
    };
    let express = peer(REFERENCE, &express, 1);
    let tower_sessions = peer("tower-sessions, its Redis store", &tower_sessions, 2);
    [express, tower_sessions, in_redis, in_postgres].map(|server| vec![server]).into()
}

/// One request at a time, so that each question is read by itself. Questions that the servers ask
/// without being asked is counted before, over as long a time, and taken off.
fn count_trips(servers: &[Vec<Server>], databases: &Databases) -> Vec<(&'static str, f64, f64)> {
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
    servers.iter().flatten().map(count).collect()
}
