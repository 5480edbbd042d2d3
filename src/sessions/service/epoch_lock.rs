//! The lock between a change that keeps a session and the requests that end or rotate sessions.
//!
//! Ends, starts and rotations share it. A change that keeps a session holds it exclusively, from
//! the look at the session to the change itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedRwLockWriteGuard, RwLock, RwLockReadGuard};
use tokio::time::timeout;

use crate::failure::StoreError;

/// The longest wait for the lock, as long as for a database connection. Its holder may be waiting
/// for a store that does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Default)]
pub(in crate::sessions) struct EpochLock(Arc<RwLock<()>>);

/// The lock was held for longer than [`PATIENCE`].
#[derive(Debug, thiserror::Error)]
#[error("waited {} s for other changes of sessions", PATIENCE.as_secs())]
struct LockTimeout;

impl EpochLock {
    pub(in crate::sessions) async fn shared(&self) -> Result<RwLockReadGuard<'_, ()>, StoreError> {
        timeout(PATIENCE, self.0.read()).await.map_err(|_| StoreError::backend(LockTimeout))
    }

    pub(in crate::sessions) async fn exclusive(
        &self,
    ) -> Result<OwnedRwLockWriteGuard<()>, StoreError> {
        let lock = Arc::clone(&self.0).write_owned();
        timeout(PATIENCE, lock).await.map_err(|_| StoreError::backend(LockTimeout))
    }
}
