//! How a server starts: what it tells in which form, what it waits for, and which signals it takes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::command_line::done;
use crate::harness::client::Client;
use crate::harness::postgres::Database;
use crate::harness::redis::RedisServer;
use crate::harness::relay::{Manner, Relay};
use crate::harness::server::{Outcome, PATIENCE, Place, Server, wait_for};

const HEALTH: &str = "GET /healthz HTTP/1.0\r\n\r\n";

fn json_lines(text: &str) -> Vec<Value> {
    let read = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
    text.lines().map(read).collect()
}

fn place_for_json() -> Place {
    Place::new().with("ANTEROOM_LOG_FORMAT", "json")
}

#[tokio::test]
async fn every_line_of_a_start_is_json_on_stderr() {
    for log in ["info", "off"] {
        let mut server = place_for_json().with("ANTEROOM_LOG", log).serve(&[]);
        let link = server.setup_link.clone().unwrap();
        assert!(link.starts_with(&server.url) && link.contains("/setup?token="), "{link}");
        let path = link.strip_prefix(&server.url).unwrap();
        assert_eq!(Client::of(&server).get(path).await.status(), 200);
        server.signal("TERM");
        assert!(server.ends_within(PATIENCE).is_some_and(|status| status.success()));

        assert_eq!(server.stdout(), "");
        let lines = json_lines(&server.stderr());
        let told = lines.iter().filter(|line| line["fields"]["setup_link"] == *link).count();
        assert_eq!(told, 1, "{lines:?}");
        assert!(lines.iter().all(|line| line["timestamp"].is_string()), "{lines:?}");
    }
}

fn fails_in_json(outcome: &Outcome, code: i32, words: &[&str]) {
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(code), ""), "{outcome:?}");
    let lines = json_lines(&outcome.stderr);
    let errors: Vec<&Value> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
    assert_eq!(errors.len(), words.len(), "{outcome:?}");
    for (error, word) in errors.iter().zip(words) {
        assert!(error["fields"]["message"].as_str().unwrap().contains(word), "{outcome:?}");
    }
}

#[test]
fn a_start_that_fails_says_why_in_json() {
    let wrong = place_for_json().with("ANTEROOM_SIGNUP", "maybe").with("ANTEROOM_SIGNUPS", "x");
    fails_in_json(&wrong.run(&["serve"]), 2, &["ANTEROOM_SIGNUPS", "ANTEROOM_SIGNUP ="]);
    fails_in_json(&place_for_json().run(&["serve", "--bogus"]), 2, &["--bogus"]);
    let flags = ["--log-format", "json", "--bogus"];
    fails_in_json(&Place::new().run(&flags), 2, &["--bogus"]);
    let dotenv = Place::new().with_file(".env", "ANTEROOM_LOG_FORMAT=json\n");
    let nowhere = ["serve", "--listen", "127.0.0.1:0", "--database", "sqlite:nowhere/a.db"];
    fails_in_json(&dotenv.run(&nowhere), 1, &["nowhere/a.db"]);

    // Commands answer a person, whatever the server logs.
    let outcome = wrong.run(&["user", "list"]);
    assert!(outcome.stderr.lines().all(|line| line.starts_with("anteroom: ")), "{outcome:?}");
    let outcome = place_for_json().run(&["user", "lst"]);
    assert!(outcome.stderr.starts_with("anteroom: "), "{outcome:?}");
    assert!(done(&place_for_json().run(&["config"])).starts_with("ANTEROOM_"));
}

#[test]
fn a_signal_that_asks_for_nothing_ends_no_request() {
    let server = Server::start();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.0\r\n").unwrap();

    for name in ["HUP", "USR1", "USR2", "ALRM", "VTALRM", "PROF", "IO", "PIPE", "XFSZ"] {
        server.signal(name);
        assert!(server.exchange(HEALTH).is_some_and(|answer| answer.contains("200")), "{name}");
    }
    stream.write_all(b"\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();

    assert!(answer.contains(" 200 "), "{answer}");
    for name in ["SIGHUP", "SIGUSR1", "SIGUSR2"] {
        let told = format!("{name}: nothing was reloaded");
        wait_for(|| server.stderr().contains(&told).then_some(()));
    }
}

#[test]
fn sigquit_is_a_way_to_stop() {
    let mut server = Server::start();
    server.signal("QUIT");
    assert!(server.ends_within(PATIENCE).is_some_and(|status| status.success()));
}

fn waits(server: &crate::harness::server::Starting) {
    wait_for(|| server.stderr().contains("waiting up to 1m for a store").then_some(()));
}

#[test]
fn signals_count_while_a_start_waits() {
    let url = "postgres://ada:ssshh-quiet@127.0.0.1:9/anteroom";
    let mut server = Place::new().with("ANTEROOM_DATABASE", url).begin(&[]);
    waits(&server);
    for name in ["HUP", "USR1"] {
        server.signal(name);
        wait_for(|| server.stderr().contains(&format!("SIG{name}: nothing")).then_some(()));
    }
    assert_eq!(server.ends_within(Duration::ZERO), None);

    server.signal("TERM");
    assert!(server.ends_within(PATIENCE).is_some_and(|status| status.success()));
    assert!(!server.stderr().contains("ssshh-quiet"), "{}", server.stderr());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_waits_for_a_database_and_a_redis_that_come_later() {
    let Some(database) = Database::fresh().await else { return };
    let Some(redis) = RedisServer::start(&[], "a start before Redis") else { return };
    let relay = Relay::to(database.address(), |_| 0).await;
    let redis_relay = Relay::to(([127, 0, 0, 1], redis.port).into(), |_| 0).await;
    relay.set(Manner::Cut);
    redis_relay.set(Manner::Cut);
    let place = Place::new()
        .with("ANTEROOM_DATABASE", &database.url_at(relay.address.port()))
        .with("ANTEROOM_SESSIONS", &format!("redis://{}", redis_relay.address));
    let server = place.begin(&[]);
    let told = |count| {
        wait_for(|| (server.stderr().matches("for a store").count() == count).then_some(()));
    };

    tokio::task::block_in_place(|| told(1));
    redis_relay.set(Manner::Pass);
    tokio::task::block_in_place(|| told(2));
    // Once each, however often it tries.
    tokio::time::sleep(Duration::from_millis(700)).await;
    told(2);
    relay.set(Manner::Pass);
    let server = tokio::task::block_in_place(|| server.ready());

    assert!(server.stderr().contains("the stores answer"), "{}", server.stderr());
    assert_eq!(Client::of(&server).get("/readyz").await.status(), 200);
}
