//! Identifies a database file by device and inode, because one file may have several names.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf, absolute};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

#[cfg(test)]
mod tests;

/// The suffix of the lock file of the server that uses a database.
pub(super) const SERVER_LOCK: &str = "-lock";
/// The limit of Linux for symbolic links.
const MAX_LINKS: u32 = 40;
/// The first bytes of every `SQLite` database.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId(u64, u64);

impl FileId {
    pub(super) fn of(file: &Metadata) -> Self {
        Self(file.dev(), file.ino())
    }

    fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).map(|file| Self::of(&file)).ok()
    }
}

/// The absolute path without symbolic links. The file may be missing, but not its folder.
pub(super) fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut path = absolute(path)?;
    for _ in 0..MAX_LINKS {
        match fs::canonicalize(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            resolved => return resolved,
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let folder = fs::canonicalize(folder)?;
        match fs::read_link(&path) {
            Ok(target) => path = folder.join(target),
            Err(_) => return Ok(folder.join(name)),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// The files of an open database, as they were when it was opened.
///
/// `SQLite` keeps using a file that was moved or replaced, and does not see writes to the new one.
#[derive(Clone, Debug)]
pub(super) struct SameFiles(Arc<[(PathBuf, Option<FileId>); 3]>);

/// A file was moved or replaced while it was open.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} was moved, replaced or removed while it was open: put it back, or restart the server",
    .0.display()
)]
pub(super) struct Replaced(PathBuf);

impl SameFiles {
    /// The database by its given name, and the `-wal` and `-shm` files beside the real file.
    pub(super) fn of(given: &Path, real: &Path) -> io::Result<Self> {
        let beside = [absolute(given)?, beside(real, "-wal"), beside(real, "-shm")];
        Ok(Self(Arc::new(beside.map(|path| {
            let known = FileId::at(&path);
            (path, known)
        }))))
    }

    /// Whether these are still the files by these names.
    pub(super) fn check(&self) -> Result<(), Replaced> {
        match self.0.iter().find(|(path, known)| FileId::at(path) != *known) {
            Some((path, _)) => Err(Replaced(path.clone())),
            None => Ok(()),
        }
    }
}

/// The name of a file beside the database.
pub(super) fn beside(real: &Path, ending: &str) -> PathBuf {
    let mut name = real.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The content of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Nothing,
    Database,
    SomethingElse,
}

/// Our own handle of a database file, besides those of `SQLite`.
///
/// Closing any handle of a file drops the POSIX locks of `SQLite` on it in the same process. So
/// there is one handle for each file, and it lives as long as a connection.
#[derive(Debug)]
pub(super) struct Handle {
    id: FileId,
    file: File,
    /// The name by which a server in this process uses the file.
    served_as: Mutex<Option<PathBuf>>,
}

static HANDLES: Mutex<Vec<Weak<Handle>>> = Mutex::new(Vec::new());

impl Handle {
    /// Opens a regular file for reading and writing.
    pub(super) fn open(real: &Path) -> io::Result<Arc<Self>> {
        let mut handles = HANDLES.lock().unwrap_or_else(PoisonError::into_inner);
        handles.retain(|handle| handle.strong_count() > 0);
        let found = fs::metadata(real)?;
        // Opening another kind of file may block or have side effects.
        if !found.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let id = FileId::of(&found);
        if let Some(known) = handles.iter().filter_map(Weak::upgrade).find(|open| open.id == id) {
            return Ok(known);
        }
        let file = OpenOptions::new().read(true).write(true).open(real)?;
        let id = FileId::of(&file.metadata()?);
        let handle = Arc::new(Self { id, file, served_as: Mutex::default() });
        handles.push(Arc::downgrade(&handle));
        Ok(handle)
    }

    pub(super) fn content(&self) -> io::Result<Content> {
        let mut start = [0; MAGIC.len()];
        let read = self.file.read_at(&mut start, 0)?;
        Ok(match read {
            0 => Content::Nothing,
            _ if start == *MAGIC => Content::Database,
            _ => Content::SomethingElse,
        })
    }

    pub(super) fn has_hard_links(&self) -> bool {
        self.file.metadata().is_ok_and(|file| file.nlink() > 1)
    }

    /// Locks the file for a server. The lock is the same for every name of the file.
    pub(super) fn serve(&self, real: &Path) -> Result<(), TryLockError> {
        let mut served_as = self.served_as();
        if served_as.is_some() {
            return Err(TryLockError::WouldBlock);
        }
        if LOCKS_ARE_APART {
            self.file.try_lock()?;
        }
        *served_as = Some(real.to_owned());
        Ok(())
    }

    /// Releases the lock.
    pub(super) fn release(&self) {
        let mut served_as = self.served_as();
        if served_as.take().is_some() && LOCKS_ARE_APART {
            // Closing the file releases it as well.
            let _ = self.file.unlock();
        }
    }

    /// Whether a server uses the file by another name.
    pub(super) fn has_another_name(&self, real: &Path) -> bool {
        let served_as = self.served_as();
        if let Some(name) = &*served_as {
            return name != real;
        }
        if !LOCKS_ARE_APART || !is_locked(&self.file) {
            return false;
        }
        // A server locks the file beside the database first.
        !File::open(beside(real, SERVER_LOCK)).is_ok_and(|lock| is_locked(&lock))
    }

    fn served_as(&self) -> MutexGuard<'_, Option<PathBuf>> {
        self.served_as.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// On Linux, flock locks are independent of the POSIX locks of `SQLite` on the same file.
const LOCKS_ARE_APART: bool = cfg!(target_os = "linux");

fn is_locked(file: &File) -> bool {
    match file.try_lock_shared() {
        Ok(()) => {
            let _ = file.unlock();
            false
        }
        Err(error) => matches!(error, TryLockError::WouldBlock),
    }
}
