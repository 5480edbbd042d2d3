//! A disk that is full or cannot be written, and a database file that goes away.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::app::{Kind, TestApp, on_each_store};
use crate::harness::client::{Client, PASSWORD};
use crate::harness::left_out;
use crate::harness::server::{Outcome, Place, Server};

on_each_store!(a_database_file_that_is_gone_or_another_is_not_ready);

/// A disk of a few megabytes in a world of its own, that ends with the process. `before` is done
/// on it before the program starts.
fn on_a_small_disk(place: &Place, before: &str) -> Option<Command> {
    let unshare = left_out::program("unshare", "what a full disk does")?;
    fs::create_dir_all(place.path().join("disk")).unwrap();
    let mut probe = Command::new(&unshare);
    let mount = "mount -t tmpfs -o size=3m none disk";
    probe.args(["--mount", "--map-root-user", "sh", "-c", mount]).current_dir(place.path());
    if !probe.output().unwrap().status.success() {
        left_out::for_want_of("the right to mount a file system", "what a full disk does");
        return None;
    }
    let mut program = Command::new(unshare);
    let script = format!("{mount} && {before} && exec \"$0\" \"$@\"");
    program.args(["--mount", "--map-root-user", "sh", "-c", &script]);
    program.args([env!("CARGO_BIN_EXE_anteroom"), "serve", "--listen", "127.0.0.1:0"]);
    program.args(["--database", "sqlite:disk/anteroom.db"]);
    Some(program)
}

/// The folder of the small disk, as seen from outside.
fn disk(server: &Server) -> PathBuf {
    let place = server.place.path().canonicalize().unwrap();
    let inside = place.strip_prefix("/").unwrap();
    PathBuf::from(format!("/proc/{}/root", server.pid())).join(inside).join("disk")
}

/// Takes every byte that is left.
fn fill(server: &Server) -> PathBuf {
    let path = disk(server).join("filler");
    let mut file = File::create(&path).unwrap();
    for size in [65_536, 4096, 1] {
        while file.write_all(&vec![7; size]).is_ok() {}
    }
    path
}

async fn patch(client: &Client, number: u64) -> (u16, Value) {
    let body = json!({ "n": number, "padding": "x".repeat(4000) });
    let request = client.request(Method::PATCH, "/api/session/data").json(&body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn number(client: &Client) -> u64 {
    let answer = client.get("/api/session/data").await;
    assert_eq!(answer.status(), 200);
    answer.json::<Value>().await.unwrap()["n"].as_u64().unwrap()
}

/// Writes on until a write is refused, and gives the last that was not.
async fn write_until_it_is_full(client: &Client, mut last: u64) -> u64 {
    // What the log of the database still has room for is written, and counts.
    loop {
        let (status, body) = patch(client, last + 1).await;
        if status != 200 {
            assert_eq!((status, &body["code"]), (503, &json!("unavailable")));
            return last;
        }
        last += 1;
        assert!(last < 5000, "the disk is never full");
    }
}

async fn nothing_is_called_done(writer: &Client, bob: &Client, last: u64) {
    for _ in 0..5 {
        assert_eq!(patch(writer, last + 1).await.0, 503);
        let out = bob.request(Method::DELETE, "/api/session").send().await.unwrap();
        assert_eq!(out.status(), 503);
        assert!(!out.headers().contains_key("set-cookie"), "the cookie is taken");
        assert_eq!(bob.sign_in("bob@example.org", PASSWORD).await, 503);
    }
}

async fn sign_up_until_it_is_full(server: &Server) {
    for number in 0..200 {
        let body = json!({ "email": format!("eve{number}@example.org"), "password": PASSWORD });
        if Client::of(server).post_json("/api/signup", &body).await.status() == 503 {
            return;
        }
    }
    panic!("the disk is never full");
}

async fn goes_through_a_full_disk(arguments: &[&str]) {
    let place = Place::new().with("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").without_throttles();
    let Some(mut program) = on_a_small_disk(&place, "true") else { return };
    program.args(arguments);
    let server = place.serve_by(program);
    let (ada, bob) = (Client::of(&server), Client::of(&server));
    ada.sign_up("ada@example.org").await;
    bob.sign_up("bob@example.org").await;

    for _ in 0..2 {
        let mut last = 0;
        assert_eq!(patch(&ada, last).await.0, 200);
        let filler = fill(&server);
        if arguments.is_empty() {
            last = write_until_it_is_full(&ada, last).await;
            nothing_is_called_done(&ada, &bob, last).await;
            assert!(server.stderr().contains("disk is full"), "{}", server.stderr());
        } else {
            sign_up_until_it_is_full(&server).await;
            // Sessions need no disk.
            assert_eq!(bob.sign_in("bob@example.org", PASSWORD).await, 200);
        }
        for client in [&ada, &bob] {
            assert!(client.is_signed_in().await);
            assert_eq!(client.get("/account").await.status(), 200);
            assert_eq!(client.get("/auth/verify").await.status(), 200);
        }
        assert_eq!(ada.get("/healthz").await.status(), 200);
        assert_eq!(ada.get("/readyz").await.status(), 503);
        assert_eq!(number(&ada).await, last, "what was acknowledged, and nothing else");

        fs::remove_file(filler).unwrap();
        assert_eq!(number(&ada).await, last);
        assert_eq!(patch(&ada, last + 2).await.0, 200);
        assert_eq!(bob.sign_in("bob@example.org", PASSWORD).await, 200);
        assert_eq!(ada.get("/readyz").await.status(), 200);
    }
    let out = bob.request(Method::DELETE, "/api/session").send().await.unwrap();
    assert_eq!(out.status(), 204);
    Client::of(&server).sign_up("new@example.org").await;
}

#[tokio::test]
async fn sto_2_a_full_disk_refuses_writes_loses_nothing_and_heals() {
    goes_through_a_full_disk(&[]).await;
}

#[tokio::test]
async fn sto_2_a_full_disk_ends_no_session_in_memory() {
    goes_through_a_full_disk(&["--sessions", "memory:"]).await;
}

fn fails_in_one_line(outcome: &Outcome, words: &[&str]) {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let errors: Vec<_> =
        outcome.stderr.lines().filter(|line| !line.contains("WARN") && !line.is_empty()).collect();
    assert_eq!(errors.len(), 1, "{outcome:?}");
    for word in words {
        assert!(errors[0].contains(word), "{outcome:?}");
    }
}

#[test]
fn a_start_on_a_full_disk_says_so_in_one_line() {
    let place = Place::new().with("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    let full = "{ dd if=/dev/zero of=disk/filler bs=4096 2>/dev/null || true; }";
    let Some(program) = on_a_small_disk(&place, full) else { return };

    let outcome = place.run_by(program);

    fails_in_one_line(&outcome, &["disk/anteroom.db", "full"]);
}

#[test]
fn a_start_on_a_disk_that_cannot_be_written_says_so_in_one_line() {
    let place = Place::new().with("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    let Some(program) = on_a_small_disk(&place, "mount -o remount,ro disk") else { return };

    let outcome = place.run_by(program);

    fails_in_one_line(&outcome, &["disk/anteroom.db", "Read-only", "ANTEROOM_DATABASE"]);
}

async fn a_database_file_that_is_gone_or_another_is_not_ready(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    let ready = async || ada.get("/readyz").await.status;
    assert_eq!(ready().await, 200);
    let elsewhere = app.folder.path().join("elsewhere.db");

    fs::rename(&app.database, &elsewhere).unwrap();
    assert_eq!(ready().await, 503, "gone");
    fs::write(&app.database, b"").unwrap();
    assert_eq!(ready().await, 503, "another in its place");
    assert_eq!(ada.get("/healthz").await.status, 200);

    fs::rename(&elsewhere, &app.database).unwrap();
    assert_eq!(ready().await, 200);
    assert!(ada.is_signed_in().await);
}
