//! Two releases side by side: servers are replaced one after the other, and those that wait for
//! their turn work on with the tables of the next release.

use serde_json::json;

use crate::command_line::refused;
use crate::harness::client::{Client, PASSWORD};
use crate::harness::postgres::Database;
use crate::harness::server::Server;

const OTHER_PASSWORD: &str = "granite kite under seven moons";

/// What a release may do to tables that another one is using: it adds.
const NEXT_RELEASE: &str = "\
    ALTER TABLE users ADD COLUMN locale TEXT;
    ALTER TABLE sessions ADD COLUMN region BIGINT NOT NULL DEFAULT 1;
    ALTER TABLE ended_sessions ADD COLUMN noted TEXT;
    ALTER TABLE audit_events ADD COLUMN region TEXT NOT NULL DEFAULT '';
    CREATE TABLE devices (device_id BYTEA NOT NULL PRIMARY KEY, user_id BYTEA NOT NULL);
    CREATE INDEX users_by_locale ON users (locale);
    INSERT INTO _sqlx_migrations VALUES (99990101000000, 'next', now(), TRUE, '', 1);";

/// A person's day, at two servers in turn.
async fn a_day(email: &str, [here, there]: [&Server; 2]) {
    let (laptop, phone) = (Client::of(here), Client::of(there));
    laptop.sign_up(email).await;
    assert_eq!(Client::of(there).sign_in(email, "wrong as can be today").await, 401);
    assert_eq!(phone.sign_in(email, PASSWORD).await, 200);
    assert!(laptop.at(there).is_signed_in().await && phone.at(here).is_signed_in().await);
    let data = laptop.at(there).request(reqwest::Method::PATCH, "/api/session/data");
    assert_eq!(data.json(&json!({ "a": 1 })).send().await.unwrap().status(), 200);
    let proof = json!({ "password": PASSWORD });
    let again = laptop.post_json("/api/session/reauthenticate", &proof).await;
    assert_eq!(again.status(), 200);
    let change = json!({ "current_password": PASSWORD, "new_password": OTHER_PASSWORD });
    let request = laptop.at(there).request(reqwest::Method::PUT, "/api/account/password");
    assert_eq!(request.json(&change).send().await.unwrap().status(), 204);
    assert_eq!(phone.reason().await, "password_changed");
    assert!(laptop.at(here).is_signed_in().await);
    let out = laptop.request(reqwest::Method::DELETE, "/api/session");
    assert_eq!(out.send().await.unwrap().status(), 204);
    assert!(!laptop.at(there).is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_wait_for_their_turn_work_on_with_the_tables_of_the_next_release() {
    let Some(database) = Database::fresh().await else { return };
    let (first, second) = (database.place().serve(&[]), database.place().serve(&[]));
    let ada = Client::of(&first);
    ada.sign_up("ada@example.org").await;
    // So that statements are prepared on their connections.
    a_day("before@example.org", [&first, &second]).await;

    database.run(NEXT_RELEASE).await;

    assert!(ada.is_signed_in().await && ada.at(&second).is_signed_in().await);
    a_day("after@example.org", [&first, &second]).await;
    a_day("later@example.org", [&second, &first]).await;
    // One that is started anew cannot know what the tables mean by now.
    let place = second.stop();
    let line = refused(&place.run(&["serve", "--listen", "127.0.0.1:0"]), 1).to_owned();
    assert!(line.contains("another release"), "{line}");
    assert!(ada.is_signed_in().await);
}
