//! Loading each server in turn.

use std::process::Command;

use tempfile::TempDir;

use crate::client::{FIREFOX, ask};
use crate::servers::{self, Server};

pub const LOAD_CORE: &str = "1";
const CONNECTIONS: u32 = 32;

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

/// What a server did at one path: a sample of each round, and the bytes of one request.
pub struct Series {
    pub name: &'static str,
    pub path: &'static str,
    pub samples: Vec<Sample>,
    pub bytes: (usize, usize),
}

/// The first is what the others are compared with.
fn start(folder: &TempDir) -> Vec<Server> {
    let in_memory = servers::anteroom("anteroom, memory", "memory:", "warn");
    let answers = servers::keep_answers(&in_memory, folder);
    let mut servers = vec![
        servers::peer("bare", &answers),
        servers::peer("jwt", &answers),
        servers::peer("tower-sessions", &answers),
        in_memory,
        servers::anteroom("anteroom, memory, log at info", "memory:", "info"),
        servers::anteroom("anteroom, SQLite", "database", "warn"),
    ];
    servers.extend(servers::before());
    servers
}

/// The servers that ask no other process.
pub fn measure_alone(plan: Plan) -> Vec<Series> {
    let folder = TempDir::new().unwrap();
    measure(&start(&folder), plan, &|| 0.0)
}

/// Every server at both paths, for all rounds, beside what their databases use of a core in
/// seconds.
pub fn measure(servers: &[Server], plan: Plan, databases: &dyn Fn() -> f64) -> Vec<Series> {
    let mut all = Vec::new();
    for path in ["/api/session", "/auth/verify"] {
        let mut series: Vec<Series> = servers.iter().map(|server| begin(server, path)).collect();
        for round in 0..plan.rounds {
            eprintln!("{path}: round {} of {}", round + 1, plan.rounds);
            for (server, series) in servers.iter().zip(&mut series) {
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

fn begin(server: &Server, path: &'static str) -> Series {
    let (name, value) = header(server, path);
    let answer = ask(server.address, &format!("GET {path}"), &[(&name, &value)], "");
    assert_eq!(answer.status, 200, "{} does not know us at {path}", server.name);
    Series { name: server.name, path, samples: Vec::new(), bytes: answer.bytes }
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
