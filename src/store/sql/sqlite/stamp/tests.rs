//! Every commit of anybody makes another stamp, and nothing else does.

use std::collections::HashSet;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};
use tempfile::TempDir;

use super::super::super::{SessionsIn, SqlDatabase};

async fn opened() -> (TempDir, SqlDatabase, SqliteConnection) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("anteroom.db");
    let database = SqlDatabase::open_for_server(&path, SessionsIn::ServerMemory).await.unwrap();
    let other = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    (folder, database, other)
}

async fn write(other: &mut SqliteConnection, value: usize) {
    sqlx::query("INSERT INTO facts (name, value) VALUES ($1, 'x')")
        .bind(value.to_string())
        .execute(other)
        .await
        .unwrap();
}

#[tokio::test]
async fn every_commit_of_anybody_makes_a_stamp_that_never_was() {
    let (_folder, database, mut other) = opened().await;
    let mut seen = HashSet::from([database.stamp().unwrap().0]);

    for value in 0..300 {
        write(&mut other, value).await;
        assert!(seen.insert(database.stamp().unwrap().0), "commit {value} left no trace");
        if value % 50 == 0 {
            // The log begins anew, and its file is as long as it was before.
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut other).await.unwrap();
            seen.insert(database.stamp().unwrap().0);
        }
    }
}

#[tokio::test]
async fn reading_makes_no_other_stamp() {
    let (_folder, database, mut other) = opened().await;
    let stamp = database.stamp();

    for _ in 0..10 {
        sqlx::query("SELECT * FROM facts").fetch_all(&mut other).await.unwrap();
        database.newest_order().await.unwrap();
    }

    assert!(stamp.is_some());
    assert_eq!(database.stamp(), stamp);
}

#[tokio::test]
async fn an_index_that_is_gone_makes_no_stamp() {
    let (folder, database, _other) = opened().await;
    assert!(database.stamp().is_some());

    std::fs::remove_file(folder.path().join("anteroom.db-shm")).unwrap();

    assert_eq!(database.stamp(), None, "it would be the same for ever");
}

#[tokio::test]
async fn a_command_takes_no_stamps() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("anteroom.db");
    let database = SqlDatabase::open(&path, SessionsIn::ServerMemory).await.unwrap();

    assert_eq!(database.stamp(), None);
}
