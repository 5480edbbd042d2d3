//! Fresh, empty stores of every kind.

use std::sync::Arc;

use anteroom::sessions::SessionStore;
use anteroom::store::{FollowingStore, MemoryOptions, MemoryStore, SessionsIn, SqlDatabase};
use tempfile::TempDir;

/// A store, and the folder that goes with it.
pub struct Fresh {
    pub name: &'static str,
    pub store: Arc<dyn SessionStore>,
    _folder: Option<TempDir>,
}

pub fn memory() -> Fresh {
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    Fresh { name: "memory", store, _folder: None }
}

pub async fn sqlite() -> Fresh {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("anteroom.db");
    let store = SqlDatabase::open(&path, SessionsIn::ThisDatabase).await.unwrap();
    Fresh { name: "sqlite", store: Arc::new(store), _folder: Some(folder) }
}

/// Memory as a server has it, following the orders of its accounts database.
pub async fn following() -> Fresh {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("anteroom.db");
    let database = SqlDatabase::open_for_server(&path, SessionsIn::ServerMemory).await.unwrap();
    let memory = MemoryStore::new(MemoryOptions::default());
    let store = FollowingStore::start(memory, database).await.unwrap();
    Fresh { name: "following", store: Arc::new(store), _folder: Some(folder) }
}

/// One of each. The first is what the others are compared with.
pub async fn every() -> Vec<Fresh> {
    vec![memory(), sqlite().await, following().await]
}
