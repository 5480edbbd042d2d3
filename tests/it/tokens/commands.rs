//! `anteroom client` and `anteroom keys`, beside a running server.

use std::fs;

use serde_json::Value;

use crate::command_line::{done, refused};
use crate::harness::client::Client;
use crate::harness::server::{Outcome, Place, Server};

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(done(outcome)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_registers_a_client_for_the_running_server() {
    let server = Server::start();
    let ada = Client::of(&server);
    ada.sign_up("ada@example.org").await;
    assert_eq!(done(&server.command(&["client", "list"])).lines().count(), 1);
    assert!(done(&server.command(&["keys", "list"])).starts_with("no keys yet"));

    let line = ["client", "add", "Orders", "--audience", "https://api.example.org", "--json"];
    let added = json(&server.command(&line));
    let (id, secret) =
        (added["client_id"].as_str().unwrap(), added["client_secret"].as_str().unwrap());
    assert_eq!(secret.len(), 43);
    assert_eq!(added["algorithm"], "ES256");
    let body = serde_json::json!({ "audience": "https://api.example.org" });
    assert_eq!(ada.post_json("/api/session/token", &body).await.status(), 200);

    let keys = json(&server.command(&["keys", "list", "--json"]));
    let states: Vec<_> = keys.as_array().unwrap().iter().map(|key| key["state"].clone()).collect();
    assert_eq!(states, ["signing", "next", "signing", "next"]);
    let shown = server.command(&["client", "show", "Orders", "--json"]);
    assert_eq!(json(&shown)["client_id"], id);
    for outcome in
        [&shown, &server.command(&["client", "list"]), &server.command(&["client", "show", id])]
    {
        assert!(!done(outcome).contains(secret), "a secret is shown once");
    }
    // Nothing in the file is the secret or a private key.
    let file = fs::read(server.place.path().join("anteroom.db")).unwrap();
    assert!(!file.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()));

    let line = refused(&server.command(&["client", "add", "Orders"]), 1).to_owned();
    assert!(line.contains("another client has this name"), "{line}");
    let line = refused(&server.command(&["keys", "rotate"]), 1).to_owned();
    assert!(line.contains("--now"), "{line}");
    assert!(
        done(&server.command(&["keys", "rotate", "--now"]))
            .starts_with("rotated the signing keys of")
    );
    let rotated = json(&server.command(&["client", "rotate-secret", "Orders", "--json"]));
    assert_ne!(rotated["client_secret"], secret);
    assert!(
        done(&server.command(&["client", "remove", id])).starts_with("removed the client Orders")
    );
    let line = refused(&server.command(&["client", "show", "Orders"]), 1).to_owned();
    assert!(line.contains("anteroom client list"), "{line}");
}

#[test]
fn wrong_clients_are_refused_with_what_to_do() {
    let place = Server::start().stop();
    let long = "x".repeat(65);
    for (arguments, code, told) in [
        (&["client", "add", ""][..], 1, "1 to 64 characters"),
        (&["client", "add", &long], 1, "1 to 64 characters"),
        (&["client", "add", "Orders", "--audience", "a b"], 1, "an audience has"),
        (&["client", "add", "Orders", "--scopes", "a b"], 1, "a scope has"),
        (
            &["client", "add", "Orders", "--alg", "HS256"],
            1,
            "an audience that is not the public URL",
        ),
        (&["client", "add", "Orders", "--alg", "none"], 2, "ES256, EdDSA or HS256"),
        (&["client", "add"], 2, "NAME"),
        (&["client", "remove", "Orders"], 1, "anteroom client list"),
        (&["keys", "rotate"], 1, "anteroom client add"),
    ] {
        let outcome = place.run(arguments);
        let line = refused(&outcome, code);
        assert!(line.contains(told), "{arguments:?}: {line}");
    }
}

#[test]
fn a_rotation_of_the_key_file_reaches_keys_and_secrets_that_sign() {
    let place = Server::start().stop();
    let line = ["client", "add", "Old", "--audience", "https://old.example.org", "--alg", "HS256"];
    done(&place.run(&line));
    let told = place.run(&["key", "rotate"]);
    assert!(done(&told).starts_with("rotated the key: 5 values"), "{told:?}");
    done(&place.run(&["keys", "list"]));
    done(&place.run(&["client", "list"]));
    place.serve(&[]).stop();

    // Without its key file the database cannot be used, and a backup is needed.
    fs::remove_file(place.path().join("anteroom.key")).unwrap();
    let line = refused(&place.run(&["serve", "--listen", "127.0.0.1:0"]), 1).to_owned();
    assert!(line.contains("restore it from a backup"), "{line}");
}

#[test]
fn a_client_needs_a_key_file() {
    let place = Place::new().with("ANTEROOM_KEY_FILE", "/nonexistent/its.key");
    done(&place.run(&["migrate"]));
    let line = refused(&place.run(&["client", "add", "Orders"]), 1).to_owned();
    assert!(line.contains("key file") && line.contains("/nonexistent/its.key"), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jwt_6_deleted_keys_refuse_every_token_and_secrets_that_sign_are_gone() {
    let server = Server::start();
    let ada = Client::of(&server);
    ada.sign_up("ada@example.org").await;
    let add = |name: &str, options: &[&str]| {
        let line = [&["client", "add", name, "--json"], options].concat();
        let added = json(&server.command(&line));
        ["client_id", "client_secret"].map(|field| added[field].as_str().unwrap().to_owned())
    };
    let pages = add("Pages", &[]);
    let shared = add("Old", &["--audience", "old", "--alg", "HS256"]);
    let answer = ada.post_json("/api/session/token", &serde_json::json!({})).await;
    let body: Value = answer.json().await.unwrap();
    let token = body["access_token"].as_str().unwrap();
    let introspect = async |[id, secret]: &[String; 2]| {
        let form = [("token", token), ("client_id", id), ("client_secret", secret)];
        let answer = ada.post_form("/oauth/introspect", &form).await;
        let status = answer.status().as_u16();
        (status, answer.json::<Value>().await.unwrap()["active"] == true)
    };
    assert_eq!(introspect(&pages).await, (200, true));
    assert_eq!(introspect(&shared).await, (200, false));

    done(&server.command(&["keys", "delete"]));
    assert_eq!(introspect(&pages).await, (200, false));
    assert_eq!(introspect(&shared).await.0, 401, "its secret signed");
    done(&server.command(&["client", "rotate-secret", "Old"]));
}
