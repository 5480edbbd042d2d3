//! The location of a database: a `SQLite` file or a `PostgreSQL` URL.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

/// The location of a database.
#[derive(Clone, Debug)]
pub enum DatabaseAt {
    /// A `SQLite` file, created as needed; relative to the working directory.
    Sqlite(PathBuf),
    /// The URL of a `PostgreSQL` database with the password, see docs/deploy/postgresql.md.
    Postgres(SecretString),
}

impl From<PathBuf> for DatabaseAt {
    fn from(path: PathBuf) -> Self {
        Self::Sqlite(path)
    }
}

impl From<&Path> for DatabaseAt {
    fn from(path: &Path) -> Self {
        Self::Sqlite(path.to_owned())
    }
}

impl From<&PathBuf> for DatabaseAt {
    fn from(path: &PathBuf) -> Self {
        Self::Sqlite(path.clone())
    }
}

/// A URL with the scheme `postgres:` or `postgresql:`, or a path, optionally after `sqlite:`.
impl From<&str> for DatabaseAt {
    fn from(text: &str) -> Self {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Self::Postgres(text.into())
        } else {
            Self::Sqlite(text.strip_prefix("sqlite:").unwrap_or(text).into())
        }
    }
}

/// As for `&str`.
impl From<String> for DatabaseAt {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}
