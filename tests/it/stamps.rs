//! What somebody else writes into the database counts as soon as every lease from before has run
//! out, and what this server writes at the very next request, however fresh what was read before.

use anteroom::accounts::Role;
use anteroom::sessions::cache::LEASE_WAIT;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};

use crate::harness::app::{Kind, TestApp, on_each_store};

on_each_store!(
    another_program_is_believed_once_the_lease_has_run_out,
    what_was_read_before_a_change_is_never_shown_after_it,
);

/// A connection as any other program has it.
async fn stranger(app: &TestApp) -> SqliteConnection {
    SqliteConnectOptions::new().filename(&app.database).connect().await.unwrap()
}

async fn another_program_is_believed_once_the_lease_has_run_out(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let mut stranger = stranger(&app).await;

    for round in 0..20 {
        assert!(browser.is_signed_in().await);
        let name = format!("Ada {round}");
        sqlx::query("UPDATE users SET name = $1").bind(&name).execute(&mut stranger).await.unwrap();
        tokio::time::sleep(LEASE_WAIT).await;
        assert_eq!(browser.whoami().await.json()["user"]["name"], name);
        if round % 5 == 0 {
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut stranger).await.unwrap();
        }
    }

    sqlx::query("UPDATE users SET status = 'disabled'").execute(&mut stranger).await.unwrap();
    tokio::time::sleep(LEASE_WAIT).await;
    assert_eq!(browser.why_not().await, "account_disabled");
}

async fn what_was_read_before_a_change_is_never_shown_after_it(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let browser = app.signed_in_as("ada@example.org", Role::User, false).await;
    let id = browser.user_id().await;

    for round in 0..50 {
        // Others read all the while, and what they read is remembered too.
        let reading = async {
            for _ in 0..3 {
                assert!(browser.is_signed_in().await);
            }
        };
        let name = format!("Ada {round}");
        let body = serde_json::json!({ "name": name });
        let path = format!("/api/admin/users/{id}");
        let (changed, ()) = tokio::join!(root.patch(&path, body), reading);
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert_eq!(browser.whoami().await.json()["user"]["name"], name);
    }
}
