//! The program and its commands, with the accounts in `PostgreSQL`.

use std::time::{Duration, Instant};

use crate::command_line::{done, refused};
use crate::harness::client::{Client, PASSWORD};
use crate::harness::loopback::free_port;
use crate::harness::postgres::{Database, OWNER, OWNER_PASSWORD};
use crate::harness::server::{Outcome, Place};

fn says_no_secret(outcome: &Outcome, secret: &str) {
    let told = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(!told.contains(secret) && !told.contains("postgres://"), "{outcome:?}");
}

#[test]
fn a_server_that_is_not_there_is_named_in_one_line() {
    let port = free_port();
    let url = format!("postgres://ada:ssshh-quiet@127.0.0.1:{port}/anteroom");
    let place = Place::new().with("ANTEROOM_DATABASE", &url).with("ANTEROOM_STORE_WAIT", "off");
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["user", "list"], &["migrate"]] {
        let begun = Instant::now();

        let outcome = place.run(command);

        let line = refused(&outcome, 1);
        assert!(line.contains(&format!("127.0.0.1:{port}/anteroom")), "{line}");
        assert!(line.contains("ANTEROOM_DATABASE") && line.contains("refused"), "{line}");
        says_no_secret(&outcome, "ssshh-quiet");
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_makes_no_tables_to_act_on() {
    let Some(database) = Database::empty().await else { return };
    for command in [&["user", "list"][..], &["session", "revoke", "--all", "--yes"]] {
        for _ in 0..2 {
            let line = refused(&database.place().run(command), 1).to_owned();
            assert!(line.contains("no database at 127.0.0.1:"), "{line}");
            assert!(line.contains(&database.name) && line.contains("ANTEROOM_DATABASE"), "{line}");
        }
    }
    done(&database.place().run(&["migrate"]));
    done(&database.place().run(&["user", "list"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_not_shown() {
    let Some(database) = Database::fresh().await else { return };
    let url = database.url_of((OWNER, "ssshh-quiet"));
    let place = Place::new().with("ANTEROOM_DATABASE", &url).with("ANTEROOM_LOG", "trace");

    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["user", "list"]] {
        let begun = Instant::now();
        let outcome = place.run(command);
        assert_eq!(outcome.code, Some(1));
        assert!(begun.elapsed() < Duration::from_secs(20), "it waited for another password");
        assert!(outcome.stderr.contains("password authentication failed"), "{outcome:?}");
        says_no_secret(&outcome, "ssshh-quiet");
    }
    let config = place.run(&["config"]);
    assert!(done(&config).contains("ANTEROOM_DATABASE"));
    assert!(!config.stdout.contains("ssshh-quiet"), "{config:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_is_in_no_log() {
    let Some(database) = Database::fresh().await else { return };
    let server = database.place().with("ANTEROOM_LOG", "trace,sqlx=trace").serve(&[]);
    Client::of(&server).sign_up("ada@example.org").await;
    assert!(server.stderr().contains("sqlx"), "the driver is not heard");

    let told = format!("{}{}", server.stdout(), server.stderr());

    assert!(!told.contains(OWNER_PASSWORD));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parameter_that_nobody_knows_is_refused_without_its_value() {
    let Some(database) = Database::fresh().await else { return };
    for (addition, word) in [
        ("?sslpassword=ssshh-quiet", "sslpassword"),
        ("?options=-c%20fsync%3Dssshh-quiet", "options"),
        ("?sslmode=ssshh-quiet-mode", "ssl_mode"),
    ] {
        let url = format!("{}{addition}", database.url);
        let outcome = Place::new().with("ANTEROOM_DATABASE", &url).run(&["user", "list"]);
        let line = refused(&outcome, 1);
        assert!(line.contains(word) && !line.contains(OWNER_PASSWORD), "{line}");
        assert!(addition.contains("sslmode") || !line.contains("ssshh-quiet"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_a_host_too() {
    let Some(database) = Database::fresh().await else { return };
    let server = Place::new().with("ANTEROOM_DATABASE", &database.url_at_socket()).serve(&[]);
    let ada = Client::of(&server);

    ada.sign_up("ada@example.org").await;

    assert!(ada.is_signed_in().await);
    assert!(done(&database.place().run(&["user", "list"])).contains("ada@example.org"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_command_decides_counts_at_every_server_at_once() {
    let Some(database) = Database::fresh().await else { return };
    let place = database.place();
    let servers = [place.serve(&[]), place.serve(&[])];
    let [here, there] = [Client::of(&servers[0]), Client::of(&servers[1])];
    here.sign_up("ada@example.org").await;
    assert_eq!(there.sign_in("ada@example.org", PASSWORD).await, 200);
    let here_there = here.at(&servers[1]);
    assert!(here_there.is_signed_in().await, "a session is known at every server");
    assert_eq!(done(&place.run(&["session", "list"])).lines().count(), 3);

    done(&place.run(&["session", "revoke", "--user", "ada@example.org"]));
    for browser in [&here, &here_there, &there] {
        assert_eq!(browser.reason().await, "revoked_by_admin");
    }

    assert_eq!(here.sign_in("ada@example.org", PASSWORD).await, 200);
    assert_eq!(there.sign_in("ada@example.org", PASSWORD).await, 200);
    done(&place.run(&["user", "disable", "ada@example.org"]));
    for browser in [&here, &there] {
        assert_eq!(browser.reason().await, "account_disabled");
        assert_eq!(browser.sign_in("ada@example.org", PASSWORD).await, 401);
    }
    done(&place.run(&["user", "enable", "ada@example.org"]));
    assert_eq!(there.sign_in("ada@example.org", PASSWORD).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_reach_every_server_that_keeps_sessions_in_its_memory() {
    let Some(database) = Database::fresh().await else { return };
    let place = database.place().with("ANTEROOM_SESSIONS", "memory:");
    let servers = [place.serve(&[]), place.serve(&[])];
    let [here, there] = [Client::of(&servers[0]), Client::of(&servers[1])];
    here.sign_up("ada@example.org").await;
    assert_eq!(there.sign_in("ada@example.org", PASSWORD).await, 200);
    // A shell without the server's settings.
    let shell = database.place();

    done(&shell.run(&["session", "revoke", "--user", "ada@example.org"]));
    assert_eq!(here.reason().await, "revoked_by_admin");
    assert_eq!(there.reason().await, "revoked_by_admin");

    assert_eq!(here.sign_in("ada@example.org", PASSWORD).await, 200);
    assert_eq!(there.sign_in("ada@example.org", PASSWORD).await, 200);
    let change = serde_json::json!({
        "current_password": PASSWORD, "new_password": "granite kite under seven moons",
    });
    let request = here.request(reqwest::Method::PUT, "/api/account/password").json(&change);
    assert_eq!(request.send().await.unwrap().status(), 204);
    assert_eq!(there.reason().await, "password_changed");
    assert!(here.is_signed_in().await);
}

#[test]
fn migrating_a_file_says_so_and_ends() {
    let place = Place::new();

    let told = place.run(&["migrate"]);

    assert_eq!(done(&told), "the database is up to date\n");
    assert!(place.files().contains(&"anteroom.db".to_owned()));
    done(&place.run(&["migrate"]));
}
