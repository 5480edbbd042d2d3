//! Why a database cannot be used, in words that say what to do.

use std::error::Error;
use std::io;

use sqlx::migrate::MigrateError;

use super::postgres::may_pass;

/// Follows the name of a database in which nobody has made anything.
pub(super) const NO_TABLES: &str = " (it has no tables of Anteroom)";

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server has it.
    #[error(
        "another Anteroom server already uses {path}: stop it first, or give this one another \
         ANTEROOM_DATABASE"
    )]
    InUse {
        /// The database.
        path: String,
    },
    /// Nobody has made it, and this command may not.
    #[error("no database at {place}; set ANTEROOM_DATABASE or run this where the server runs")]
    Absent {
        /// The path, or host, port and name.
        place: String,
    },
    /// A server has the file by another name. Two names have two logs, and what is written by one
    /// of them does not count by the other.
    #[error(
        "a server uses {path} by another name (a hard link, or a bind mount of the file): set \
         ANTEROOM_DATABASE to the path that the server uses"
    )]
    OtherName {
        /// The name that was given.
        path: String,
    },
    /// The file cannot be made or opened.
    #[error(
        "cannot open {path}: {source}; check the path and its permissions, or set ANTEROOM_DATABASE"
    )]
    File {
        /// The database, or the lock beside it.
        path: String,
        /// What the system says.
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
        /// What the driver says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The URL is wrong.
    #[error("the URL of the database cannot be used: {what}; check ANTEROOM_DATABASE")]
    Address {
        /// What is wrong with it, without the URL.
        what: String,
    },
    /// The server is not there, or does not let us in.
    #[error(
        "cannot reach the database at {place}: {source}; check that it runs and lets this user \
         in, or set ANTEROOM_DATABASE"
    )]
    Unreachable {
        /// Host, port and name.
        place: String,
        /// What the driver says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server is there, and of no use.
    #[error("the database at {place} cannot be used: {why}")]
    Unsuitable {
        /// Host, port and name.
        place: String,
        /// Why, and what to do.
        why: &'static str,
    },
    /// The tables are of an earlier release, and this role may not change them.
    #[error(
        "the tables at {place} are not those of this release, and this role may not change them: \
         run `anteroom migrate` as their owner"
    )]
    NeedsMigration {
        /// Host, port and name.
        place: String,
    },
    /// A migration failed; the database is as it was before it.
    #[error("cannot migrate {path}: {source}")]
    Migration {
        /// The database.
        path: String,
        /// What failed.
        source: MigrateError,
    },
}

impl OpenError {
    /// Whether the same start may succeed in a while: the database server is not there yet, or is
    /// not ready.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            // The socket of a server that does not run yet is a missing file too.
            Self::Unreachable { place, source } => place.starts_with('/') || may_pass(&**source),
            Self::Database { source, .. } => may_pass(&**source),
            _ => false,
        }
    }
}
