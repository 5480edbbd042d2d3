//! Opening the file, and the two pools on it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row, SqlitePool};

use super::stamp::{RememberedAccounts, Stamp, WalIndex};
use crate::failure::StoreError;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// How long a statement waits for another process that writes the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a request waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
const READERS: u32 = 4;

/// Where the sessions of these accounts are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionsIn {
    /// In this database: a change of an account ends sessions in its own transaction.
    ThisDatabase,
    /// In the memory of each server, which follows the orders in this database.
    ServerMemory,
}

impl SessionsIn {
    fn as_str(self) -> &'static str {
        match self {
            Self::ThisDatabase => "database",
            Self::ServerMemory => "memory",
        }
    }
}

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
        source: sqlx::Error,
    },
    /// A migration failed; the file is as it was before it.
    #[error("cannot migrate {path}: {source}")]
    Migration {
        /// The database.
        path: String,
        /// What failed.
        source: MigrateError,
    },
}

/// The open file. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqliteDatabase {
    /// The only connection that writes.
    pub(super) writer: SqlitePool,
    pub(super) readers: SqlitePool,
    pub(super) sessions_in: SessionsIn,
    pub(super) remembered: Arc<RememberedAccounts>,
    wal_index: WalIndex,
    /// Of a server, until it is closed.
    server_lock: Arc<Mutex<Option<File>>>,
    path: PathBuf,
    /// Which file it was when it was opened.
    file: Option<(u64, u64)>,
}

impl SqliteDatabase {
    /// Opens the file for a server: makes it (mode 0600) and migrates it as needed, and refuses
    /// when another server has it.
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    pub async fn open_for_server(path: &Path, sessions_in: SessionsIn) -> Result<Self, OpenError> {
        let lock = lock_for_server(path)?;
        let mut database = Self::open(path, sessions_in).await?;
        database.server_lock = Arc::new(Mutex::new(Some(lock)));
        database
            .leave_word()
            .await
            .map_err(|source| OpenError::Database { path: path.display().to_string(), source })?;
        database.wal_index.open(path);
        Ok(database)
    }

    /// Opens the file for a command, beside a server that may be running.
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    pub async fn open(path: &Path, sessions_in: SessionsIn) -> Result<Self, OpenError> {
        let name = || path.display().to_string();
        create_private(path).map_err(|source| OpenError::File { path: name(), source })?;
        let failed = |source| OpenError::Database { path: name(), source };

        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged revoke must survive a power cut, which NORMAL does not promise.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let wal_index = WalIndex::default();
        let pool = || {
            let held = wal_index.clone();
            SqlitePoolOptions::new()
                .after_connect(move |_, _| {
                    let _ = &held;
                    Box::pin(async { Ok(()) })
                })
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        // From the first connection on: of two that make the same file a WAL one at once, `SQLite`
        // tells one that it is locked, without waiting.
        let _alone =
            alone(path).await.map_err(|source| OpenError::File { path: name(), source })?;
        let writer =
            pool().max_connections(1).connect_with(options.clone()).await.map_err(failed)?;
        MIGRATIONS.run(&writer).await.map_err(|error| match error {
            MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => {
                OpenError::TooNew { path: name() }
            }
            source => OpenError::Migration { path: name(), source },
        })?;
        super::audit::forbid_changes(&writer).await.map_err(failed)?;
        // All at once: a file that is replaced later must not be read beside this one.
        let readers = pool()
            .min_connections(READERS)
            .max_connections(READERS)
            .connect_with(options.read_only(true))
            .await
            .map_err(failed)?;
        let file = std::fs::metadata(path).map(|file| identity(&file)).ok();
        let path = path.to_owned();
        Ok(Self {
            writer,
            readers,
            sessions_in,
            remembered: Arc::default(),
            wal_index,
            server_lock: Arc::default(),
            path,
            file,
        })
    }

    /// Tells commands where this server keeps sessions, whatever their own settings say.
    async fn leave_word(&self) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO facts (name, value) VALUES ('sessions_in', $1) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(self.sessions_in.as_str())
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// The same database, for sessions where the server that was started last keeps them.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn as_the_server_has_it(mut self) -> Result<Self, StoreError> {
        let row = sqlx::query("SELECT value FROM facts WHERE name = 'sessions_in'")
            .fetch_optional(&self.readers)
            .await
            .map_err(StoreError::backend)?;
        let Some(row) = row else { return Ok(self) };
        let value: String = row.try_get(0).map_err(StoreError::backend)?;
        let places = [SessionsIn::ThisDatabase, SessionsIn::ServerMemory];
        if let Some(place) = places.into_iter().find(|place| place.as_str() == value) {
            self.sessions_in = place;
        }
        Ok(self)
    }

    /// Tells whether anybody has committed since; `None` where that cannot be told.
    pub(in crate::store) fn stamp(&self) -> Option<Stamp> {
        self.wal_index.stamp()
    }

    /// Where the sessions are.
    #[must_use]
    pub fn sessions_in(&self) -> SessionsIn {
        self.sessions_in
    }

    /// Closes the file once what is under way is done.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        // Not with the last clone: a task that is about to end may still hold one.
        drop(self.server_lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    pub(super) async fn answers(&self) -> Result<(), StoreError> {
        let file = std::fs::metadata(&self.path).map_err(StoreError::backend)?;
        if self.file.is_some_and(|opened| opened != identity(&file)) {
            return Err(StoreError::Corrupt(
                "nothing: another file has taken the place of this one",
            ));
        }
        for pool in [&self.readers, &self.writer] {
            sqlx::query("SELECT EXISTS (SELECT 1 FROM users)")
                .execute(pool)
                .await
                .map_err(StoreError::backend)?;
        }
        Ok(())
    }
}

/// Device and inode.
fn identity(file: &std::fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (file.dev(), file.ino())
}

/// Waits for its turn among processes that would migrate the same file, until it is dropped.
async fn alone(path: &Path) -> io::Result<File> {
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

/// Makes the file readable and writable by its owner alone. One that exists is left as it is.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

/// Holds a lock beside the database, never on it: closing a second handle of the database file
/// itself would drop the locks that `SQLite` has on it.
fn lock_for_server(path: &Path) -> Result<File, OpenError> {
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
