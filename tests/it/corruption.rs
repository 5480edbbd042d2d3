//! Rows, pages and hashes in the database that this program cannot have written: whoever they are
//! about is not signed in by them, everybody else goes on, and the log tells.

use std::fs::OpenOptions;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use anteroom::accounts::Role;
use anteroom::sessions::cache::LEASE_WAIT;
use reqwest::Method;
use serde_json::json;
use sqlx::{Executor as _, Row as _, SqlitePool};

use crate::harness::app::{Kind, OTHER_PASSWORD, PASSWORD, TestApp};
use crate::harness::browser::Browser;
use crate::harness::client::{self, Client};
use crate::harness::server::{Place, Server};

async fn database(path: &Path) -> SqlitePool {
    SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap()
}

/// Somebody whose rows are broken, and somebody else.
struct Broken {
    app: TestApp,
    database: SqlitePool,
    ada: Browser,
    phone: Browser,
    bob: Browser,
    root: Browser,
}

async fn people() -> Broken {
    let app = TestApp::start(Kind::Database).await;
    let phone = app.signed_in("ada@example.org").await;
    // One that the tests find by being remembered.
    let ada = app.signed_in_as("ada@example.org", Role::User, true).await;
    ada.patch("/api/session/data", json!({ "cart": 1 })).await;
    let bob = app.signed_in("bob@example.org").await;
    let root = app.administrator("root@example.org").await;
    let database = database(&app.database).await;
    Broken { app, database, ada, phone, bob, root }
}

impl Broken {
    async fn breaks(&self, statement: &'static str) {
        let done = self.database.execute(statement).await.unwrap();
        // Until nobody relies on what was read before.
        tokio::time::sleep(LEASE_WAIT).await;
        assert_eq!(done.rows_affected(), 1, "{statement}");
    }

    async fn others_go_on(&self, what: &str) {
        let Self { app, bob, root, .. } = self;
        assert!(bob.is_signed_in().await, "{what}");
        assert_eq!(bob.sessions().await.len(), 1, "{what}");
        assert_eq!(bob.reauthenticate(PASSWORD).await.status, 200, "{what}");
        assert!(root.is_signed_in().await, "{what}");
        app.signed_in("bob@example.org").await.delete("/api/session").await;
        app.anteroom.sessions().flush().await.unwrap();
        app.anteroom.sessions().sweep(500).await.unwrap();
        assert_eq!(bob.get("/readyz").await.status, 200, "{what}");
        self.database.close().await;
    }
}

/// Of the session that is remembered.
const CORRUPT_SESSIONS: &[&str] = &[
    "UPDATE sessions SET timeout_rule = 99 WHERE remember_me",
    "UPDATE sessions SET timeout_rule = -1 WHERE remember_me",
    "UPDATE sessions SET session_id = X'00' WHERE remember_me",
    "UPDATE sessions SET session_id = '' WHERE remember_me",
    "UPDATE sessions SET user_id = X'0102' WHERE remember_me",
    "UPDATE sessions SET user_id = 'somebody' WHERE remember_me",
    "UPDATE sessions SET user_id = X'00000000000000000000000000000000' WHERE remember_me",
    "UPDATE sessions SET user_id = NULL WHERE remember_me",
    "UPDATE sessions SET epoch = NULL WHERE remember_me",
    "UPDATE sessions SET epoch = -5 WHERE remember_me",
    "UPDATE sessions SET epoch = 9223372036854775807 WHERE remember_me",
    "UPDATE sessions SET epoch = 'first' WHERE remember_me",
    "UPDATE sessions SET last_seen_at = -1 WHERE remember_me",
    "UPDATE sessions SET last_seen_at = -9223372036854775808 WHERE remember_me",
    "UPDATE sessions SET last_seen_at = 9223372036854775807 WHERE remember_me",
    "UPDATE sessions SET last_seen_at = 'now' WHERE remember_me",
    "UPDATE sessions SET expires_at = -1 WHERE remember_me",
    "UPDATE sessions SET expires_at = 0 WHERE remember_me",
    "UPDATE sessions SET expires_at = 9223372036854775807 WHERE remember_me",
    "UPDATE sessions SET created_at = X'FF' WHERE remember_me",
    "UPDATE sessions SET ip_address = 'next door' WHERE remember_me",
    "UPDATE sessions SET user_agent = X'FFFE' WHERE remember_me",
    "UPDATE sessions SET token_digest = X'00' WHERE remember_me",
    "UPDATE sessions SET token_digest = X'' WHERE remember_me",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_162_a_corrupt_session_signs_nobody_in_and_takes_nobody_down() {
    for &statement in CORRUPT_SESSIONS {
        let broken = people().await;

        broken.breaks(statement).await;

        let Broken { ada, phone, .. } = &broken;
        let refused = ada.whoami().await;
        assert_eq!(refused.status, 401, "{statement}: {}", refused.text);
        assert_eq!(refused.set_cookies().len(), 0, "{statement}");
        assert_eq!(ada.get("/auth/verify").await.status, 401, "{statement}");
        assert_eq!(ada.get("/login").await.status, 200, "{statement}");
        assert!(phone.is_signed_in().await, "{statement}");
        // One that only its token cannot open any more is listed, and can be ended.
        let listed = phone.sessions().await.len();
        assert_eq!(listed, 1 + usize::from(statement.contains("token_digest")), "{statement}");
        broken.others_go_on(statement).await;
        assert_eq!(ada.whoami().await.status, 401, "{statement}");
        let again = ada.try_to_sign_in("ada@example.org", PASSWORD, false).await;
        assert_eq!(again.status, 200, "{statement}: {}", again.text);
        assert!(ada.is_signed_in().await, "{statement}");
        assert_eq!(ada.delete("/api/sessions").await.status, 200, "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_162_corrupt_data_is_a_failure_and_the_session_goes_on() {
    for statement in [
        "UPDATE sessions SET visitor_data = X'7B' WHERE remember_me",
        "UPDATE sessions SET visitor_data = X'FFFE' WHERE remember_me",
        "UPDATE sessions SET visitor_data = X'5B5D' WHERE remember_me",
        "UPDATE sessions SET visitor_data = 7 WHERE remember_me",
        "UPDATE sessions SET visitor_version = 'two' WHERE remember_me",
    ] {
        let broken = people().await;

        broken.breaks(statement).await;

        let ada = &broken.ada;
        assert!(ada.is_signed_in().await, "{statement}");
        for answer in [
            ada.get("/api/session/data").await,
            ada.patch("/api/session/data", json!({ "cart": 2 })).await,
        ] {
            assert_eq!(answer.status, 503, "{statement}: {}", answer.text);
            assert_eq!(answer.code(), "unavailable");
        }
        broken.others_go_on(statement).await;
        let token = ada.token();
        assert_eq!(ada.delete("/api/session").await.status, 204, "{statement}");
        ada.hold(&token);
        assert_eq!(ada.why_not().await, "signed_out", "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_162_an_end_that_cannot_be_read_is_an_end() {
    for statement in [
        "UPDATE ended_sessions SET reason = 'a word of another release'",
        "UPDATE ended_sessions SET reason = X'FF'",
        "UPDATE ended_sessions SET ended_at = 'yesterday'",
        "UPDATE ended_sessions SET ended_at = -1",
        "UPDATE ended_sessions SET session_id = X'01'",
        "UPDATE ended_sessions SET anonymous = 'perhaps'",
    ] {
        let broken = people().await;
        let ada = &broken.ada;
        let token = ada.token();
        assert_eq!(ada.delete("/api/session").await.status, 204);
        ada.hold(&token);

        broken.breaks(statement).await;

        let refused = ada.whoami().await;
        assert_eq!(refused.status, 401, "{statement}: {}", refused.text);
        assert_eq!(ada.get("/login").await.status, 200, "{statement}");
        broken.others_go_on(statement).await;
        let again = ada.try_to_sign_in("ada@example.org", PASSWORD, false).await;
        assert_eq!(again.status, 200, "{statement}: {}", again.text);
    }
}

/// Of the account of ada.
const CORRUPT_ACCOUNTS: &[&str] = &[
    "UPDATE users SET role = 'root' WHERE email = 'ada@example.org'",
    "UPDATE users SET role = 'ADMIN' WHERE email = 'ada@example.org'",
    "UPDATE users SET status = 'frozen' WHERE email = 'ada@example.org'",
    "UPDATE users SET status = '' WHERE email = 'ada@example.org'",
    "UPDATE users SET name = X'FF' WHERE email = 'ada@example.org'",
    "UPDATE users SET group_names = 'dev,admin' WHERE email = 'ada@example.org'",
    "UPDATE users SET group_names = 'dev, ops' WHERE email = 'ada@example.org'",
    "UPDATE users SET created_at = 'then' WHERE email = 'ada@example.org'",
    "UPDATE user_epochs SET epoch = 'first' WHERE user_id = \
     (SELECT user_id FROM users WHERE email = 'ada@example.org')",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_162_a_corrupt_account_is_a_failure_of_nobody_elses() {
    for &statement in CORRUPT_ACCOUNTS {
        let broken = people().await;

        broken.breaks(statement).await;

        let Broken { app, ada, root, .. } = &broken;
        for answer in [
            ada.whoami().await,
            ada.get("/api/admin/users").await,
            app.browser().try_to_sign_in("ada@example.org", PASSWORD, false).await,
        ] {
            assert_eq!(answer.status, 503, "{statement}: {}", answer.text);
            assert_eq!(answer.set_cookies().len(), 0, "{statement}");
        }
        let listed = root.get("/api/admin/users").await;
        assert_eq!(listed.status, 200, "{statement}: {}", listed.text);
        assert_eq!(listed.json()["users"].as_array().unwrap().len(), 2, "{statement}");
        broken.others_go_on(statement).await;
    }
}

const CORRUPT_HASHES: &[&str] = &[
    "",
    "x",
    "$",
    "plain text",
    "$2b$12$KIXQhq2kHhq8hJ3mCkJ0kOe1tq1i0m0m0m0m0m0m0m0m0m0m0m0m0",
    "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyMTI",
    "$argon2id$v=16$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyMTI",
    "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFy",
    "$argon2id$v=19$m=19456,t=4294967295,p=1$c29tZXNhbHRzb21lc2FsdA$Zm9vYmFyZm9vYmFyZm9vYmFyZm9v",
    "$argon2id$v=19$m=8,t=1,p=1$$",
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$",
    "$argon2id$v=19$m=0,t=0,p=0$c29tZXNhbHRzb21lc2FsdA$Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyMTI",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hash_8_attack_103_a_corrupt_hash_is_a_failed_sign_in() {
    let broken = people().await;
    let Broken { app, database, ada, bob, .. } = &broken;
    for hash in CORRUPT_HASHES {
        sqlx::query("UPDATE users SET password_hash = $1 WHERE email = 'ada@example.org'")
            .bind(hash)
            .execute(database)
            .await
            .unwrap();

        for password in [PASSWORD, "", *hash] {
            let visitor = app.browser();
            let refused = visitor.try_to_sign_in("ada@example.org", password, false).await;
            assert_eq!(refused.refusal(), (401, "invalid_credentials".to_owned()), "{hash}");
        }
        assert!(ada.is_signed_in().await, "{hash}");
        assert_eq!(ada.reauthenticate(PASSWORD).await.status, 403, "{hash}");
        assert_eq!(ada.change_password(PASSWORD, OTHER_PASSWORD).await.status, 403, "{hash}");
        assert!(bob.is_signed_in().await, "{hash}");
        assert!(app.signed_in("bob@example.org").await.is_signed_in().await, "{hash}");
    }
}

#[tokio::test]
async fn attack_162_what_is_corrupt_is_an_error_in_the_log() {
    let server = Server::start();
    let ada = Client::of(&server);
    ada.sign_up("ada@example.org").await;
    let database = database(&server.place.path().join("anteroom.db")).await;

    database.execute("UPDATE users SET password_hash = 'nonsense'").await.unwrap();
    tokio::time::sleep(LEASE_WAIT).await;
    for email in ["ada@example.org", "nobody@example.org"] {
        assert_eq!(Client::of(&server).sign_in(email, client::PASSWORD).await, 401, "{email}");
    }
    let told = |words: &str| {
        let log = server.stderr();
        let line = log.lines().find(|line| line.contains("ERROR") && line.contains(words));
        assert!(line.is_some(), "{words}: {log}");
    };
    told("a stored password hash cannot be read");
    let log = server.stderr();
    assert_eq!(log.matches("ERROR").count(), 1, "{log}");
    assert!(!log.contains("nonsense"), "{log}");
    database.execute("UPDATE sessions SET visitor_data = X'7B'").await.unwrap();
    tokio::time::sleep(LEASE_WAIT).await;
    assert_eq!(ada.get("/api/session/data").await.status(), 503);
    told("the data of a session");
    database.execute("UPDATE users SET role = 'root'").await.unwrap();
    tokio::time::sleep(LEASE_WAIT).await;
    assert_eq!(ada.get("/api/session").await.status(), 503);
    told("a role");
    database.execute("UPDATE sessions SET timeout_rule = 99").await.unwrap();
    tokio::time::sleep(LEASE_WAIT).await;
    assert!(!ada.is_signed_in().await);
    told("the timeout rule of a session");
}

/// Overwrites the page where a table begins.
async fn break_the_page_of(place: &Place, table: &str) {
    let path = place.path().join("anteroom.db");
    let database = database(&path).await;
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    let page = sqlx::query("SELECT rootpage FROM sqlite_schema WHERE name = $1").bind(table);
    let page: i64 = page.fetch_one(&database).await.unwrap().get(0);
    let size = database.fetch_one("PRAGMA page_size").await.unwrap();
    let size: i64 = size.get(0);
    database.close().await;
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(u64::try_from((page - 1) * size).unwrap())).unwrap();
    file.write_all(&vec![0xFF; usize::try_from(size).unwrap()]).unwrap();
}

#[tokio::test]
async fn err_3_a_corrupt_page_is_a_failure_and_never_an_absence() {
    for (table, signed_in) in [("sessions", 503), ("users", 503), ("user_epochs", 503)] {
        let server = Server::start();
        let ada = Client::of(&server);
        ada.sign_up("ada@example.org").await;
        let place = server.stop();
        break_the_page_of(&place, table).await;

        let server = place.serve(&[]);

        let ada = ada.at(&server);
        assert_eq!(ada.session().await.0, signed_in, "{table}");
        assert_eq!(ada.get("/account").await.status(), 503, "{table}");
        let out = ada.request(Method::DELETE, "/api/session").send().await.unwrap();
        assert_eq!(out.status(), 503, "{table}");
        assert!(!out.headers().contains_key("set-cookie"), "{table}");
        let visitor = Client::of(&server);
        assert_eq!(visitor.sign_in("ada@example.org", client::PASSWORD).await, 503, "{table}");
        assert_eq!(visitor.get("/login").await.status(), 200, "{table}");
        assert_eq!(visitor.get("/healthz").await.status(), 200, "{table}");
        assert!(server.stderr().contains("malformed"), "{table}: {}", server.stderr());
    }
}
