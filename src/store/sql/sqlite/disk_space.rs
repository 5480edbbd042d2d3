//! Whether the disk would take another write, found out without writing.

use std::io;
use std::path::Path;

use rustix::fs::{Access, access, statvfs};

/// A sign-in takes some pages of the log beside the file.
const LEAST_ROOM: u64 = 64 * 1024;

/// # Errors
/// Why nothing can be written: the file may not be, its file system is mounted read-only, or it is
/// full.
pub(super) fn takes_writes(path: &Path) -> io::Result<()> {
    access(path, Access::WRITE_OK)?;
    let disk = statvfs(path)?;
    if disk.f_bavail.saturating_mul(disk.f_frsize) < LEAST_ROOM {
        return Err(io::Error::new(io::ErrorKind::StorageFull, "the disk is full"));
    }
    Ok(())
}
