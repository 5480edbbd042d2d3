//! Lock files beside a database: of the server that uses it, and of migrations.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::identity::{FileId, Handle, SERVER_LOCK, beside};
use crate::store::sql::OpenError;

/// The suffix of the lock file of migrations.
const MIGRATION_LOCK: &str = "-migration-lock";

/// Retries, because a command holds the lock briefly while it checks for a server.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(10);

/// Creates the file with mode 0600, unless it exists. Returns whether it was created.
pub(super) fn create_private(path: &Path) -> io::Result<bool> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        other => other.map(|_| true),
    }
}

/// A file that is locked until this is dropped.
#[derive(Debug)]
pub(super) struct LockFile {
    path: PathBuf,
    file: File,
    is_new: bool,
}

impl LockFile {
    /// Creates the file as needed and locks it.
    fn take(
        path: PathBuf,
        lock: impl Fn(&File) -> Result<(), TryLockError>,
    ) -> Result<Self, TryLockError> {
        loop {
            let is_new = create_private(&path).map_err(TryLockError::Error)?;
            let file = OpenOptions::new().write(true).open(&path).map_err(TryLockError::Error)?;
            lock(&file)?;
            let locked = file.metadata().map_err(TryLockError::Error)?;
            // The previous holder may have removed the file.
            if fs::metadata(&path).is_ok_and(|now| FileId::of(&now) == FileId::of(&locked)) {
                return Ok(Self { path, file, is_new });
            }
        }
    }

    /// Unlocks it, and removes it if it is new.
    pub(super) fn undo(self) {
        if self.is_new {
            let _ = fs::remove_file(&self.path);
        }
        drop(self.file);
    }
}

/// Waits for other migrations of the same file.
pub(super) async fn lock_for_migration(real: &Path) -> io::Result<LockFile> {
    let path = beside(real, MIGRATION_LOCK);
    let lock = |file: &File| file.lock().map_err(TryLockError::Error);
    let waiting = tokio::task::spawn_blocking(move || LockFile::take(path, lock));
    waiting.await.map_err(io::Error::other)?.map_err(io::Error::from)
}

/// The locks of the server that uses a file: the lock file beside it, and a lock on the file
/// itself. The second is the same for every name of the file.
#[derive(Debug)]
pub(super) struct ServerLock {
    handle: Arc<Handle>,
    beside: Option<LockFile>,
}

impl ServerLock {
    /// Locks the file; fails if another server uses it.
    pub(super) async fn take(handle: &Arc<Handle>, real: &Path) -> Result<Self, OpenError> {
        let path = beside(real, SERVER_LOCK);
        for attempt in 1.. {
            match Self::try_to_take(handle, real, path.clone()) {
                Err(TryLockError::WouldBlock) if attempt < TRIES => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(TryLockError::WouldBlock) => break,
                Err(TryLockError::Error(source)) => {
                    return Err(OpenError::File { path: path.display().to_string(), source });
                }
                Ok(lock) => return Ok(lock),
            }
        }
        Err(OpenError::InUse { path: real.display().to_string() })
    }

    fn try_to_take(handle: &Arc<Handle>, real: &Path, path: PathBuf) -> Result<Self, TryLockError> {
        let beside = LockFile::take(path, File::try_lock)?;
        if let Err(error) = handle.serve(real) {
            beside.undo();
            return Err(error);
        }
        Ok(Self { handle: Arc::clone(handle), beside: Some(beside) })
    }

    /// Unlocks the file, and removes the lock file if it is new.
    pub(super) fn undo(mut self) {
        self.handle.release();
        if let Some(beside) = self.beside.take() {
            beside.undo();
        }
    }
}

impl Drop for ServerLock {
    fn drop(&mut self) {
        // In the order on which commands rely: the file itself is never locked alone.
        if self.beside.is_some() {
            self.handle.release();
        }
    }
}
