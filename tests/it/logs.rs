//! What the logs say, and what no level of them ever does.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::client::{Client, PASSWORD, session_cookie};
use crate::harness::server::{Place, Server};

const EMAIL: &str = "canary.address@example.org";
const FIRST: &str = "canary first walnut ferry lantern";
const SECOND: &str = "canary second walnut ferry lantern";
const WRONG: &str = "canary wrong walnut ferry lantern";
const UNKNOWN_TOKEN: &str = "canaryTokenThatNobodyWasEverGivenAAAAAAAAAA";

/// What somebody typed into the wrong field.
const TYPED_AS_ADDRESS: &str = "canary typed walnut ferry lantern";
const UNKNOWN_SETUP: &str = "canarySetupThatNobodyWasEverGivenAAAAAAAAAA";
const BEARER: &str = "canary.bearer.walnut.ferry";

/// Mistakes that people make with their secrets.
async fn mistakes(ada: &Client) {
    let body = json!({ "email": TYPED_AS_ADDRESS, "password": EMAIL });
    assert_eq!(ada.post_json("/api/session", &body).await.status(), 422);
    assert_eq!(ada.post_json("/api/signup", &body).await.status(), 422);
    for path in ["/login", "/signup"] {
        let fields = [("email", TYPED_AS_ADDRESS), ("password", WRONG), ("next", WRONG)];
        ada.post_form(path, &fields).await;
    }
    let as_number = format!("{{\"email\": 1, \"password\": [\"{WRONG}\"]}}");
    let request = ada.request(Method::POST, "/api/session");
    let request = request.header("Content-Type", "application/json").body(as_number);
    assert_eq!(request.send().await.unwrap().status(), 400);
    let fields = [("token", UNKNOWN_SETUP), ("email", EMAIL), ("password", WRONG)];
    assert_eq!(ada.post_form("/setup", &fields).await.status(), 404);
    assert_eq!(ada.get(&format!("/setup?token={UNKNOWN_SETUP}")).await.status(), 404);
}

/// What those do who are signed in and get it wrong.
async fn wrong_proofs(ada: &Client) {
    let body = json!({ "password": WRONG });
    assert_eq!(ada.post_json("/api/session/reauthenticate", &body).await.status(), 403);
    let body = json!({ "current_password": WRONG, "new_password": WRONG });
    let change = ada.request(Method::PUT, "/api/account/password").json(&body);
    assert_eq!(change.send().await.unwrap().status(), 403);
    let fields = [("current_password", WRONG), ("new_password", "canary")];
    assert_eq!(ada.post_form("/account/password", &fields).await.status(), 403);
    assert_eq!(ada.post_form("/reauthenticate", &[("password", WRONG)]).await.status(), 403);
}

/// Puts a marker into everything that is secret, and gives what nobody else may ever know.
async fn a_life_full_of_secrets(server: &Server) -> Vec<String> {
    let ada = Client::of(server);
    let mut cookies = Vec::new();
    mistakes(&ada).await;
    let body = json!({ "email": EMAIL, "password": FIRST, "name": "Canary Name" });
    cookies.push(session_cookie(&ada.post_json("/api/signup", &body).await));
    let patch = ada.request(Method::PATCH, "/api/session/data");
    patch.json(&json!({ "canary": "canary.data" })).send().await.unwrap();
    let body = json!({ "current_password": FIRST, "new_password": SECOND });
    let change = ada.request(Method::PUT, "/api/account/password").json(&body);
    cookies.push(session_cookie(&change.send().await.unwrap()));
    let body = json!({ "password": SECOND });
    cookies.push(session_cookie(&ada.post_json("/api/session/reauthenticate", &body).await));
    wrong_proofs(&ada).await;
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
        .header("Authorization", format!("Bearer {BEARER}"));
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
    let known = [FIRST, SECOND, WRONG, TYPED_AS_ADDRESS, UNKNOWN_TOKEN, UNKNOWN_SETUP, BEARER];
    cookies.extend(known.map(str::to_owned));
    cookies
}

/// Everything that leaves the server besides its answers to whom it concerns. Whatever is added to
/// the product and tells something belongs here.
async fn outputs(server: &Server) -> Vec<(String, Vec<u8>)> {
    let process = |file: &str| std::fs::read(format!("/proc/{}/{file}", server.pid())).unwrap();
    let mut outputs = vec![
        ("the log".to_owned(), server.stderr().into_bytes()),
        ("the arguments".to_owned(), process("cmdline")),
        ("the environment".to_owned(), process("environ")),
        ("openapi.json".to_owned(), body_of(&Client::of(server), "/openapi.json").await),
    ];
    for file in server.place.files() {
        let bytes = std::fs::read(server.place.path().join(&file)).unwrap();
        outputs.push((file, bytes));
    }
    // A second administrator looks: the sign-in of the first is among the secrets.
    let add = ["user", "add", "--admin", "--password-stdin", "auditor@example.org"];
    let added = server.place.run_with_input(&add, &format!("{PASSWORD}\n"));
    assert_eq!(added.code, Some(0), "{added:?}");
    let auditor = Client::of(server);
    assert_eq!(auditor.sign_in("auditor@example.org", PASSWORD).await, 200);
    let pages = ["/api/admin/audit?limit=200", "/api/admin/users?limit=200", "/api/sessions"];
    for path in pages.into_iter().chain(["/account", "/account/sessions"]) {
        outputs.push((path.to_owned(), body_of(&auditor, path).await));
    }
    for command in [&["config"][..], &["user", "list", "--json"], &["session", "list", "--json"]] {
        let outcome = server.command(command);
        let told = outcome.stdout + &outcome.stderr;
        outputs.push((command.join(" "), told.into_bytes()));
    }
    outputs
}

async fn body_of(client: &Client, path: &str) -> Vec<u8> {
    let answer = client.get(path).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.bytes().await.unwrap().to_vec()
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

#[tokio::test]
async fn attack_19_a_token_is_in_no_store_no_log_and_no_process_information() {
    let server = Place::new().serve(&["--log", "trace"]);
    let body = json!({ "email": EMAIL, "password": FIRST });
    let token = session_cookie(&Client::of(&server).post_json("/api/signup", &body).await);
    assert_eq!(token.len(), 43);

    for (name, bytes) in outputs(&server).await {
        assert!(!bytes.is_empty() || name.contains("lock") || name == "the environment", "{name}");
        assert!(!holds(&bytes, &token), "{name}");
    }
}

#[tokio::test]
async fn log_1_attack_151_no_secret_is_in_any_output_at_the_lowest_log_level() {
    for arguments in [&["--log", "trace"][..], &["--log", "trace", "--sessions", "memory:"]] {
        let server = Place::new().serve(arguments);
        let mut secrets = a_life_full_of_secrets(&server).await;
        let (_, token) = server.setup_link.as_deref().unwrap().split_once("token=").unwrap();
        secrets.push(token.to_owned());

        let outputs = outputs(&server).await;

        let audit = outputs.iter().find(|(name, _)| name.contains("audit")).unwrap();
        assert!(holds(&audit.1, "wrong_password"), "this is not the trail");
        for (name, bytes) in outputs {
            for secret in &secrets {
                assert!(secret.len() > 20, "{secret}");
                assert!(!holds(&bytes, secret), "{name} holds {secret}");
            }
        }
    }
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
    // People read it on stdout; as JSON it is a line of the log like all others.
    let is_json = server.stderr().starts_with('{');
    assert_eq!(server.stdout().matches(token).count(), usize::from(!is_json));
    assert_eq!(server.stderr().matches(token).count(), usize::from(is_json));
}

fn timestamp_begins(line: &str) -> bool {
    let date: Vec<&str> = line.split('T').next().unwrap_or_default().split('-').collect();
    date.len() == 3 && date.iter().all(|part| part.parse::<u32>().is_ok())
}

#[tokio::test]
async fn log_1_logs_as_text_tell_no_secret_at_any_level_and_one_event_a_line() {
    let server = Place::new().serve(&["--log", "trace"]);

    let secrets = a_life_full_of_secrets(&server).await;

    tells_nothing(&server, &secrets);
    let log = server.stderr();
    assert!(log.contains("anteroom::audit: login ") && log.contains("DEBUG"), "{log}");
    for line in log.lines() {
        assert!(timestamp_begins(line), "not the beginning of an event: {line}");
        assert!(!line.chars().any(char::is_control), "{line}");
    }
}

#[tokio::test]
async fn log_1_logs_as_json_tell_no_secret_at_any_level_and_one_object_a_line() {
    let server = Place::new().serve(&["--log", "trace", "--log-format", "json"]);

    let secrets = a_life_full_of_secrets(&server).await;

    tells_nothing(&server, &secrets);
    let log = server.stderr();
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &'static str| {
        events.iter().filter(move |event| {
            event["target"] == "anteroom::audit" && event["fields"]["message"] == kind
        })
    };
    let event = of("login").next().unwrap();
    assert_eq!(event["level"], "INFO");
    for field in ["user.id", "session.id", "event.id", "actor"] {
        assert!(event["fields"][field].is_string(), "{field}: {event}");
    }
    assert_eq!(event["fields"]["network"], "127.0.0.1");
    assert_eq!(event["fields"]["user_agent"], "curl/8.0");
    assert_eq!(event["fields"]["outcome"], "ok");
    assert!(event["span"]["request.id"].is_string(), "{event}");
    for kind in ["signup", "login_failed", "reauthenticated", "password_changed", "logout"] {
        assert!(of(kind).next().is_some(), "log_4: {kind} is not in the log");
    }
    assert_eq!(of("cross_origin_refused").count(), 1);
}

/// What would forge a line, steer a terminal or end a field.
const FORGED: &str =
    "x\r\n{\"event\":\"login_ok\"}\n\u{1b}[31m\" outcome=\"ok\u{85}\u{2028}\u{202e}";

#[tokio::test]
async fn log_3_attack_152_nothing_from_outside_begins_a_line_or_ends_a_field() {
    for format in ["text", "json"] {
        let server = Place::new().serve(&["--log", "trace", "--log-format", format]);
        let root = Client::of(&server);
        assert_eq!(root.set_up(&server, "root@example.org").await.status(), 303);
        let address = format!("a{FORGED}@example.org");
        let body = json!({ "email": address, "password": PASSWORD, "name": FORGED });
        assert_eq!(root.post_json("/api/signup", &body).await.status(), 422);
        let body = json!({ "email": address, "password": FORGED });
        assert_eq!(Client::of(&server).post_json("/api/session", &body).await.status(), 422);
        root.post_form("/login", &[("email", &*address), ("password", FORGED)]).await;
        let name = json!({ "name": "Ada\" outcome=\"ok" });
        root.request(Method::PATCH, "/api/account").json(&name).send().await.unwrap();
        root.get("/x%0d%0a%7B%22event%22:%22login_ok%22%7D%1B[31m%E2%80%A8").await;
        // What HTTP itself lets through in a header.
        let agent = "curl\" outcome=\"ok\u{85}\u{2028}\u{202e}{\"event\":\"login_ok\"}";
        let host = server.url.strip_prefix("http://").unwrap();
        for (method, origin) in [("GET", "x"), ("DELETE", "https://evil.test{\"event\":1}")] {
            server.exchange(&format!(
                "{method} /api/session HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
                 Origin: {origin}\r\nUser-Agent: {agent}\r\n\r\n"
            ));
        }

        let log = server.stderr();
        for line in log.lines() {
            assert!(!line.chars().any(char::is_control), "{line}");
            assert!(!line.contains('\u{2028}'), "{line}");
            if format == "json" {
                let event: Value = serde_json::from_str(line).unwrap();
                assert_eq!(event["event"], Value::Null, "{line}");
                assert!(event["timestamp"].is_string(), "{line}");
            } else {
                assert!(timestamp_begins(line), "{line}");
                assert!(!line.contains(" outcome=\"ok\u{85}"), "{line}");
            }
        }
        assert!(log.contains("evil.test"), "the refusal is not in the log");
        let page: Value =
            root.get("/api/admin/audit?kind=cross_origin_refused").await.json().await.unwrap();
        let events = page["events"].as_array().unwrap();
        assert_eq!(events.len(), 1, "{page}");
        assert_eq!(events[0]["user_agent"], "curl\" outcome=\"ok{\"event\":\"login_ok\"}");
        assert_eq!(events[0]["details"]["origin"], "https://evil.test{\"event\":1}");
        assert_eq!(events[0]["outcome"], "refused");
    }
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

#[tokio::test]
async fn that_somebody_is_still_signed_in_is_no_news() {
    for (level, is_logged) in [("info", false), ("debug", true)] {
        let server = Place::new().with("ANTEROOM_LOG", level).serve(&[]);
        let ada = Client::of(&server);
        ada.sign_up(EMAIL).await;
        let lines = || server.stderr().lines().filter(|l| l.contains("answered")).count();
        let told = async |path: &str, client: &Client, status: u16| {
            let before = lines();
            assert_eq!(client.get(path).await.status(), status, "{path}");
            lines() > before
        };
        for path in ["/auth/verify", "/api/session"] {
            // From memory, or from the store.
            for _ in 0..30 {
                assert_eq!(told(path, &ada, 200).await, is_logged, "{path} at {level}");
            }
            assert!(told(path, &Client::of(&server), 401).await, "{path} at {level}");
        }
        assert!(told("/api/account", &ada, 200).await, "{level}");
    }
}
