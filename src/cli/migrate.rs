//! `anteroom migrate`: the tables brought up to this release, and nothing else.

use super::Failure;
use super::administration::database_at;
use super::tables::print;
use crate::config::Config;
use crate::store::{SessionLocation, SqlDatabase};

pub(super) async fn migrate(config: &Config) -> Result<(), Failure> {
    let at = database_at(&config.keeping.database);
    SqlDatabase::open(at, SessionLocation::ThisDatabase).await?.close().await;
    Ok(print("the database is that of this release")?)
}
