//! The program as a server: how it starts, and how it says that it cannot.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use crate::harness::client::Client;
use crate::harness::server::{Outcome, Place, Server};

/// That it failed, with one line that says all of this.
#[track_caller]
fn failed_with_one_line(outcome: &Outcome, words: &[&str]) {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert!(outcome.stderr.starts_with("anteroom: "), "{outcome:?}");
    for word in words {
        assert!(outcome.stderr.contains(word), "`{word}` is not said: {outcome:?}");
    }
    assert_eq!(outcome.stdout, "");
}

#[test]
fn without_any_configuration_it_serves_from_an_empty_folder() {
    let server = Server::start();

    assert!(server.url.starts_with("http://localhost:"), "{}", server.url);
    let link = server.setup_link.clone().unwrap();
    assert!(link.starts_with(&format!("{}/setup?token=", server.url)), "{link}");
    let printed = format!(
        "Anteroom is listening on {}\n\
         There is no administrator yet. Make one, within an hour, at:\n  {link}\n",
        server.url
    );
    assert_eq!(server.stdout(), printed);
}

#[tokio::test]
async fn ops_2_its_files_are_for_their_owner_alone() {
    let server = Server::start();
    Client::of(&server).sign_up("ada@example.org").await;

    let files = server.place.files();

    let endings = ["", "-lock", "-migration-lock", "-shm", "-wal"];
    let mut known = endings.map(|ending| format!("anteroom.db{ending}")).to_vec();
    known.push("anteroom.key".to_owned());
    assert_eq!(files, known);
    for file in files {
        let mode = fs::metadata(server.place.path().join(&file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn the_setup_link_makes_one_administrator_and_no_second() {
    let server = Server::start();
    let link = server.setup_link.clone().unwrap();
    let path = link.strip_prefix(&server.url).unwrap();
    let (ada, eve) = (Client::of(&server), Client::of(&server));
    assert_eq!(ada.get(path).await.status(), 200);

    assert_eq!(ada.set_up(&server, "ada@example.org").await.status(), 303);

    let (_, body) = ada.session().await;
    assert_eq!(body["user"]["role"], "admin");
    let refused = eve.set_up(&server, "eve@example.org").await;
    assert_eq!(refused.status(), 404);
    let page = refused.text().await.unwrap();
    assert!(page.contains("anteroom user add --admin"), "{page}");
    assert_eq!(eve.get(path).await.status(), 404);
    assert!(!eve.is_signed_in().await);
}

#[tokio::test]
async fn a_restart_voids_the_older_setup_link() {
    let first = Server::start();
    let old = first.setup_link.clone().unwrap();
    let (_, old_token) = old.split_once("token=").unwrap();
    let server = first.stop().serve(&[]);
    let client = Client::of(&server);

    let path = format!("/setup?token={old_token}");

    assert_eq!(client.get(&path).await.status(), 404);
    assert_eq!(client.set_up(&server, "ada@example.org").await.status(), 303);
}

#[test]
fn with_an_administrator_no_setup_link_is_printed() {
    let place = Place::new();
    let line = ["user", "add", "ada@example.org", "--admin", "--password-stdin"];
    let added = place.run_with_input(&line, "walnut ferry under a quiet lantern\n");
    assert_eq!(added.code, Some(0), "{added:?}");

    let server = place.serve(&[]);

    assert_eq!(server.stdout(), format!("Anteroom is listening on {}\n", server.url));
}

#[test]
fn a_second_server_on_the_same_file_is_refused() {
    let server = Server::start();

    let second = server.command(&["serve", "--listen", "127.0.0.1:0"]);

    failed_with_one_line(&second, &["another Anteroom server", "anteroom.db", "ANTEROOM_DATABASE"]);
    assert!(server.exchange("GET /readyz HTTP/1.0\r\n\r\n").unwrap().contains("200"));
}

#[test]
fn a_taken_port_is_refused_before_anything_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::new();

    let outcome = place.run(&["serve", "--listen", &address]);

    failed_with_one_line(&outcome, &["cannot listen on", &address, "ANTEROOM_LISTEN"]);
    assert_eq!(place.files(), [""; 0]);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let place = Place::new();
    let file = place.path().join("anteroom.db");
    let text = "Dear diary, this is no database at all.\n".repeat(200);
    fs::write(&file, &text).unwrap();

    let outcome = place.run(&["serve", "--listen", "127.0.0.1:0"]);

    failed_with_one_line(&outcome, &["anteroom.db", "not a database", "ANTEROOM_DATABASE"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn a_folder_is_refused_as_a_database() {
    let place = Place::new();
    fs::create_dir(place.path().join("anteroom.db")).unwrap();

    let outcome = place.run(&["serve", "--listen", "127.0.0.1:0"]);

    failed_with_one_line(&outcome, &["anteroom.db", "ANTEROOM_DATABASE"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let place = Place::new();
    let closed = place.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    // Whoever is root may write there all the same, but nobody may here.
    let is_root = fs::write(closed.join("probe"), "").is_ok();
    let folder = if is_root { "/proc" } else { "closed" };

    let database = format!("sqlite:{folder}/anteroom.db");
    let outcome = place.run(&["serve", "--listen", "127.0.0.1:0", "--database", &database]);

    let named = format!("{folder}/anteroom.db");
    failed_with_one_line(&outcome, &["cannot open", &named, "ANTEROOM_DATABASE"]);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let line = ["serve", "--listen", "127.0.0.1:0", "--database", "sqlite:nowhere/anteroom.db"];

    let outcome = Place::new().run(&line);

    failed_with_one_line(&outcome, &["nowhere/anteroom.db", "ANTEROOM_DATABASE"]);
}

#[tokio::test]
async fn sto_5_a_database_of_a_later_release_is_refused_and_left_as_it_is() {
    use sqlx::{Connection as _, Row as _};
    let place = Place::new();
    assert_eq!(place.run(&["migrate"]).code, Some(0));
    let file = place.path().join("anteroom.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&file);
    let mut later = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations \
         VALUES (99990101000000, 'of a later release', CURRENT_TIMESTAMP, TRUE, x'00', 1)",
    )
    .execute(&mut later)
    .await
    .unwrap();

    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["user", "list"]] {
        let outcome = place.run(command);
        failed_with_one_line(&outcome, &["anteroom.db", "another release", "backup"]);
    }

    let rows = sqlx::query("SELECT count(*) FROM _sqlx_migrations");
    let rows: i64 = rows.fetch_one(&mut later).await.unwrap().get(0);
    let files = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
    assert_eq!(usize::try_from(rows).unwrap(), files.count() + 1);
}

#[test]
fn sto_5_programs_that_start_at_once_on_an_empty_folder_migrate_it_once() {
    for _ in 0..3 {
        let place = Place::new();
        let started = std::thread::scope(|scope| {
            let commands: Vec<_> =
                (0..5).map(|_| scope.spawn(|| place.run(&["migrate"]))).collect();
            let server = place.serve(&[]);
            for command in commands {
                let outcome = command.join().unwrap();
                assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
            }
            server
        });
        assert!(started.exchange("GET /readyz HTTP/1.0\r\n\r\n").unwrap().contains("200"));
    }
}
