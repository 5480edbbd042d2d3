//! What a restart forgets, and how a server comes to its end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::harness::client::{Client, PASSWORD};
use crate::harness::server::{PATIENCE, Place, Server, wait_for};

/// However busy it is, it is gone by then.
const LONGEST_END: Duration = Duration::from_secs(10);

#[tokio::test]
async fn with_sessions_in_the_database_everybody_is_still_signed_in_after_a_crash() {
    let server = Server::start();
    let (ada, bob) = (Client::of(&server), Client::of(&server));
    ada.sign_up("ada@example.org").await;
    bob.sign_up("bob@example.org").await;

    let server = server.kill().serve(&[]);

    assert!(ada.at(&server).is_signed_in().await);
    assert!(bob.at(&server).is_signed_in().await);
}

#[tokio::test]
async fn rev_12_what_was_ended_before_a_crash_is_ended_after_it() {
    let server = Server::start();
    let (laptop, phone) = (Client::of(&server), Client::of(&server));
    laptop.sign_up("ada@example.org").await;
    assert_eq!(phone.sign_in("ada@example.org", PASSWORD).await, 200);
    let (_, body) = phone.session().await;
    let path = format!("/api/sessions/{}", body["session"]["id"].as_str().unwrap());
    let revoked = laptop.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(revoked.status(), 204);

    let server = server.kill().serve(&[]);

    assert_eq!(phone.at(&server).reason().await, "revoked_by_user");
    assert!(laptop.at(&server).is_signed_in().await);
}

#[tokio::test]
async fn with_sessions_in_memory_nobody_is_signed_in_after_a_restart() {
    let server = Place::new().serve(&["--sessions", "memory:"]);
    let ada = Client::of(&server);
    ada.sign_up("ada@example.org").await;
    assert!(ada.is_signed_in().await);

    let server = server.kill().serve(&["--sessions", "memory:"]);

    let ada = ada.at(&server);
    assert!(!ada.is_signed_in().await);
    assert_eq!(ada.sign_in("ada@example.org", PASSWORD).await, 200);
}

/// A sign-up of which the server waits for the second half, and that half.
fn half_sent(server: &Server) -> (TcpStream, String) {
    let body = json!({ "email": "ada@example.org", "password": PASSWORD }).to_string();
    let (first, rest) = body.split_at(body.len() / 2);
    let host = server.url.strip_prefix("http://").unwrap();
    let length = body.len();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "POST /api/signup HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    )
    .unwrap();
    // The server says this once it waits for the body.
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(first.as_bytes()).unwrap();
    (stream, rest.to_owned())
}

fn ends_what_is_under_way(signal: &str) {
    let mut server = Server::start();
    let (mut stream, rest) = half_sent(&server);

    let begun = Instant::now();
    server.signal(signal);
    wait_for(|| server.stderr().contains("stopping").then_some(()));
    assert!(TcpStream::connect(server.address()).is_err(), "new connections are taken");
    stream.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();

    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let status = server.ends_within(LONGEST_END.saturating_sub(begun.elapsed()));
    assert!(status.is_some_and(|status| status.success()), "{status:?}");
}

#[test]
fn sigterm_lets_a_request_under_way_end() {
    ends_what_is_under_way("TERM");
}

#[test]
fn sigint_lets_a_request_under_way_end() {
    ends_what_is_under_way("INT");
}

#[test]
fn a_request_that_never_ends_does_not_hold_the_end_up() {
    let mut server = Server::start();
    let (stream, _) = half_sent(&server);

    server.signal("TERM");

    let status = server.ends_within(LONGEST_END);
    assert!(status.is_some_and(|status| status.success()), "{status:?}\n{}", server.stderr());
    drop(stream);
}

#[tokio::test]
async fn an_open_event_stream_does_not_hold_the_end_up() {
    let mut server = Server::start();
    let ada = Client::of(&server);
    ada.sign_up("ada@example.org").await;
    let stream = ada.get("/api/session/events").await;
    assert_eq!(stream.status(), 200);

    server.signal("TERM");

    let status = server.ends_within(LONGEST_END);
    assert!(status.is_some_and(|status| status.success()), "{status:?}\n{}", server.stderr());
    assert!(!server.stderr().contains("are cut"), "{}", server.stderr());
    drop(stream);
}

#[tokio::test]
async fn a_server_that_ended_in_peace_leaves_one_whole_file() {
    let server = Server::start();
    let ada = Client::of(&server);
    ada.sign_up("ada@example.org").await;

    let place = server.stop();

    let whole = ["anteroom.db", "anteroom.db-lock", "anteroom.db-migration-lock", "anteroom.key"];
    assert_eq!(place.files(), whole);
    assert!(ada.at(&place.serve(&[])).is_signed_in().await);
}
