//! Errors of opening a database. Their messages say what to do.

use std::error::Error;
use std::io;

use sqlx::migrate::MigrateError;

use super::postgres::may_pass;

/// Follows the name of a database without tables.
pub(super) const NO_TABLES: &str = " (it has no tables of Anteroom)";

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server uses it.
    #[error(
        "another Anteroom server already uses {path}: stop it first, or give this one another \
         ANTEROOM_DATABASE"
    )]
    InUse {
        /// The database.
        path: String,
    },
    /// It does not exist, and this command does not create it.
    #[error("no database at {place}; set ANTEROOM_DATABASE or run this where the server runs")]
    Absent {
        /// The path, or host, port and name.
        place: String,
    },
    /// A server uses the file by another name. Each name has its own write-ahead log, so writes by
    /// one name are not visible by the other.
    #[error(
        "a server uses {path} by another name (a hard link, or a bind mount of the file): set \
         ANTEROOM_DATABASE to the path that the server uses"
    )]
    OtherName {
        /// The name that was given.
        path: String,
    },
    /// The file holds tables, and not those of Anteroom. It was not changed.
    #[error(
        "{path} is the database of another program: nothing was changed; set ANTEROOM_DATABASE to \
         a file for Anteroom alone"
    )]
    Foreign {
        /// The file.
        path: String,
    },
    /// The file cannot be created or opened.
    #[error(
        "cannot open {path}: {source}; check the path and its permissions, or set ANTEROOM_DATABASE"
    )]
    File {
        /// The database, or the lock beside it.
        path: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A newer release has migrated it.
    #[error("{path} was written by another release: run that one, or restore a backup")]
    TooNew {
        /// The database.
        path: String,
    },
    /// The driver failed.
    #[error(
        "cannot use {path} as a database: {source}; check what it is, or set ANTEROOM_DATABASE"
    )]
    Database {
        /// The database.
        path: String,
        /// The error of the driver.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The URL is wrong.
    #[error("the URL of the database cannot be used: {what}; check ANTEROOM_DATABASE")]
    Address {
        /// The fault, without the URL.
        what: String,
    },
    /// The server cannot be reached or refuses the login.
    #[error(
        "cannot reach the database at {place}: {source}; check that it runs and lets this user \
         in, or set ANTEROOM_DATABASE"
    )]
    Unreachable {
        /// Host, port and name.
        place: String,
        /// The error of the driver.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server cannot be used.
    #[error("the database at {place} cannot be used: {why}")]
    Unsuitable {
        /// Host, port and name.
        place: String,
        /// Why, and what to do.
        why: &'static str,
    },
    /// The tables are of an earlier release or lack a grant, and this role may not change them.
    #[error(
        "the tables at {place} are not those of this release or lack a grant, and this role may not \
         change them: as their owner, run `anteroom migrate` and the grants of \
         docs/deploy/postgresql.md"
    )]
    NeedsMigration {
        /// Host, port and name.
        place: String,
    },
    /// A migration failed and was rolled back.
    #[error("cannot migrate {path}: {source}")]
    Migration {
        /// The database.
        path: String,
        /// The error.
        source: MigrateError,
    },
}

impl OpenError {
    /// Whether a retry may succeed: the database server is not running or not ready yet.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            // A server that does not run yet has no socket file.
            Self::Unreachable { place, source } => place.starts_with('/') || may_pass(&**source),
            Self::Database { source, .. } => may_pass(&**source),
            _ => false,
        }
    }
}
