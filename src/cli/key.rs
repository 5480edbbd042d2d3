//! `anteroom key …`: creates the key file, and rotates its key.

use super::Failure;
use super::arguments::KeyCommand;
use super::tables::print;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::sealing::SealError;
use crate::store::{Rotated, SessionLocation, SqlDatabase};

pub(super) async fn run(command: KeyCommand, config: &Config) -> Result<(), Failure> {
    let at = config.storage.database.clone();
    let database = SqlDatabase::open_existing(at, SessionLocation::ThisDatabase).await?;
    let database = database.with_key_file(&config.storage.key_file, Entropy::operating_system());
    let outcome = match command {
        KeyCommand::Create => create(&database).await,
        KeyCommand::Rotate { prepare: true } => prepare(&database).await,
        KeyCommand::Rotate { prepare: false } => rotate(&database).await,
    };
    database.close().await;
    Ok(print(&outcome?)?)
}

async fn create(database: &SqlDatabase) -> Result<String, Failure> {
    let path = database.key_file().path().display().to_string();
    if database.key_file().exists() {
        return Err(SealError::Exists { path }.into());
    }
    database.check_key(true).await.map_err(plain)?;
    Ok(format!(
        "created the key file {path}: copy it to every server, keep a copy of it, and restart them"
    ))
}

async fn prepare(database: &SqlDatabase) -> Result<String, Failure> {
    database.prepare_rotation().await.map_err(plain)?;
    let path = database.key_file().path().display();
    Ok(format!(
        "{path} has the new key and the present one: copy it to every server, then run \
         `anteroom key rotate`"
    ))
}

async fn rotate(database: &SqlDatabase) -> Result<String, Failure> {
    let Rotated { values, resumed } = database.rotate_key().await.map_err(plain)?;
    let path = database.key_file().path().display();
    let done = if resumed { "finished the interrupted rotation" } else { "rotated the key" };
    Ok(format!(
        "{done}: {values} values encrypted again; {path} has the new key only: copy it to every \
         server, and keep a copy of it"
    ))
}

/// An error of the key file says what to do by itself.
fn plain(error: crate::StoreError) -> Failure {
    match error {
        crate::StoreError::Backend(cause) => cause,
        error => error.into(),
    }
}
