//! The key file: made at the first start, checked at every other one, and replaced while servers
//! run.

use std::fs;

use serde_json::json;

use crate::command_line::{done, refused};
use crate::harness::client::Client;
use crate::harness::postgres::Database;
use crate::harness::server::{Place, Server};

const KEY: &str = "anteroom.key";

fn read(place: &Place) -> String {
    fs::read_to_string(place.path().join(KEY)).unwrap()
}

#[test]
fn the_first_start_makes_a_key_and_another_one_is_refused_later() {
    let place = Server::start().stop();
    let key = read(&place);
    assert!(key.len() == 44 && key.ends_with('\n'));
    let kept = place.serve(&[]).stop();
    assert_eq!(read(&kept), key);

    let another = Server::start().stop();
    fs::write(place.path().join(KEY), read(&another)).unwrap();

    let outcome = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    let line = refused(&outcome, 1);
    assert!(line.contains("key of this database") && line.contains("ANTEROOM_KEY_FILE"), "{line}");
    assert!(!line.contains(key.trim()) && !line.contains(read(&another).trim()));
    // Commands that need no secret work nevertheless.
    done(&place.run(&["user", "list"]));
    refused(&place.run(&["key", "rotate"]), 1);
    assert_eq!(read(&place), read(&another), "a wrong file was changed");
    fs::write(place.path().join(KEY), key).unwrap();
    place.serve(&[]).stop();
}

#[test]
fn a_file_that_holds_no_key_prevents_the_start() {
    let place = Place::new().with_file(KEY, "velvet otter\n");
    let outcome = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    let line = refused(&outcome, 1);
    assert!(line.contains("32 random bytes") && !line.contains("velvet"), "{line}");
}

#[test]
fn the_key_may_be_elsewhere() {
    let elsewhere = Place::new();
    let path = elsewhere.path().join("its.key");
    let place = Place::new().with("ANTEROOM_KEY_FILE", path.to_str().unwrap());
    place.serve(&[]).stop();
    assert_eq!(elsewhere.files(), ["its.key"]);
    assert!(!place.files().contains(&KEY.to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_is_rotated_while_a_server_runs() {
    let server = Server::start();
    let ada = Client::of(&server);
    ada.sign_up("ada@example.org").await;
    let key = read(&server.place);

    let told = server.command(&["key", "rotate"]);

    assert!(done(&told).starts_with("rotated the key: 0 values"), "{told:?}");
    let new = read(&server.place);
    assert!(new != key && new.lines().count() == 1);
    assert!(!told.stdout.contains(new.trim()) && !told.stdout.contains(key.trim()));
    assert!(ada.is_signed_in().await);
    let place = server.stop();
    place.serve(&[]).stop();
    // An old copy is not the key any more.
    fs::write(place.path().join(KEY), key).unwrap();
    refused(&place.run(&["serve", "--listen", "127.0.0.1:0"]), 1);
}

/// A new key would make a second factor of everybody unreadable without a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_key_prevents_the_start_once_something_is_encrypted_with_it() {
    let mut places = vec![(Place::new(), None)];
    if let Some(database) = Database::fresh().await {
        let place = database.place();
        done(&place.run(&["migrate"]));
        done(&place.run(&["key", "create"]));
        places.push((place, Some(database)));
    }
    for (place, _database) in places {
        let server = place.serve(&[]);
        let ada = Client::of(&server);
        ada.sign_up("ada@example.org").await;
        let begun = ada.post_json("/api/account/totp", &json!({})).await;
        assert_eq!(begun.status(), 201);
        let place = server.stop();
        let key = read(&place);
        fs::remove_file(place.path().join(KEY)).unwrap();

        let outcome = place.run(&["serve", "--listen", "127.0.0.1:0"]);
        // A test database warns that it is not durable.
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        let line = outcome.stderr.lines().last().unwrap();

        assert!(line.contains("encrypted with the key file") && line.contains(KEY), "{line}");
        assert!(!place.files().contains(&KEY.to_owned()), "another key was made");
        fs::write(place.path().join(KEY), key).unwrap();
        place.serve(&[]).stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_demand_second_factors_need_a_key() {
    for policy in ["administrators", "required"] {
        let Some(database) = Database::fresh().await else { return };
        let place = database.place().with("ANTEROOM_SECOND_FACTOR", policy);
        let outcome = place.run(&["serve", "--listen", "127.0.0.1:0"]);
        // A test database warns that it is not durable.
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        let line = outcome.stderr.lines().last().unwrap();
        assert!(line.contains("ANTEROOM_SECOND_FACTOR demands second factors"), "{line}");
        assert!(line.contains("anteroom key create") && line.contains(KEY), "{line}");
        done(&place.run(&["key", "create"]));
        place.serve(&[]).stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_share_a_database_get_a_copy_of_one_key() {
    let Some(database) = Database::fresh().await else { return };
    let (one, other) = (database.place(), database.place());

    // A server makes no key that another would not have.
    let server = one.serve(&[]);
    let lines = server.stderr();
    let told: Vec<_> = lines.lines().filter(|line| line.contains("key create")).collect();
    assert!(told.len() == 1 && told[0].contains(KEY), "{lines}");
    assert!(!one.files().contains(&KEY.to_owned()));
    refused(&server.command(&["key", "rotate"]), 1);
    done(&server.command(&["key", "create"]));
    refused(&server.command(&["key", "create"]), 1);
    let one = server.stop();
    let server = one.serve(&[]);
    assert!(!server.stderr().contains("key"), "{}", server.stderr());
    fs::write(other.path().join(KEY), read(&one)).unwrap();
    let beside = other.serve(&[]);

    // The file goes to the other server before anything is encrypted with the new key.
    done(&server.command(&["key", "rotate", "--prepare"]));
    done(&server.command(&["key", "rotate", "--prepare"]));
    let both = read(&one);
    assert_eq!(both.lines().count(), 2);
    fs::write(other.path().join(KEY), &both).unwrap();
    done(&server.command(&["key", "rotate"]));

    assert_eq!(read(&one).trim(), both.lines().next().unwrap());
    drop(server.stop().serve(&[]));
    drop(beside.stop().serve(&[]));
    // One that was forgotten is refused.
    fs::write(other.path().join(KEY), both.lines().nth(1).unwrap()).unwrap();
    let outcome = other.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("does not hold the key of this database"), "{outcome:?}");
    refused(&other.run(&["key", "rotate"]), 1);
}
