use std::error::Error as _;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{Place, Rotated, SealedColumn, seal, sealed_column};
use crate::entropy::Entropy;
use crate::failure::StoreError;
use crate::sealing::{PREFIX_BYTES, SealError};
use crate::store::sql::engine::{Finish, in_transaction, statement};
use crate::store::{SessionLocation, SqlDatabase};
use secrecy::ExposeSecret as _;

const COLUMNS: &[SealedColumn] = &[sealed_column!("vault", "vault_id", "treasure", "treasure")];

async fn open(folder: &TempDir) -> SqlDatabase {
    let at = folder.path().join("anteroom.db");
    let database = SqlDatabase::open(at, SessionLocation::ThisDatabase).await.unwrap();
    let database = database.with_key_file(Path::new("anteroom.key"), Entropy::operating_system());
    let table = "CREATE TABLE IF NOT EXISTS vault (vault_id BYTEA PRIMARY KEY, treasure BYTEA)";
    database.engine.execute(statement(table)).await.unwrap();
    database
}

fn place(id: &[u8]) -> Place<'_> {
    Place { purpose: "treasure", row: id }
}

async fn put(database: &SqlDatabase, id: &[u8], value: &[u8]) -> Result<(), StoreError> {
    in_transaction!(database.engine, tx => {
        let sealed = seal(tx, &database.sealing, place(id), value).await?;
        let row = statement("INSERT INTO vault (vault_id, treasure) VALUES ($1, $2)");
        tx.execute(row.bind(id.to_vec()).bind(sealed)).await?;
        Ok(Finish::Commit(()))
    })
}

/// Every value, and how many keys they have.
async fn opened(database: &SqlDatabase) -> (Vec<Vec<u8>>, usize) {
    let rows = statement("SELECT vault_id, treasure FROM vault ORDER BY vault_id");
    let (mut values, mut keys) = (Vec::new(), Vec::new());
    for row in database.engine.rows(rows).await.unwrap() {
        let (id, sealed): (Vec<u8>, Vec<u8>) = (row.get(0).unwrap(), row.get(1).unwrap());
        let value = database.sealing.open(place(&id), &sealed).unwrap();
        values.push(value.expose_secret().to_vec());
        keys.push(sealed[..PREFIX_BYTES].to_vec());
    }
    keys.sort();
    keys.dedup();
    (values, keys.len())
}

/// The error of the key file.
fn cause(error: &StoreError) -> &SealError {
    error.source().and_then(|cause| cause.downcast_ref()).unwrap()
}

#[tokio::test]
async fn a_rotation_encrypts_every_row_again_while_a_server_goes_on() {
    let folder = TempDir::new().unwrap();
    let server = open(&folder).await;
    assert!(server.check_key_of(COLUMNS, true).await.unwrap());
    for id in 0..=250_u8 {
        put(&server, &[id], b"velvet otter").await.unwrap();
    }
    let before = fs::read_to_string(folder.path().join("anteroom.key")).unwrap();
    let command = open(&folder).await;

    let rotated = command.rotate_columns(COLUMNS).await.unwrap();

    assert_eq!(rotated, Rotated { values: 251, resumed: false });
    let after = fs::read_to_string(folder.path().join("anteroom.key")).unwrap();
    assert!(before != after && after.lines().count() == 1);
    // The server knows the earlier key only.
    put(&server, &[251], b"velvet otter").await.unwrap();
    assert_eq!(opened(&server).await, (vec![b"velvet otter".to_vec(); 252], 1));
    // Started again.
    let server = open(&folder).await;
    assert!(server.check_key_of(COLUMNS, false).await.unwrap());
    assert_eq!(opened(&server).await.0.len(), 252);
}

#[tokio::test]
async fn a_rotation_that_was_interrupted_goes_on_and_loses_nothing() {
    // After each step that it takes: the file, the name of the key, and a part of the rows.
    for steps in 0..3 {
        let folder = TempDir::new().unwrap();
        let database = open(&folder).await;
        database.check_key_of(COLUMNS, true).await.unwrap();
        for id in 0..150_u8 {
            put(&database, &[id], &[id]).await.unwrap();
        }
        let old = database.sealing.read().unwrap()[0];
        let new = database.sealing.prepend_new(old).unwrap();
        if steps > 0 {
            let name = statement("UPDATE facts SET value = $1 WHERE name = 'sealing_key'");
            database.engine.execute(name.bind(new.to_string())).await.unwrap();
        }
        if steps > 1 {
            let some = database.seal_again(&database.sealing, &COLUMNS[0], new).await.unwrap();
            assert_eq!(some, 100);
        }

        // A server that starts meanwhile has both keys.
        let server = open(&folder).await;
        assert!(server.check_key_of(COLUMNS, false).await.unwrap());
        assert_eq!(opened(&server).await.0.len(), 150);
        let rotated = open(&folder).await.rotate_columns(COLUMNS).await.unwrap();

        assert_eq!(rotated.resumed, steps > 0);
        assert_eq!(rotated.values, if steps > 1 { 50 } else { 150 });
        let (values, keys) = opened(&server).await;
        assert_eq!((values, keys), ((0..150).map(|id| vec![id]).collect(), 1));
        assert_eq!(database.sealing.read().unwrap(), [new]);
    }
}

#[tokio::test]
async fn a_lost_or_wrong_key_is_noticed_before_anything_is_encrypted() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("anteroom.key");
    let database = open(&folder).await;
    database.check_key_of(COLUMNS, true).await.unwrap();
    let key = fs::read(&path).unwrap();

    // Nothing is encrypted yet: another key is as good.
    fs::remove_file(&path).unwrap();
    assert!(!open(&folder).await.check_key_of(COLUMNS, false).await.unwrap());
    assert!(open(&folder).await.check_key_of(COLUMNS, true).await.unwrap());
    let second = fs::read(&path).unwrap();
    assert_ne!(second, key);
    put(&open(&folder).await, b"1", b"velvet otter").await.unwrap();

    fs::write(&path, &key).unwrap();
    let wrong = open(&folder).await.check_key_of(COLUMNS, true).await.unwrap_err();
    assert!(matches!(cause(&wrong), SealError::WrongKey { .. }), "{wrong:?}");
    let rotation = open(&folder).await.rotate_columns(COLUMNS).await.unwrap_err();
    assert!(matches!(cause(&rotation), SealError::WrongKey { .. }), "{rotation:?}");
    let late = put(&open(&folder).await, b"2", b"").await.unwrap_err();
    assert!(matches!(cause(&late), SealError::WrongKey { .. }), "{late:?}");
    assert_eq!(fs::read(&path).unwrap(), key, "a wrong file was changed");

    fs::remove_file(&path).unwrap();
    let lost = open(&folder).await.check_key_of(COLUMNS, true).await.unwrap_err();
    assert!(matches!(cause(&lost), SealError::Lost { .. }), "{lost:?}");
    assert!(!path.exists(), "a new key was made");

    fs::write(&path, &second).unwrap();
    assert!(open(&folder).await.check_key_of(COLUMNS, false).await.unwrap());
}

#[tokio::test]
async fn without_a_key_file_nothing_is_sealed() {
    let folder = TempDir::new().unwrap();
    let database = open(&folder).await;
    let refused = put(&database, b"1", b"velvet otter").await.unwrap_err();
    assert!(matches!(cause(&refused), SealError::NoFile { .. }), "{refused:?}");
    // One that is added later is used without a restart.
    database.sealing.create().unwrap();
    put(&database, b"1", b"velvet otter").await.unwrap();
    assert!(database.check_key_of(COLUMNS, false).await.unwrap());
}
