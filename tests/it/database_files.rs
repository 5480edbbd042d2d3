//! Which file the database is: the same one by every name, never one that a command has just made,
//! and never anything that is no database.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::path::Path;

use anteroom::sessions::cache::LEASE_WAIT;

use crate::command_line::{done, refused};
use crate::harness::app::{Kind, TestApp};
use crate::harness::client::{Client, PASSWORD};
use crate::harness::server::{Place, Server};

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

/// The same folder, with a database of this name.
fn at(place: &Place, path: &str) -> Place {
    place.clone().with("ANTEROOM_DATABASE", &format!("sqlite:{path}"))
}

#[test]
fn a_second_server_is_refused_by_every_name_of_the_file() {
    let server = Server::start();
    let place = &server.place;
    fs::create_dir(place.path().join("b")).unwrap();
    symlink("../anteroom.db", place.path().join("b/linked.db")).unwrap();
    symlink(".", place.path().join("here")).unwrap();
    fs::hard_link(place.path().join("anteroom.db"), place.path().join("b/hard.db")).unwrap();

    for name in ["b/linked.db", "here/anteroom.db", "b/../anteroom.db", "b/hard.db"] {
        let second = at(place, name).run(&SERVE);

        let line = refused(&second, 1);
        assert!(line.contains("another Anteroom server"), "{name}: {line}");
    }
    let command = at(place, "b/hard.db").run(&["session", "revoke", "--all", "--yes"]);
    assert!(refused(&command, 1).contains("by another name"), "{command:?}");
    assert_eq!(fs::read_dir(place.path().join("b")).unwrap().count(), 2, "something is left");

    let place = server.stop();
    at(&place, "b/linked.db").serve(&[]).stop();
}

#[tokio::test]
async fn what_a_command_decides_counts_where_the_database_is_a_symbolic_link() {
    for sessions in ["database", "memory:"] {
        let place = Place::new().with("ANTEROOM_SESSIONS", sessions);
        let place = place.serve(&[]).kill();
        // What the killed server left of the index is beside the link.
        fs::create_dir(place.path().join("disk")).unwrap();
        for file in ["anteroom.db", "anteroom.db-wal"] {
            fs::rename(place.path().join(file), place.path().join("disk").join(file)).unwrap();
        }
        symlink("disk/anteroom.db", place.path().join("anteroom.db")).unwrap();
        let server = place.serve(&[]);

        for (person, command) in [
            ("ada@example.org", &["user", "disable", "ada@example.org"][..]),
            ("bob@example.org", &["session", "revoke", "--all", "--yes"]),
            ("eve@example.org", &["user", "delete", "eve@example.org", "--yes"]),
        ] {
            let client = Client::of(&server);
            client.sign_up(person).await;
            // From now on it is remembered.
            assert!(client.is_signed_in().await && client.is_signed_in().await);

            done(&server.command(command));

            assert!(!client.is_signed_in().await, "{sessions}: {command:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_moved_or_replaced_is_answered_for_by_nobody() {
    for kind in [Kind::Database, Kind::Memory] {
        let app = TestApp::start(kind).await;
        let browser = app.signed_in("ada@example.org").await;
        assert!(browser.is_signed_in().await);
        let aside = app.database.with_extension("aside");
        for ending in ["", "-wal", "-shm"] {
            let file = format!("{}{ending}", app.database.display());

            fs::rename(&file, &aside).unwrap();
            tokio::time::sleep(LEASE_WAIT).await;
            assert_eq!(browser.whoami().await.status, 503, "{kind:?}: {ending} moved");
            fs::copy(&aside, &file).unwrap();
            assert_eq!(browser.whoami().await.status, 503, "{kind:?}: {ending} replaced");
            assert_eq!(browser.get("/readyz").await.status, 503, "{kind:?}: {ending}");

            fs::rename(&aside, &file).unwrap();
            assert_eq!(browser.whoami().await.status, 200, "{kind:?}: {ending} put back");
        }
    }
}

#[test]
fn a_command_makes_no_database_to_act_on() {
    const COMMANDS: [&[&str]; 10] = [
        &["user", "list"],
        &["user", "disable", "ada@example.org"],
        &["user", "enable", "ada@example.org"],
        &["user", "delete", "ada@example.org", "--yes"],
        &["user", "set-role", "ada@example.org", "admin"],
        &["user", "set-password", "ada@example.org", "--password-stdin"],
        &["session", "list"],
        &["session", "revoke", "--all", "--yes"],
        &["session", "revoke", "--user", "ada@example.org"],
        &["restore-check", "--yes"],
    ];
    let place = Place::new();
    for command in COMMANDS {
        let outcome = place.run(command);

        let line = refused(&outcome, 1);
        let path = place.path().join("anteroom.db");
        assert!(line.contains(&format!("no database at {}", path.display())), "{line}");
        assert!(line.contains("set ANTEROOM_DATABASE or run this where the server runs"), "{line}");
        assert_eq!(place.files(), [""; 0], "{command:?}");
    }
}

#[tokio::test]
async fn an_empty_file_or_the_database_of_another_program_is_no_database_to_act_on() {
    use sqlx::{ConnectOptions as _, Connection as _};
    let place = Place::new().with_file("anteroom.db", "");
    let revoke = ["session", "revoke", "--all", "--yes"];
    assert!(refused(&place.run(&revoke), 1).contains("no database at"));
    assert_eq!(fs::read(place.path().join("anteroom.db")).unwrap(), b"");

    let file = place.path().join("anteroom.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&file);
    let mut other = options.connect().await.unwrap();
    sqlx::query("CREATE TABLE bookmarks (url TEXT)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let before = fs::read(&file).unwrap();
    assert!(refused(&place.run(&revoke), 1).contains("no database at"));

    assert_eq!(place.files(), ["anteroom.db"]);
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn a_refused_account_makes_no_database() {
    let place = Place::new();
    for (email, input) in
        [("nobody", PASSWORD), ("ada@example.org", ""), ("ada@example.org", "short")]
    {
        refused(&place.run_with_input(&["user", "add", "--password-stdin", email], input), 1);
        assert_eq!(place.files(), [""; 0]);
    }
}

#[tokio::test]
async fn what_ends_sessions_says_which_database_it_used() {
    let server = Server::start();
    let elsewhere = Place::new();
    let path = server.place.path().join("anteroom.db");
    let shell = at(&elsewhere, &path.display().to_string());
    let ada = Client::of(&server);
    ada.sign_up("ada@example.org").await;

    for command in [
        &["session", "revoke", "--user", "ada@example.org"][..],
        &["session", "revoke", "--all", "--yes"],
        &["restore-check", "--yes"],
        &["user", "set-role", "ada@example.org", "admin"],
    ] {
        let told = shell.run(command);
        let real = fs::canonicalize(&path).unwrap();
        let named = format!("\ndatabase: {}\n", real.display());
        assert!(done(&told).ends_with(&named), "{told:?}");
    }
    assert!(!ada.is_signed_in().await);
    assert_eq!(elsewhere.files(), [""; 0]);
}

#[test]
fn what_cannot_be_a_database_is_refused_and_nothing_is_left_behind() {
    let place = Place::new().with_file("text.db", "not a database, but long enough for a header\n");
    fs::create_dir(place.path().join("folder.db")).unwrap();
    symlink("round.db", place.path().join("round.db")).unwrap();
    symlink("/dev/null", place.path().join("null.db")).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(place.path().join("socket.db")).unwrap();
    let files = place.files();
    let devices = || {
        let names = fs::read_dir("/dev").unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().contains("lock")).count()
    };
    let before = devices();

    for path in [
        "/dev/null",
        "/dev/zero",
        "/dev",
        "null.db",
        "text.db",
        "folder.db",
        "round.db",
        "socket.db",
        "folder.db/../text.db",
        "text.db/anteroom.db",
        "nowhere/anteroom.db",
    ] {
        for command in [&SERVE[..], &["migrate"], &["user", "list"]] {
            let outcome = at(&place, path).run(command);

            let line = refused(&outcome, 1);
            assert!(line.contains("ANTEROOM_DATABASE"), "{path}: {line}");
        }
        assert_eq!(place.files(), files, "{path}");
        assert_eq!(fs::read_dir(place.path().join("folder.db")).unwrap().count(), 0);
    }

    assert_eq!(devices(), before);
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    assert!(!Path::new("/dev/null-lock").exists() && !Path::new("/dev/null-wal").exists());
}

#[test]
fn a_broken_database_is_refused_and_nothing_is_left_behind() {
    let place = Place::new();
    let text = format!("SQLite format 3\0{}", "x".repeat(4080));
    let place = place.with_file("anteroom.db", &text);

    for command in [&SERVE[..], &["migrate"], &["user", "list"]] {
        refused(&place.run(command), 1);
        assert_eq!(place.files(), ["anteroom.db"], "{command:?}");
    }
    assert_eq!(fs::read_to_string(place.path().join("anteroom.db")).unwrap(), text);
}

#[test]
fn the_database_of_another_program_is_refused_and_not_changed() {
    let place = Place::new();
    let path = place.path().join("shop.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
        sqlx::raw_sql("CREATE TABLE users (id INTEGER)").execute(&mut connection).await.unwrap();
        sqlx::Connection::close(connection).await.unwrap();
    });
    let before = fs::read(&path).unwrap();

    for command in
        [&SERVE[..], &["migrate"], &["user", "list"], &["session", "revoke", "--all", "--yes"]]
    {
        let outcome = at(&place, "shop.db").run(command);

        let line = refused(&outcome, 1);
        let is_said = line.contains("of another program") || line.contains("no tables of Anteroom");
        assert!(is_said, "{command:?}: {line}");
        assert_eq!(fs::read(&path).unwrap(), before, "{command:?}");
    }
}
