//! Which database it is.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

/// Where a database is.
#[derive(Clone, Debug)]
pub enum DatabaseAt {
    /// A file of `SQLite`, made as needed; relative to the working directory.
    Sqlite(PathBuf),
    /// A server of `PostgreSQL`, by its URL with the password, as docs/postgresql.md has it.
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

/// A URL that begins with `postgres://` or `postgresql://`, or else a path, which may follow
/// `sqlite:`.
impl From<&str> for DatabaseAt {
    fn from(text: &str) -> Self {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Self::Postgres(text.into())
        } else {
            Self::Sqlite(text.strip_prefix("sqlite:").unwrap_or(text).into())
        }
    }
}

/// As of a `&str`.
impl From<String> for DatabaseAt {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}
