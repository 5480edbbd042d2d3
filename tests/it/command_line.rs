//! `anteroom user …`, beside a server that runs.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use serde_json::{Value, json};

use crate::harness::client::{Client, PASSWORD};
use crate::harness::server::{Outcome, Place, Server};
use crate::second_factors::Authenticator;

const OTHER: &str = "granite teapot on the seventh stair";

/// That it was done, and what it printed.
#[track_caller]
pub fn done(outcome: &Outcome) -> &str {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.stderr, "");
    &outcome.stdout
}

/// That it ended with this code and one line on stderr, and that line.
#[track_caller]
pub fn refused(outcome: &Outcome, code: i32) -> &str {
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    assert_eq!(outcome.stdout, "");
    let mut lines = outcome.stderr.lines();
    let line = lines.next().unwrap();
    assert_eq!(lines.next(), None, "{outcome:?}");
    assert!(line.starts_with("anteroom: "), "{line}");
    line
}

fn add(place: &Place, arguments: &[&str], password: &str) -> Outcome {
    let line = [&["user", "add", "--password-stdin"], arguments].concat();
    place.run_with_input(&line, &format!("{password}\n"))
}

/// Both places of sessions that a command has to reach.
fn servers() -> [Server; 2] {
    let memory = Place::new().with("ANTEROOM_SESSIONS", "memory:");
    [Server::start(), memory.serve(&[])]
}

/// Ada, signed in at this server.
async fn ada(server: &Server) -> Client {
    let ada = Client::of(server);
    ada.sign_up("ada@example.org").await;
    assert!(ada.is_signed_in().await);
    ada
}

#[tokio::test]
async fn an_account_that_was_added_can_sign_in_at_once() {
    let server = Server::start();

    let added = add(&server.place, &["Ada@Example.org", "--name", "Ada"], PASSWORD);

    assert_eq!(done(&added), "added ada@example.org (user)\n");
    let ada = Client::of(&server);
    assert_eq!(ada.sign_in("ada@example.org", PASSWORD).await, 200);
    let (_, body) = ada.session().await;
    assert_eq!(body["user"]["email_verified"], true);
    assert_eq!((&body["user"]["role"], &body["user"]["name"]), (&json!("user"), &json!("Ada")));
}

#[test]
fn an_account_that_cannot_be_added_is_refused_in_one_line() {
    let place = Place::new();
    done(&add(&place, &["ada@example.org"], PASSWORD));
    let refusal = |email, password| {
        let outcome = add(&place, &[email], password);
        refused(&outcome, 1).to_owned()
    };

    let short = refusal("bob@example.org", "too short");
    assert!(short.contains("ANTEROOM_PASSWORD_MIN_LENGTH") && short.contains("15"), "{short}");
    let common = refusal("bob@example.org", "passwordpassword");
    assert!(!common.contains("passwordpassword"), "{common}");
    let empty = refusal("bob@example.org", "");
    assert!(empty.contains("empty"), "{empty}");
    let taken = refusal("ada@EXAMPLE.org", PASSWORD);
    assert!(taken.contains("an account has this address already"), "{taken}");
    let invalid = refusal("not an address", PASSWORD);
    assert!(invalid.contains("`not an address` is not an email address"), "{invalid}");

    let list = place.run(&["user", "list"]);
    assert_eq!(done(&list).lines().count(), 2, "{list:?}");
}

#[test]
fn without_a_terminal_a_password_has_to_be_piped_in() {
    // In a session of its own it has no terminal, whoever runs the tests.
    let place = Place::new();

    let outcome = place.run_without_terminal(&["user", "add", "ada@example.org"]);

    assert!(refused(&outcome, 1).contains("--password-stdin"), "{outcome:?}");
}

#[test]
fn accounts_are_listed_as_a_table_or_as_json() {
    let place = Place::new();
    done(&add(&place, &["ada@example.org", "--admin", "--name", "Ada\u{2003}L."], PASSWORD));
    done(&add(&place, &["bob@example.org"], PASSWORD));

    for group in ["ops", "dev"] {
        done(&place.run(&["user", "add-group", "bob@example.org", group]));
    }

    let table = place.run(&["user", "list"]);
    let json = place.run(&["user", "list", "--json"]);

    let rows: Vec<Vec<&str>> =
        done(&table).lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["ID", "EMAIL", "ROLE", "STATUS", "CREATED", "GROUPS", "NAME"]);
    assert_eq!(rows[1][1..4], ["ada@example.org", "admin", "active"]);
    assert_eq!(rows[2][1..4], ["bob@example.org", "user", "active"]);
    assert_eq!((&rows[1][5..], rows[2][5]), (&["Ada", "L."][..], "dev,ops"));
    let users: Vec<Value> = serde_json::from_str(done(&json)).unwrap();
    assert_eq!(users.len(), 2);
    assert_eq!(users[0]["email"], "ada@example.org");
    assert_eq!(users[0]["id"], rows[1][0]);
    assert_eq!((&users[0]["groups"], &users[1]["groups"]), (&json!([]), &json!(["dev", "ops"])));
}

#[tokio::test]
async fn groups_are_added_and_removed_and_hold_at_the_next_request_of_every_session() {
    for server in servers() {
        let ada = ada(&server).await;
        let line = |verb, group| server.command(&["user", verb, "ada@example.org", group]);
        for (verb, group, printed, groups) in [
            ("add-group", "ops", "in group ops", json!(["ops"])),
            ("add-group", "dev", "in group dev", json!(["dev", "ops"])),
            ("add-group", "dev", "in group dev", json!(["dev", "ops"])),
            ("remove-group", "ops", "not in group ops", json!(["dev"])),
            ("remove-group", "ops", "not in group ops", json!(["dev"])),
        ] {
            let outcome = line(verb, group);
            let told = done(&outcome).lines().next().unwrap();
            assert_eq!(told, format!("ada@example.org: {printed}"));
            let (status, body) = ada.session().await;
            assert_eq!((status, &body["user"]["groups"]), (200, &groups), "{verb} {group}");
        }
        for group in ["admin", "user", "Dev", "a b", "a,b", ""] {
            assert!(refused(&line("add-group", group), 2).contains("group"), "{group}");
        }
        let (_, body) = ada.session().await;
        let root = Client::of(&server);
        assert_eq!(root.set_up(&server, "root@example.org").await.status(), 303);
        let path = format!("/api/admin/users/{}", body["user"]["id"].as_str().unwrap());
        let groups: Vec<String> = (0..63).map(|n| format!("group-{n}")).collect();
        let change = root.request(reqwest::Method::PATCH, &path).json(&json!({ "groups": groups }));
        assert_eq!(change.send().await.unwrap().status(), 200);
        done(&line("add-group", "last"));
        assert!(refused(&line("add-group", "one-more"), 1).contains("at most 64"));
        done(&line("add-group", "last"));
    }
}

#[tokio::test]
async fn of_groups_that_commands_add_at_once_none_is_lost() {
    let server = Server::start();
    let ada = ada(&server).await;
    let names: Vec<String> = (0..6).map(|n| format!("group-{n}")).collect();

    thread::scope(|scope| {
        for name in &names {
            let place = &server.place;
            scope.spawn(move || {
                done(&place.run(&["user", "add-group", "ada@example.org", name]));
            });
        }
    });

    let (_, body) = ada.session().await;
    assert_eq!(body["user"]["groups"], json!(names));
}

#[tokio::test]
async fn disabling_signs_out_at_the_next_request_and_enabling_lets_in_again() {
    for server in servers() {
        let ada = ada(&server).await;

        done(&server.command(&["user", "disable", "ada@example.org"]));
        assert_eq!(ada.reason().await, "account_disabled");
        assert_eq!(ada.sign_in("ada@example.org", PASSWORD).await, 401);

        done(&server.command(&["user", "enable", "ada@example.org"]));
        assert_eq!(ada.sign_in("ada@example.org", PASSWORD).await, 200);
    }
}

#[tokio::test]
async fn a_new_role_ends_the_sessions_and_counts_at_the_next_sign_in() {
    for server in servers() {
        let ada = ada(&server).await;

        done(&server.command(&["user", "set-role", "ada@example.org", "admin"]));

        assert_eq!(ada.reason().await, "role_changed");
        assert_eq!(ada.sign_in("ada@example.org", PASSWORD).await, 200);
        let (_, body) = ada.session().await;
        assert_eq!(body["user"]["role"], "admin");
    }
}

#[tokio::test]
async fn a_new_password_ends_the_sessions_and_is_the_only_one() {
    for server in servers() {
        let ada = ada(&server).await;
        let line = ["user", "set-password", "ada@example.org", "--password-stdin"];

        done(&server.place.run_with_input(&line, OTHER));

        assert_eq!(ada.reason().await, "password_changed");
        assert_eq!(ada.sign_in("ada@example.org", PASSWORD).await, 401);
        assert_eq!(ada.sign_in("ada@example.org", OTHER).await, 200);
        let weak = server.place.run_with_input(&line, "short\n");
        assert!(refused(&weak, 1).contains("ANTEROOM_PASSWORD_MIN_LENGTH"), "{weak:?}");
    }
}

#[tokio::test]
async fn reset_factors_removes_the_second_factor_and_ends_the_sessions() {
    for server in servers() {
        let ada = ada(&server).await;
        let begun: Value =
            ada.post_json("/api/account/totp", &json!({})).await.json().await.unwrap();
        let authenticator = Authenticator::of(begun["secret"].as_str().unwrap());
        let code = authenticator.code_at(anteroom::clock::Clock::system().now());
        let confirmed = ada.post_json("/api/account/totp/confirm", &json!({ "code": code })).await;
        assert_eq!(confirmed.status(), 200);
        assert_eq!(Client::of(&server).sign_in("ada@example.org", PASSWORD).await, 401);

        let line = ["user", "reset-factors", "ada@example.org"];
        let output = done(&server.command(&line)).to_owned();

        assert!(output.contains("no second factor"), "{output}");
        assert_eq!(ada.reason().await, "factor_changed");
        assert_eq!(ada.sign_in("ada@example.org", PASSWORD).await, 200);
        done(&server.command(&line));
        assert!(ada.is_signed_in().await, "there was nothing left to do");
        refused(&server.command(&["user", "reset-factors", "eve@example.org"]), 1);
    }
}

#[tokio::test]
async fn a_deleted_account_is_gone_at_the_next_request() {
    for server in servers() {
        let ada = ada(&server).await;
        let unsure = server.command(&["user", "delete", "ada@example.org"]);
        assert!(refused(&unsure, 1).contains("--yes"), "{unsure:?}");
        assert!(ada.is_signed_in().await);

        done(&server.command(&["user", "delete", "ada@example.org", "--yes"]));

        assert_eq!(ada.reason().await, "account_deleted");
        assert_eq!(ada.sign_in("ada@example.org", PASSWORD).await, 401);
    }
}

#[tokio::test]
async fn the_last_active_administrator_stays() {
    let server = Server::start();
    let ada = Client::of(&server);
    ada.set_up(&server, "ada@example.org").await;
    let lines: [&[&str]; 3] = [
        &["user", "disable", "ada@example.org"],
        &["user", "set-role", "ada@example.org", "user"],
        &["user", "delete", "ada@example.org", "--yes"],
    ];

    for line in lines {
        let outcome = server.command(line);
        assert!(refused(&outcome, 1).contains("last active administrator"), "{outcome:?}");
    }

    assert!(ada.is_signed_in().await);
    done(&add(&server.place, &["bob@example.org", "--admin"], PASSWORD));
    done(&server.command(&["user", "disable", "ada@example.org"]));
    assert!(!ada.is_signed_in().await);
}

#[test]
fn an_address_that_nobody_has_is_named() {
    let place = Place::new();
    done(&place.run(&["migrate"]));
    for operation in
        [&["disable"][..], &["enable"], &["set-role"], &["add-group"], &["delete", "--yes"]]
    {
        let mut line = [&["user"], operation, &["eve@example.org"]].concat();
        match operation {
            ["set-role"] => line.push("admin"),
            ["add-group"] => line.push("dev"),
            _ => {}
        }

        let outcome = place.run(&line);

        let told = refused(&outcome, 1);
        assert!(told.contains("eve@example.org") && told.contains("user list"), "{told}");
    }
}

#[test]
fn a_wrong_command_line_is_refused_with_code_2_and_makes_no_file() {
    let place = Place::new();
    let lines: [&[&str]; 8] = [
        &["dance"],
        &["user"],
        &["user", "add"],
        &["user", "set-role", "ada@example.org", "emperor"],
        &["session", "revoke"],
        &["session", "revoke", "not-an-id"],
        &["session", "revoke", "--all", "--user", "ada@example.org"],
        &["serve", "--colour", "green"],
    ];

    for line in lines {
        let outcome = place.run(line);
        assert!(refused(&outcome, 2).contains("anteroom --help"), "{outcome:?}");
    }

    assert_eq!(place.files(), [""; 0]);
}

#[test]
fn help_and_version_go_to_stdout() {
    let place = Place::new();

    let (help, version) = (place.run(&["--help"]), place.run(&["--version"]));

    assert!(done(&help).contains("--password-min-length"), "{help:?}");
    assert_eq!(done(&version), format!("anteroom {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn healthcheck_says_whether_the_server_can_serve() {
    let server = Server::start();
    let address = server.address().to_string();

    assert_eq!(done(&server.command(&["healthcheck", "--listen", &address])), "ready\n");

    let place = server.stop();
    let outcome = place.run(&["healthcheck", "--listen", &address]);
    assert!(refused(&outcome, 1).contains("no server at"), "{outcome:?}");
}

#[test]
fn healthcheck_fails_where_something_answers_that_it_cannot_serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answering = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let read = stream.read(&mut request).unwrap();
        stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });

    let outcome = Place::new().run(&["healthcheck", "--listen", &address]);

    assert!(refused(&outcome, 1).contains("is not ready"), "{outcome:?}");
    assert!(answering.join().unwrap().starts_with("GET /readyz "));
}
