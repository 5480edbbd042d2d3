//! Whether anybody has written since: this server, a command beside it, or any other program.
//!
//! In WAL mode every commit, of whatever process, changes the header of the WAL index (the file
//! `…-shm`, <https://www.sqlite.org/walformat.html>) before it is acknowledged; it counts commits.
//! A reader of `SQLite` finds out by the same bytes whether its snapshot is still the newest. So
//! what was read after a stamp was taken is still true as long as the stamp is the same, and that
//! costs one read of 48 bytes from memory instead of a statement.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::accounts::{Account, UserId};

#[cfg(test)]
mod tests;

/// Of the first of the two copies, which is written last.
const HEADER_LENGTH: usize = 48;

/// How many accounts are remembered at most; beyond that all are forgotten.
const MOST_ACCOUNTS: usize = 20_000;

/// The state of the database, as far as it can be told from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Stamp([u8; HEADER_LENGTH]);

/// The index file, once it is open.
///
/// `SQLite` has locks on it, and closing any handle of it would drop them. So each pool holds a
/// clone of this as long as it has connections.
#[derive(Clone, Debug, Default)]
pub(super) struct WalIndex(Arc<OnceLock<File>>);

impl WalIndex {
    /// Opens the index of this database, which some connection has made. Without it there are no
    /// stamps, and everything is asked each time.
    pub(super) fn open(&self, database: &Path) {
        let mut name = database.as_os_str().to_owned();
        name.push("-shm");
        match File::open(&name) {
            Ok(file) => drop(self.0.set(file)),
            Err(error) => {
                tracing::warn!(%error, "the index of the database cannot be read: requests take longer");
            }
        }
    }

    /// The stamp of now; `None` where there is none. An index that was deleted, as the last
    /// connection that closes does, tells of no commits any more.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        let (file, mut header) = (self.0.get()?, [0; HEADER_LENGTH]);
        if file.metadata().ok()?.nlink() == 0 {
            return None;
        }
        file.read_exact_at(&mut header, 0).ok()?;
        Some(Stamp(header))
    }
}

/// Accounts that were read, for as long as nobody writes. Absence is not remembered.
#[derive(Debug, Default)]
pub(in crate::store::sql) struct RememberedAccounts(
    Mutex<Option<(Stamp, HashMap<UserId, Account>)>>,
);

impl RememberedAccounts {
    /// What was read under this very stamp.
    pub(in crate::store::sql) fn find(&self, stamp: Option<Stamp>, id: UserId) -> Option<Account> {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, accounts) = remembered.as_ref()?;
        (Some(*of) == stamp).then(|| accounts.get(&id).cloned())?
    }

    /// Remembers what was read **after** this stamp was taken.
    pub(in crate::store::sql) fn remember(&self, stamp: Option<Stamp>, account: &Account) {
        let Some(stamp) = stamp else { return };
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, accounts) = remembered.get_or_insert_with(|| (stamp, HashMap::new()));
        if *of != stamp || accounts.len() >= MOST_ACCOUNTS {
            (*of, *accounts) = (stamp, HashMap::new());
        }
        accounts.insert(account.user.id, account.clone());
    }
}
