//! Loading each server in turn.

use std::process::Command;

use tempfile::TempDir;

use crate::client::{FIREFOX, ask};
use crate::databases::Redis;
use crate::figures::Spread;
use crate::servers::{self, EDDSA, EXPRESS, HS256, Server};

pub const LOAD_CORE: &str = "1";
pub const CONNECTIONS: u32 = 32;

/// The server without any check.
pub const BARE: &str = "bare";
/// Ours, which the goals are about: nothing is set but where sessions are.
pub const OURS: &str = "anteroom, memory";

/// How long it goes on.
#[derive(Clone, Copy)]
pub struct Plan {
    pub rounds: u32,
    /// Of each server in each round.
    pub seconds: u32,
}

/// One moment of one server.
#[derive(Clone, Copy)]
pub struct Sample {
    pub requests_per_second: f64,
    /// Of user and system time.
    pub cpu_microseconds: f64,
    /// The same of the databases, where there are any.
    pub database_microseconds: f64,
}

impl Sample {
    pub fn rate(&self) -> f64 {
        self.requests_per_second
    }

    pub fn cpu(&self) -> f64 {
        self.cpu_microseconds
    }
}

/// The results of a server at one path: a sample of each round, and the bytes of one request.
pub struct Series {
    pub name: &'static str,
    pub path: &'static str,
    pub samples: Vec<Sample>,
    pub bytes: (usize, usize),
}

impl Series {
    /// One figure of every round.
    pub fn each(&self, of: fn(&Sample) -> f64) -> Vec<f64> {
        self.samples.iter().map(of).collect()
    }

    /// The same, over that of another server in the same round.
    pub fn to(&self, other: &Self, of: fn(&Sample) -> f64) -> Spread {
        Spread::of_ratios(&self.each(of), &other.each(of))
    }
}

/// The first is what the others are compared with.
fn start(folder: &TempDir, redis: &Redis) -> Vec<Vec<Server>> {
    let in_memory = ("ANTEROOM_SESSIONS", "memory:");
    let anteroom = servers::anteroom(OURS, &[in_memory]);
    let answers = servers::keep_answers(&anteroom, folder);
    let express = servers::path_of_peer(EXPRESS);
    let express = ["node", &express];
    let mut servers = vec![
        servers::peer(BARE, &answers),
        servers::peer(HS256, &answers),
        servers::peer(EDDSA, &answers),
        servers::peer("tower-sessions", &answers),
        servers::peer_program("express-session, memory", &express, None, &answers),
        servers::peer_program("express-session, Redis", &express, Some(&redis.url(0)), &answers),
        anteroom,
        servers::anteroom("anteroom, SQLite", &[]),
        servers::anteroom("anteroom, memory, log at warn", &[in_memory, ("ANTEROOM_LOG", "warn")]),
    ];
    servers.extend(servers::before());
    servers.into_iter().map(|server| vec![server]).collect()
}

/// Every way to know who is there, each on a server of its own.
pub fn measure_all(plan: Plan) -> Vec<Series> {
    let (folder, redis) = (TempDir::new().unwrap(), Redis::start());
    measure(&start(&folder, &redis), plan, &|| redis.cpu_seconds())
}

/// Has this thread run on one core only, and all that it starts from now on.
pub fn keep_to(cores: &str) {
    let itself = std::process::id().to_string();
    let pinned = Command::new("taskset").args(["-c", "-p", cores, &itself]).output().unwrap();
    assert!(pinned.status.success(), "{}", String::from_utf8_lossy(&pinned.stderr));
}

/// Every group at both paths, for all rounds, beside what their databases use of a core in seconds.
/// Of a group of several nodes each round loads another, while the others run.
pub fn measure(groups: &[Vec<Server>], plan: Plan, databases: &dyn Fn() -> f64) -> Vec<Series> {
    let mut all = Vec::new();
    for path in ["/api/session", "/auth/verify"] {
        let mut series: Vec<Series> = groups.iter().map(|group| begin(group, path)).collect();
        for round in 0..plan.rounds {
            eprintln!("{path}: round {} of {}", round + 1, plan.rounds);
            for (group, series) in groups.iter().zip(&mut series) {
                let server = &group[series.samples.len() % group.len()];
                let before = databases();
                let (mut sample, requests) = load(server, path, plan.seconds, CONNECTIONS);
                sample.database_microseconds = (databases() - before) * 1e6 / requests;
                series.samples.push(sample);
            }
        }
        all.extend(series);
    }
    all
}

fn header(server: &Server, path: &str) -> (String, String) {
    let of_session = path == "/api/session";
    if of_session { server.session_header.clone() } else { server.verify_header.clone() }
}

fn begin(group: &[Server], path: &'static str) -> Series {
    let ask_one = |server: &Server| {
        let (name, value) = header(server, path);
        let answer = ask(server.address, &format!("GET {path}"), &[(&name, &value)], "");
        assert_eq!(answer.status, 200, "{} does not know us at {path}", server.name);
        answer.bytes
    };
    let bytes = group.iter().map(ask_one).max().unwrap();
    Series { name: group[0].name, path, samples: Vec::new(), bytes }
}

/// A moment of load on so many connections, and how many requests were answered.
pub fn load(server: &Server, path: &str, seconds: u32, connections: u32) -> (Sample, f64) {
    let (name, value) = header(server, path);
    let before = server.cpu_seconds();
    let output = Command::new("taskset")
        .args(["-c", LOAD_CORE, "wrk", "-t1", "-c", &connections.to_string()])
        .arg(format!("-d{seconds}s"))
        .args(["-H", &format!("Host: localhost:{}", server.address.port())])
        .args(["-H", &format!("User-Agent: {FIREFOX}"), "-H", &format!("{name}: {value}")])
        .arg(format!("http://{}{path}", server.address))
        .output()
        .unwrap();
    let cpu = server.cpu_seconds() - before;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for trouble in ["Non-2xx", "Socket errors"] {
        assert!(!text.contains(trouble), "{}: {text}", server.name);
    }
    let requests = word_before(&text, "requests in");
    let requests_per_second = word_after(&text, "Requests/sec:");
    let cpu_microseconds = cpu * 1e6 / requests;
    (Sample { requests_per_second, cpu_microseconds, database_microseconds: 0.0 }, requests)
}

fn word_before(text: &str, mark: &str) -> f64 {
    text.split(mark).next().unwrap().split_whitespace().last().unwrap().parse().unwrap()
}

fn word_after(text: &str, mark: &str) -> f64 {
    text.split(mark).nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap()
}
