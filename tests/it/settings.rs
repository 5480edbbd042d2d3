//! Settings as the program meets them: flags, the environment, `.env`, and everything wrong with
//! them.

use std::fs;

use crate::command_line::{done, refused};
use crate::harness::client::Client;
use crate::harness::server::Place;

/// What `anteroom config` says of one setting.
fn line_of<'a>(text: &'a str, variable: &str) -> &'a str {
    text.lines().find(|line| line.split_whitespace().next() == Some(variable)).unwrap()
}

#[test]
fn config_shows_every_value_and_where_it_came_from() {
    let place = Place::new().with("ANTEROOM_IDLE_TIMEOUT", "20m").with("ANTEROOM_LOG", "warn");
    fs::write(place.path().join(".env"), "# Ours.\nANTEROOM_SIGNUP=closed\nANTEROOM_LOG=debug\n")
        .unwrap();

    let outcome = place.run(&["config", "--session-limit", "3", "--listen", "127.0.0.1:9090"]);

    let text = done(&outcome);
    let shows = |variable: &str, value: &str, from: &str| {
        let line = line_of(text, variable);
        assert!(line.contains(&format!("= {value} ")), "{line}");
        assert!(line.ends_with(&format!("# {from}")), "{line}");
    };
    shows("ANTEROOM_IDLE_TIMEOUT", "20m", "environment");
    shows("ANTEROOM_LOG", "warn", "environment");
    shows("ANTEROOM_SIGNUP", "closed", ".env line 2");
    shows("ANTEROOM_SESSION_LIMIT", "3", "flag");
    shows("ANTEROOM_PUBLIC_URL", "http://localhost:9090", "default");
    shows("ANTEROOM_DATABASE", "sqlite:anteroom.db", "default");
    assert!(text.contains("# cookie: anteroom\n# origin: http://localhost:9090\n"), "{text}");
    assert_eq!(place.files(), [".env"], "it only looks");
}

#[test]
fn no_output_tells_the_password_of_a_database() {
    let place = Place::new()
        .with("ANTEROOM_DATABASE", "postgres://anteroom:canary@db.example.org/anteroom")
        .with("ANTEROOM_SESSIONS", "redis://:canary@cache.example.org/0")
        .with("ANTEROOM_STORE_WAIT", "off");

    for command in ["config", "serve"] {
        let outcome = place.run(&[command]);
        assert!(!outcome.stdout.contains("canary"), "{outcome:?}");
        assert!(!outcome.stderr.contains("canary"), "{outcome:?}");
    }
}

#[test]
fn a_secret_is_read_from_a_file_and_never_shown() {
    let place = Place::new()
        .with_file("db", "postgres://anteroom:canary@127.0.0.1:9/anteroom\n")
        .with_file(".env", "ANTEROOM_DATABASE_FILE=db\n");
    let text = done(&place.run(&["config"])).to_owned();
    let line = line_of(&text, "ANTEROOM_DATABASE");
    assert!(line.contains("= postgres://anteroom:***@127.0.0.1:9/anteroom "), "{line}");
    assert!(line.ends_with("# file db (ANTEROOM_DATABASE_FILE, .env line 1)"), "{line}");
    let told = place.run(&["user", "list"]);
    assert!(!format!("{told:?}").contains("canary"), "{told:?}");

    let both = place.with("ANTEROOM_DATABASE", "sqlite:a.db").run(&["config"]);
    assert!(refused(&both, 2).contains("are both set; remove one"), "{both:?}");
    let flag = Place::new().run(&["config", "--database-file", "/nowhere"]);
    assert!(refused(&flag, 2).contains("\"/nowhere\" (flag): cannot read the file"), "{flag:?}");
}

#[test]
fn every_mistake_is_reported_at_once() {
    let place = Place::new()
        .with("ANTEROOM_IDLE_TIMEOUT", "soon")
        .with("ANTEROOM_PUBLIC_URL", "http://auth.example.org")
        .with("ANTEROOM_SESION_LIMIT", "3")
        .with("ANTEROOM_SIGNUP", "maybe");
    fs::write(place.path().join(".env"), "ANTEROOM_CACHE=perhaps\n").unwrap();

    for command in [&["serve"][..], &["user", "list"], &["config"], &["healthcheck"]] {
        let outcome = place.run(&[command, &["--password-min-length", "3"]].concat());

        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert_eq!(outcome.stdout, "");
        let lines: Vec<&str> = outcome.stderr.lines().collect();
        assert_eq!(lines.len(), 6, "{outcome:?}");
        for wanted in [
            "ANTEROOM_IDLE_TIMEOUT",
            "ANTEROOM_PUBLIC_URL",
            "ANTEROOM_SIGNUP",
            "ANTEROOM_CACHE",
            "ANTEROOM_PASSWORD_MIN_LENGTH",
            "write ANTEROOM_SESSION_LIMIT",
        ] {
            let told = lines.iter().filter(|line| line.contains(wanted)).count();
            assert_eq!(told, 1, "{wanted}: {outcome:?}");
        }
        assert!(lines.iter().all(|line| line.starts_with("anteroom: ")), "{outcome:?}");
    }
    assert_eq!(place.files(), [".env"]);
}

#[test]
fn an_unknown_name_is_refused_unless_an_orchestrator_injects_it() {
    let injected = Place::new()
        .with("ANTEROOM_SERVICE_HOST", "10.0.0.7")
        .with("ANTEROOM_REDIS_SERVICE_HOST", "10.0.0.2")
        .with("ANTEROOM_REDIS_PORT", "tcp://10.0.0.2:6379")
        .with("ANTEROOM_PORT_8080_TCP_ADDR", "10.0.0.7");
    let unknown = Place::new().with("ANTEROOM_LISTN", "127.0.0.1:9090");

    done(&injected.run(&["config"]));
    let outcome = unknown.run(&["config"]);

    assert!(refused(&outcome, 2).contains("write ANTEROOM_LISTEN"), "{outcome:?}");
}

#[tokio::test]
async fn the_server_obeys_a_line_of_dotenv() {
    let place = Place::new();
    let lines = "ANTEROOM_SIGNUP=closed\nANTEROOM_DATABASE='sqlite:kept here.db'\n";
    fs::write(place.path().join(".env"), lines).unwrap();
    let server = place.serve(&[]);

    let answer = Client::of(&server).get("/signup").await;

    assert_eq!(answer.status(), 403);
    assert!(place.files().contains(&"kept here.db".to_owned()), "{:?}", place.files());
}

#[test]
fn what_is_dangerous_is_warned_of_at_the_start() {
    let place = Place::new();

    let server = place.serve(&["--throttle-account", "off"]);

    let log = server.stderr();
    assert!(log.contains("WARN") && log.contains("ANTEROOM_THROTTLE_ACCOUNT is off"), "{log}");
}
