//! What the logs say, and what no level of them ever does.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::client::{Client, session_cookie};
use crate::harness::server::{Place, Server};

const EMAIL: &str = "canary.address@example.org";
const FIRST: &str = "canary first walnut ferry lantern";
const SECOND: &str = "canary second walnut ferry lantern";
const WRONG: &str = "canary wrong walnut ferry lantern";
const UNKNOWN_TOKEN: &str = "canaryTokenThatNobodyWasEverGivenAAAAAAAAAA";

/// Puts a marker into everything that is secret, and gives those that only the server knew.
async fn a_life_full_of_secrets(server: &Server) -> Vec<String> {
    let ada = Client::of(server);
    let mut cookies = Vec::new();
    let body = json!({ "email": EMAIL, "password": FIRST, "name": "Canary Name" });
    cookies.push(session_cookie(&ada.post_json("/api/signup", &body).await));
    let patch = ada.request(Method::PATCH, "/api/session/data");
    patch.json(&json!({ "canary": "canary.data" })).send().await.unwrap();
    let body = json!({ "current_password": FIRST, "new_password": SECOND });
    let change = ada.request(Method::PUT, "/api/account/password").json(&body);
    cookies.push(session_cookie(&change.send().await.unwrap()));
    let body = json!({ "password": SECOND });
    cookies.push(session_cookie(&ada.post_json("/api/session/reauthenticate", &body).await));
    assert_eq!(ada.sign_in(EMAIL, WRONG).await, 401);
    assert_eq!(ada.sign_in("canary.nobody@example.org", WRONG).await, 401);
    let again = ada.post_json("/api/signup", &json!({ "email": EMAIL, "password": WRONG })).await;
    assert_eq!(again.status(), 409);
    let body = json!({ "email": "canary.of\u{1b}[31m\nno@address", "password": WRONG });
    assert_eq!(ada.post_json("/api/signup", &body).await.status(), 422);
    let broken =
        ada.request(Method::POST, "/api/session").header("Content-Type", "application/json");
    let broken = broken.body(format!("{{\"email\": \"{EMAIL}\", \"password\": \"{WRONG}\" canary"));
    assert_eq!(broken.send().await.unwrap().status(), 400);
    let unknown = json!({ "email": EMAIL, "password": WRONG, "canary.field": 1 });
    assert_eq!(ada.post_json("/api/session", &unknown).await.status(), 400);
    let fields = [("email", EMAIL), ("password", SECOND), ("next", "/account?canary.next=1")];
    cookies.push(session_cookie(&ada.post_form("/login", &fields).await));
    ada.get(&format!("/account?email={EMAIL}&password=canary.query")).await;
    let with_headers = Client::of(server).request(Method::GET, "/api/session");
    let with_headers = with_headers
        .header("Cookie", format!("anteroom={UNKNOWN_TOKEN}"))
        .header("Authorization", "Bearer canary.bearer");
    assert_eq!(with_headers.send().await.unwrap().status(), 401);
    let both = format!("anteroom={UNKNOWN_TOKEN}; anteroom={UNKNOWN_TOKEN}");
    let both = Client::of(server).request(Method::GET, "/account").header("Cookie", both);
    assert_eq!(both.send().await.unwrap().status(), 303);
    let foreign = ada.request(Method::POST, "/logout").header("Origin", "https://elsewhere.test");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    assert_eq!(ada.get("/no%0Asuch%0Dpath%1B%5B31m").await.status(), 404);
    let set_up = Client::of(server);
    assert_eq!(set_up.set_up(server, "canary.admin@example.org").await.status(), 303);
    assert_eq!(ada.post_form("/logout", &[]).await.status(), 303);
    cookies
}

fn tells_nothing(server: &Server, secrets: &[String]) {
    let command_line = std::fs::read(format!("/proc/{}/cmdline", server.pid())).unwrap();
    let command_line = String::from_utf8_lossy(&command_line).into_owned();
    for told in [server.stderr(), server.stdout(), command_line] {
        // None of these can be in what a library escapes without being in it as it is.
        assert!(!told.to_lowercase().contains("canary"), "{told}");
        for secret in secrets {
            assert!(!told.contains(secret.as_str()), "{told}");
        }
    }
    let link = server.setup_link.as_deref().unwrap();
    let (_, token) = link.split_once("token=").unwrap();
    assert!(!server.stderr().contains(token), "the setup token is logged");
    assert_eq!(server.stdout().matches(token).count(), 1);
}

fn timestamp_begins(line: &str) -> bool {
    let date: Vec<&str> = line.split('T').next().unwrap_or_default().split('-').collect();
    date.len() == 3 && date.iter().all(|part| part.parse::<u32>().is_ok())
}

#[tokio::test]
async fn logs_as_text_tell_no_secret_at_any_level_and_one_event_a_line() {
    let server = Place::new().serve(&["--log", "trace"]);

    let secrets = a_life_full_of_secrets(&server).await;

    tells_nothing(&server, &secrets);
    let log = server.stderr();
    assert!(log.contains("signed in") && log.contains("DEBUG"), "{log}");
    for line in log.lines() {
        assert!(timestamp_begins(line), "not the beginning of an event: {line}");
        assert!(!line.chars().any(char::is_control), "{line}");
    }
}

#[tokio::test]
async fn logs_as_json_tell_no_secret_at_any_level_and_one_object_a_line() {
    let server = Place::new().serve(&["--log", "trace", "--log-format", "json"]);

    let secrets = a_life_full_of_secrets(&server).await;

    tells_nothing(&server, &secrets);
    let log = server.stderr();
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let says = |event: &&Value| event["fields"]["message"] == "signed in";
    let event = events.iter().find(says).unwrap();
    assert_eq!(event["level"], "INFO");
    assert!(event["fields"]["user.id"].is_string(), "{event}");
    assert!(event["fields"]["session.id"].is_string(), "{event}");
}

#[tokio::test]
async fn by_default_a_request_is_one_line_without_its_query() {
    let server = Server::start();
    let before = server.stderr().lines().count();

    Client::of(&server).get("/login?next=/account").await;

    let log = server.stderr();
    let lines: Vec<&str> = log.lines().skip(before).collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("/login") && lines[0].contains("200"), "{log}");
    assert!(!lines[0].contains("next"), "{log}");
}

#[tokio::test]
async fn what_people_get_wrong_is_no_error_of_the_server() {
    let server = Server::start();
    let ada = Client::of(&server);
    ada.sign_up(EMAIL).await;

    let again = ada.post_json("/api/signup", &json!({ "email": EMAIL, "password": WRONG })).await;
    assert_eq!(again.status(), 409);
    assert_eq!(ada.sign_in(EMAIL, WRONG).await, 401);
    assert_eq!(ada.get("/nowhere").await.status(), 404);

    let log = server.stderr();
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
}
