//! `anteroom session …` and `anteroom user …` work on Redis itself, beside a server or without one.

use serde_json::Value;

use crate::command_line::{done, refused};
use crate::harness::client::{Client, PASSWORD};
use crate::harness::redis::RedisServer;
use crate::harness::server::Place;

#[tokio::test]
async fn commands_list_and_end_sessions_in_redis() {
    let Some(redis) = RedisServer::start(&[], "commands with sessions in Redis") else { return };
    let place = Place::new().with("ANTEROOM_SESSIONS", &redis.url());
    let server = place.serve(&[]);
    let [laptop, phone, bob] = [(); 3].map(|()| Client::of(&server));
    laptop.sign_up("ada@example.org").await;
    assert_eq!(phone.sign_in("ada@example.org", PASSWORD).await, 200);
    bob.sign_up("bob@example.org").await;

    let listed = server.command(&["session", "list", "--user", "ada@example.org", "--json"]);
    let listed: Vec<Value> = serde_json::from_str(done(&listed)).unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(done(&server.command(&["session", "list"])).lines().count(), 4);
    let (_, body) = phone.session().await;
    let id = body["session"]["id"].as_str().unwrap();

    let told = server.command(&["session", "revoke", id]);
    assert!(done(&told).starts_with(&format!("{id}: revoked\ndatabase: ")), "{told:?}");
    assert!(done(&told).contains("(sessions in Redis at 127.0.0.1:"), "{told:?}");
    assert_eq!(phone.reason().await, "revoked_by_admin");
    assert!(laptop.is_signed_in().await && bob.is_signed_in().await);
    refused(&server.command(&["session", "revoke", id]), 1);

    let told = server.command(&["session", "revoke", "--user", "ada@example.org"]);
    assert_eq!(done(&told).lines().next(), Some("ada@example.org: sessions revoked: 1"));
    assert_eq!(laptop.reason().await, "revoked_by_admin");
    assert_eq!(laptop.sign_in("ada@example.org", PASSWORD).await, 200);

    done(&server.command(&["user", "disable", "ada@example.org"]));
    assert_eq!(laptop.reason().await, "account_disabled");
    done(&server.command(&["user", "enable", "ada@example.org"]));
    assert_eq!(laptop.sign_in("ada@example.org", PASSWORD).await, 200);

    let told = server.command(&["session", "revoke", "--all", "--yes"]);
    assert_eq!(done(&told).lines().next(), Some("sessions revoked: 2"));
    for client in [&laptop, &bob] {
        assert_eq!(client.reason().await, "revoked_by_admin");
    }
}

#[tokio::test]
async fn a_command_that_does_not_know_the_redis_of_the_server_says_so() {
    let Some(redis) = RedisServer::start(&[], "commands that know no Redis") else { return };
    let url = redis.url();
    let server = Place::new().serve(&["--sessions", &url]);
    Client::of(&server).sign_up("ada@example.org").await;

    let lost = server.command(&["session", "revoke", "--all", "--yes"]);
    assert!(refused(&lost, 1).contains("set ANTEROOM_SESSIONS"), "{lost:?}");
    let told = server.command(&["--sessions", &url, "session", "revoke", "--all", "--yes"]);
    let told = if told.code == Some(2) {
        server.command(&["session", "revoke", "--all", "--yes", "--sessions", &url])
    } else {
        told
    };
    assert_eq!(done(&told).lines().next(), Some("sessions revoked: 1"));
}

#[tokio::test]
async fn sessions_in_redis_outlive_the_server() {
    let Some(redis) = RedisServer::start(&[], "sessions that outlive the server") else { return };
    let place = Place::new().with("ANTEROOM_SESSIONS", &redis.url());
    let server = place.serve(&[]);
    let ada = Client::of(&server);
    ada.sign_up("ada@example.org").await;

    let server = server.kill().serve(&[]);

    let ada = ada.at(&server);
    assert!(ada.is_signed_in().await);
    assert_eq!(
        server.exchange("GET /readyz HTTP/1.0\r\n\r\n").map(|answer| answer.contains("200")),
        Some(true)
    );
}
