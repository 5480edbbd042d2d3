//! The feed of several servers on the same stores, of one that starts again, and of commands.

use std::collections::BTreeSet;

use anteroom::SessionStorage;
use anteroom::clock::Clock;
use anteroom::store::DatabaseAt;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{FEED, end, ends, entries, next, position, read, sign_out};
use crate::command_line::done;
use crate::harness::app::{Kind, TestApp};
use crate::harness::client::{Client, PASSWORD};
use crate::harness::server::{Place, Server};
use crate::harness::{postgres, redis};

/// Another server on the stores of this one.
pub async fn beside(one: &TestApp) -> TestApp {
    TestApp::one_of_several(Kind::Database, |options| {
        options.database = one.accounts_at.clone();
        options.clock = Clock::from(&one.clock);
        if let Some(url) = &one.redis {
            options.sessions = SessionStorage::Redis { url: url.as_str().into() };
        }
    })
    .await
}

/// Sessions end all at once at one server, while an administrator follows the feed at another.
async fn none_is_missed(ending_at: &TestApp, read_at: &TestApp) {
    let root = read_at.administrator("root@example.org").await;
    let mut people = Vec::new();
    let mut expected = BTreeSet::new();
    for n in 0..40 {
        let at = if n % 2 == 0 { ending_at } else { read_at };
        let browser = at.signed_in(&format!("ada{n}@example.org")).await;
        expected.insert(end(&browser.session_id().await, "signed_out"));
        people.push(browser);
    }
    let mut after = position(&root).await;

    let ending = futures_util::future::join_all(people.iter().map(sign_out));
    let following = async {
        let mut found = Vec::new();
        while found.len() < expected.len() {
            let answer = read(&root, &after, "&wait=5&limit=3").await;
            let some = ends(&entries(&answer));
            assert!(!some.is_empty(), "only {} of {}", found.len(), expected.len());
            found.extend(some);
            after = next(&answer);
        }
        found
    };
    let (_, found) = tokio::join!(ending, following);

    assert_eq!(found.len(), expected.len(), "one was told twice");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    assert_eq!(entries(&read(&root, &after, "").await), [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_ends_at_once_none_is_missed() {
    for kind in [Kind::Database, Kind::Memory] {
        let app = TestApp::start(kind).await;
        none_is_missed(&app, &app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_ends_at_two_servers_on_postgres_none_is_missed() {
    if postgres::is_here().await {
        let one = TestApp::one_of_several(Kind::Postgres, |_| ()).await;
        none_is_missed(&one, &beside(&one).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_ends_at_two_servers_on_redis_none_is_missed() {
    if redis::is_here("the feed of two servers") && postgres::is_here().await {
        let one = TestApp::one_of_several(Kind::RedisBesidePostgres, |_| ()).await;
        none_is_missed(&one, &beside(&one).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_of_another_store_has_expired() {
    let one = TestApp::start(Kind::Database).await;
    // Each test begins with a copy of one file, which has the number of one store.
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("other.db");
    let other =
        TestApp::start_with(Kind::Database, |options| options.database = DatabaseAt::from(&path));
    let other = other.await;
    let root = one.administrator("root@example.org").await;
    let begun = position(&root).await;
    let root = other.administrator("root@example.org").await;

    assert_eq!(read(&root, &begun, "").await.refusal(), (410, "cursor_expired".to_owned()));
}

/// An administrator, somebody else, and where the feed stands.
async fn begun(server: &Server) -> (Client, Client, String) {
    let (root, ada) = (Client::of(server), Client::of(server));
    assert_eq!(root.set_up(server, "root@example.org").await.status(), 303);
    ada.sign_up("ada@example.org").await;
    let (_, feed) = read_feed(&root, "").await;
    let cursor = feed["next_cursor"].as_str().unwrap().to_owned();
    (root, ada, cursor)
}

async fn read_feed(root: &Client, query: &str) -> (u16, Value) {
    let answer = root.get(&format!("{FEED}{query}")).await;
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn rev_18_the_feed_goes_on_after_a_crash() {
    let server = Server::start();
    let (root, ada, cursor) = begun(&server).await;
    let (_, body) = ada.session().await;
    let ended = ada.request(Method::DELETE, "/api/session").send().await.unwrap();
    assert_eq!(ended.status(), 204);

    let server = server.kill().serve(&[]);

    let (status, feed) = read_feed(&root.at(&server), &format!("?after={cursor}")).await;
    assert_eq!(status, 200);
    let found = ends(feed["revocations"].as_array().unwrap());
    assert_eq!(found, [end(body["session"]["id"].as_str().unwrap(), "signed_out")]);
}

#[tokio::test]
async fn with_sessions_in_memory_a_restart_expires_every_cursor() {
    let place = Place::new();
    let server = place.serve(&["--sessions", "memory:"]);
    let (root, _, cursor) = begun(&server).await;

    let server = server.kill().serve(&["--sessions", "memory:"]);

    let root = root.at(&server);
    assert_eq!(root.sign_in("root@example.org", PASSWORD).await, 200);
    let (status, problem) = read_feed(&root, &format!("?after={cursor}")).await;
    assert_eq!((status, &problem["code"]), (410, &json!("cursor_expired")));
}

#[tokio::test]
async fn a_waiting_reader_gets_the_end_by_a_command() {
    for sessions in ["database", "memory:"] {
        let server = Place::new().serve(&["--sessions", sessions]);
        let (root, _, cursor) = begun(&server).await;

        let waiting =
            tokio::spawn(
                async move { read_feed(&root, &format!("?wait=30&after={cursor}")).await },
            );
        let command = ["session", "revoke", "--user", "ada@example.org"];
        tokio::task::spawn_blocking(move || {
            done(&server.command(&command));
            server
        })
        .await
        .unwrap();

        let (status, feed) = waiting.await.unwrap();
        assert_eq!((status, &feed["revocations"][0]["reason"]), (200, &json!("revoked_by_admin")));
    }
}
