//! Which database it is.

use std::path::{Path, PathBuf};

/// Where a database is. A text or a path is a file of `SQLite`.
#[derive(Clone, Debug)]
pub enum DatabaseAt {
    /// A file of `SQLite`, made as needed; relative to the working directory.
    Sqlite(PathBuf),
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

impl From<&str> for DatabaseAt {
    fn from(text: &str) -> Self {
        Self::Sqlite(text.into())
    }
}

impl From<String> for DatabaseAt {
    fn from(text: String) -> Self {
        Self::Sqlite(text.into())
    }
}
