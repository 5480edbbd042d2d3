//! What is kept, and for how long.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anteroom::store::SqlDatabase;
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use crate::harness::app::{DAY, Kind, OTHER_PASSWORD, PASSWORD, TestApp, on_each_store};

on_each_store!(ops_9_rows_do_not_pile_up);

async fn opened(app: &TestApp) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(&app.database);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// How many rows each table has, but for the audit trail, which is there to grow.
async fn rows(app: &TestApp) -> BTreeMap<String, i64> {
    let mut connection = opened(app).await;
    let tables = sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table'");
    let tables = tables.fetch_all(&mut connection).await.unwrap();
    let mut counts = BTreeMap::new();
    let tables = tables.iter().map(|row| row.get::<String, _>(0));
    for table in tables.filter(|table| table != "audit_events") {
        let count = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let row = sqlx::query(count).fetch_one(&mut connection).await.unwrap();
        counts.insert(table, row.get(0));
    }
    counts
}

/// A bit of everything that leaves a row behind.
async fn live_a_while(app: &TestApp) {
    let (laptop, phone) = (app.signed_in("ada@example.org").await, app.browser());
    phone.try_to_sign_in("ada@example.org", PASSWORD, true).await;
    phone.try_to_sign_in("ada@example.org", "wrong", false).await;
    laptop.reauthenticate(PASSWORD).await;
    laptop.change_password(PASSWORD, OTHER_PASSWORD).await;
    laptop.change_password(OTHER_PASSWORD, PASSWORD).await;
    laptop.delete("/api/sessions").await;
    for _ in 0..5 {
        app.browser().patch("/api/session/data", json!({ "a": 1 })).await;
    }
    let brief = app.browser();
    assert_eq!(brief.sign_up("brief@example.org", PASSWORD).await.status, 201);
    assert_eq!(brief.delete("/api/account").await.status, 204);
    laptop.delete("/api/session").await;
    app.signed_in("ada@example.org").await;
}

async fn ops_9_rows_do_not_pile_up(kind: Kind) {
    let app = TestApp::start(kind).await;
    let database = SqlDatabase::open(&app.database, kind.sessions_in()).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        live_a_while(&app).await;
        app.pass(40 * DAY).await;
        while !app.anteroom.sessions().sweep(100).await.unwrap() {}
        database.sweep_records(app.anteroom.sessions().now()).await.unwrap();
        assert!(app.live_sessions().await.is_empty());
        seen.push(rows(&app).await);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[1], seen[2]);
    for (table, expected) in
        [("users", 1), ("user_epochs", 1), ("sessions", 0), ("ended_sessions", 0)]
    {
        assert_eq!(seen[2][table], expected, "{table}");
    }
    assert!(seen[2]["session_orders"] <= 1, "{seen:?}");
    assert!(seen[2].len() >= 7, "these are not all the tables: {seen:?}");
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ops_5_a_database_that_another_holds_is_waited_for_and_not_for_ever() {
    let app = TestApp::start(Kind::Database).await;
    let ada = app.signed_in("ada@example.org").await;
    let mut other = opened(&app).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();

    let begun = Instant::now();
    let browsers: Vec<_> = (0..8).map(|_| app.browser()).collect();
    let all = browsers.iter().map(|b| b.try_to_sign_in("ada@example.org", PASSWORD, false));
    let (answers, looking) = tokio::join!(futures_util::future::join_all(all), ada.whoami());

    assert_eq!(looking.status, 200, "reading waits for nobody");
    for answer in answers {
        assert_eq!(answer.refusal(), (503, "unavailable".to_owned()));
        assert!(!answer.header("retry-after").is_empty());
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(app.browser().try_to_sign_in("ada@example.org", PASSWORD, false).await.status, 200);
}
