//! Checks without writing whether the disk accepts another write.

use std::io;
use std::path::Path;

use rustix::fs::{Access, access, statvfs};

/// A sign-in writes some pages to the write-ahead log.
const MIN_FREE_BYTES: u64 = 64 * 1024;

/// # Errors
/// The file is not writable, or its file system is read-only or full.
pub(super) fn takes_writes(path: &Path) -> io::Result<()> {
    access(path, Access::WRITE_OK)?;
    let disk = statvfs(path)?;
    if disk.f_bavail.saturating_mul(disk.f_frsize) < MIN_FREE_BYTES {
        return Err(io::Error::new(io::ErrorKind::StorageFull, "the disk is full"));
    }
    Ok(())
}
