//! More sign-ins at once than the machine can hash.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::harness::client::{Client, PASSWORD, session_cookie};
use crate::harness::server::{Place, Server};

const SIGN_INS: usize = 500;
/// What one hash fills.
const KIB_OF_A_HASH: usize = 19 * 1024;
/// For five hundred connections, and what the allocator keeps of them.
const KIB_OF_SLACK: usize = 64 * 1024;
/// Others are answered within this, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(10);

fn server() -> Server {
    Place::new()
        .with_usual_hashes()
        .with("ANTEROOM_MAX_CONNECTIONS_PER_NETWORK", "4000")
        .with("ANTEROOM_THROTTLE_ACCOUNT", "off")
        .with("ANTEROOM_THROTTLE_NETWORK", "off")
        .with("ANTEROOM_SESSION_LIMIT", "1000")
        .serve(&[])
}

/// A line of what the system says of a process, in KiB.
fn memory(server: &Server, name: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// How long requests of somebody who is signed in take until it is over, sorted.
fn ask_meanwhile(server: &Server, cookie: &str, is_over: impl Fn() -> bool) -> Vec<Duration> {
    let host = server.url.strip_prefix("http://").unwrap();
    let mut waits = Vec::new();
    while !is_over() {
        for path in ["/healthz", "/api/session", "/auth/verify", "/account"] {
            let asked = Instant::now();
            let answer = server.exchange(&format!(
                "GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: anteroom={cookie}\r\n\
                 Connection: close\r\n\r\n"
            ));
            waits.push(asked.elapsed());
            let answer = answer.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        }
    }
    waits.sort_unstable();
    waits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hash_5_attack_111_a_storm_of_sign_ins_costs_no_more_memory_and_nobody_else_their_time() {
    let server = server();
    let ada = Client::of(&server);
    let body = json!({ "email": "ada@example.org", "password": PASSWORD });
    let cookie = session_cookie(&ada.post_json("/api/signup", &body).await);
    let base = memory(&server, "VmRSS:");
    let threads = std::thread::available_parallelism().unwrap().get();

    let begun = Instant::now();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let storm = (0..SIGN_INS).map(|_| {
        let body = json!({ "email": "ada@example.org", "password": PASSWORD });
        tokio::spawn(client.post(format!("{}/api/session", server.url)).json(&body).send())
    });
    let storm = tokio::spawn(join_all(storm.collect::<Vec<_>>()));
    // From a thread that has nothing to do with the storm.
    let (server, waits, storm) = tokio::task::spawn_blocking(move || {
        let waits = ask_meanwhile(&server, &cookie, || storm.is_finished());
        (server, waits, storm)
    })
    .await
    .unwrap();
    let took = begun.elapsed();

    let mut signed_in = 0;
    for answer in storm.await.unwrap() {
        let answer = answer.unwrap().unwrap();
        if answer.status() == 200 {
            signed_in += 1;
            continue;
        }
        assert_eq!(answer.status(), 503);
        // As long as the queue is, which grows while a busy machine hashes more slowly.
        let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..60).contains(&wait), "{wait}");
        assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["code"], "busy");
    }
    let peak = memory(&server, "VmHWM:");
    let p99 = waits[waits.len() * 99 / 100];
    eprintln!(
        "{signed_in} of {SIGN_INS} signed in within {took:?}; {} other requests, 99 % within \
         {p99:?}; resident {base} KiB, at most {peak} KiB",
        waits.len()
    );
    // A machine that is busy with other programs hashes little within the wait.
    assert!(signed_in >= threads, "{signed_in}");
    assert!(signed_in < SIGN_INS, "nobody was sent away");
    assert!(p99 < PATIENCE, "{p99:?}");
    let most = base + threads * KIB_OF_A_HASH + KIB_OF_SLACK;
    assert!(peak <= most, "{peak} KiB, more than {most}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_119_a_thousand_clients_that_hang_up_take_no_places_with_them() {
    let server = server();
    let ada = Client::of(&server);
    ada.sign_up("ada@example.org").await;
    let body = json!({ "email": "ada@example.org", "password": PASSWORD }).to_string();
    let host = server.url.strip_prefix("http://").unwrap();
    let request = format!(
        "POST /api/session HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );

    for _ in 0..1000 {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
    }

    // More at once than there are threads, once those who hung up are through.
    let threads = std::thread::available_parallelism().unwrap().get();
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let clients: Vec<_> = (0..=threads).map(|_| Client::of(&server)).collect();
        let all = clients.iter().map(|client| client.sign_in("ada@example.org", PASSWORD));
        let statuses = join_all(all).await;
        if statuses.iter().all(|status| *status == 200) {
            break;
        }
        assert!(Instant::now() < deadline, "places are lost: {statuses:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let out = ada.request(Method::DELETE, "/api/session").send().await.unwrap();
    assert_eq!(out.status(), 204);
    assert!(!server.stderr().contains("panicked"), "{}", server.stderr());
}

/// What `/proc` says of each thread of a server: its name, and how far it gives way.
fn threads(server: &Server) -> Vec<(String, i32)> {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let read = |task: fs::DirEntry| {
        let stat = fs::read_to_string(task.path().join("stat")).ok()?;
        let (name, fields) = stat.split_once('(')?.1.rsplit_once(") ")?;
        // The nineteenth of all fields, the third being the first of these.
        Some((name.to_owned(), fields.split(' ').nth(16)?.parse().ok()?))
    };
    tasks.filter_map(|task| read(task.ok()?)).collect()
}

#[tokio::test]
async fn threads_that_hash_give_way_to_all_others_and_those_to_nobody() {
    let server = Place::new().serve(&[]);
    // Their first operation, before they take any work; somebody has to give them a core for it.
    let begun = Instant::now();
    loop {
        let (hashing, others): (Vec<_>, Vec<_>) =
            threads(&server).into_iter().partition(|(name, _)| name.starts_with("hash-"));
        assert!(!hashing.is_empty() && !others.is_empty(), "{hashing:?} {others:?}");
        assert!(others.iter().all(|(_, nice)| *nice == 0), "{others:?}");
        if hashing.iter().all(|(_, nice)| *nice == 10) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{hashing:?}");
        tokio::task::yield_now().await;
    }
}
