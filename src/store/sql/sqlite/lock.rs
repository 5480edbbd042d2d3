//! The locks beside a database file: of the server that has it, and of whoever migrates it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::super::OpenError;

/// Makes the file readable and writable by its owner alone. One that exists is left as it is.
pub(super) fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

/// Waits for its turn among processes that would migrate the same file, until it is dropped.
pub(super) async fn alone(path: &Path) -> io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push("-migration-lock");
    let waiting = tokio::task::spawn_blocking(move || {
        let path = PathBuf::from(name);
        create_private(&path)?;
        let file = OpenOptions::new().write(true).open(&path)?;
        file.lock()?;
        Ok(file)
    });
    waiting.await.map_err(io::Error::other)?
}

/// Holds a lock beside the database, never on it: closing a second handle of the database file
/// itself would drop the locks that `SQLite` has on it.
pub(super) fn lock_for_server(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push("-lock");
    let lock = PathBuf::from(name);
    let failed = |source| OpenError::File { path: lock.display().to_string(), source };
    create_private(&lock).map_err(failed)?;
    let file = OpenOptions::new().write(true).open(&lock).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.display().to_string() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
