//! `anteroom migrate`: the tables brought up to this release, and nothing else.

use super::Failure;
use super::tables::print;
use crate::config::Config;
use crate::store::{SessionsIn, SqlDatabase};

pub(super) async fn migrate(config: &Config) -> Result<(), Failure> {
    let at = config.keeping.database.clone();
    SqlDatabase::open(at, SessionsIn::ThisDatabase).await?.close().await;
    Ok(print("the database is that of this release")?)
}
