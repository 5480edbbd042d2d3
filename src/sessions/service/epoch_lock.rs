//! Who waits for whom within this server: a session that is to outlive a change of its user is
//! looked at and taken along while nothing else ends or rotates single sessions.

use std::time::Duration;

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::time::timeout;

use crate::failure::StoreError;

/// How long anybody waits for a turn: as long as for a connection to the database. Whoever has one
/// may be waiting for a store that is silent.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Default)]
pub(in crate::sessions) struct EpochLock(RwLock<()>);

/// Others had their turns for too long.
#[derive(Debug, thiserror::Error)]
#[error("waited {} s for other changes of sessions", PATIENCE.as_secs())]
struct NoTurn;

impl EpochLock {
    pub(in crate::sessions) async fn shared(&self) -> Result<RwLockReadGuard<'_, ()>, StoreError> {
        timeout(PATIENCE, self.0.read()).await.map_err(|_| StoreError::backend(NoTurn))
    }

    pub(in crate::sessions) async fn alone(&self) -> Result<RwLockWriteGuard<'_, ()>, StoreError> {
        timeout(PATIENCE, self.0.write()).await.map_err(|_| StoreError::backend(NoTurn))
    }
}
