//! `anteroom migrate`: migrates the database to this release.

use super::Failure;
use super::tables::print;
use crate::config::Config;
use crate::store::{SessionLocation, SqlDatabase};

pub(super) async fn migrate(config: &Config) -> Result<(), Failure> {
    let at = config.storage.database.clone();
    SqlDatabase::open(at, SessionLocation::ThisDatabase).await?.close().await;
    Ok(print("the database is up to date")?)
}
