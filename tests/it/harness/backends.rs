//! Fresh, empty stores of every kind.

use std::sync::Arc;

use anteroom::sessions::SessionStore;
use anteroom::store::{
    FollowingStore, MemoryOptions, MemoryStore, RedisSessions, SessionLocation, SqlDatabase,
};
use tempfile::TempDir;

use super::app::migrated_file;
use super::postgres::Database;
use super::redis::shared_database;

/// A store, and what goes when it does.
pub struct Fresh {
    pub name: &'static str,
    pub store: Arc<dyn SessionStore>,
    _place: Place,
}

enum Place {
    /// Gone by itself.
    Process,
    File {
        _folder: TempDir,
    },
    Server {
        _database: Database,
    },
}

pub fn memory() -> Fresh {
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    Fresh { name: "memory", store, _place: Place::Process }
}

pub async fn sqlite() -> Fresh {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("anteroom.db");
    std::fs::write(&path, migrated_file().await).unwrap();
    let store = SqlDatabase::open(&path, SessionLocation::ThisDatabase).await.unwrap();
    Fresh { name: "sqlite", store: Arc::new(store), _place: Place::File { _folder: folder } }
}

/// Memory as a server has it, following the orders of its accounts database.
pub async fn following() -> Fresh {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("anteroom.db");
    std::fs::write(&path, migrated_file().await).unwrap();
    let database =
        SqlDatabase::open_for_server(&path, SessionLocation::ServerMemory).await.unwrap();
    let memory = MemoryStore::new(MemoryOptions::default());
    let store = FollowingStore::start(memory, database).await.unwrap();
    Fresh { name: "following", store: Arc::new(store), _place: Place::File { _folder: folder } }
}

/// `None`: there is no `PostgreSQL` here.
pub async fn postgres() -> Option<Fresh> {
    Some(in_postgres(Database::fresh().await?).await)
}

/// As [`postgres`], where no transaction of another test is open.
pub async fn postgres_apart() -> Option<Fresh> {
    Some(in_postgres(Database::apart().await?).await)
}

async fn in_postgres(database: Database) -> Fresh {
    let store = SqlDatabase::open(&*database.url, SessionLocation::ThisDatabase).await.unwrap();
    let place = Place::Server { _database: database };
    Fresh { name: "postgres", store: Arc::new(store), _place: place }
}

/// Memory that follows the orders in a `PostgreSQL`, if there is one here.
pub async fn following_postgres() -> Option<Fresh> {
    let database = Database::apart().await?;
    let orders = SqlDatabase::open_for_server(&*database.url, SessionLocation::ServerMemory).await;
    let memory = MemoryStore::new(MemoryOptions::default());
    let store = FollowingStore::start(memory, orders.unwrap()).await.unwrap();
    let place = Place::Server { _database: database };
    Some(Fresh { name: "following postgres", store: Arc::new(store), _place: place })
}

/// A database of the shared server; `None` where the machine has no Redis.
pub async fn redis() -> Option<Fresh> {
    let url = shared_database("holding Redis to the promises of the session store").await?;
    Some(redis_at(&url).await)
}

/// The sessions of this address.
pub async fn redis_at(url: &str) -> Fresh {
    let store = Arc::new(RedisSessions::open(&url.into()).await.unwrap());
    Fresh { name: "redis", store, _place: Place::Process }
}

/// One of each that there is here. The first is what the others are compared with.
pub async fn every() -> Vec<Fresh> {
    let mut every = vec![memory(), sqlite().await, following().await];
    every.extend(postgres().await);
    every.extend(redis().await);
    every
}
