//! Opens the file: checks, locks, migrations, and the two pools.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlitePool};

use super::append_only::make_append_only;
use super::identity::{Content, Handle, SameFiles, resolve};
use super::lock::{ServerLock, create_private, lock_for_migration};
use crate::store::sql::database::IfAbsent;
use crate::store::sql::migrations::MIGRATIONS;
use crate::store::sql::{NO_TABLES, OpenError};

/// How long a statement waits for the write lock of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a request waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
const READERS: u32 = 4;

/// A file that was checked but not opened by `SQLite` yet.
pub(super) struct DatabaseFile {
    given: PathBuf,
    pub(super) real: PathBuf,
    handle: Arc<Handle>,
    if_absent: IfAbsent,
}

/// The open pools.
pub(super) struct OpenDatabase {
    pub(super) writer: SqlitePool,
    /// How many write connections were opened.
    pub(super) writers: Arc<AtomicU64>,
    pub(super) readers: SqlitePool,
    pub(super) files: SameFiles,
}

impl DatabaseFile {
    /// Checks the file, and creates an empty one if wanted.
    pub(super) fn at(given: &Path, if_absent: IfAbsent) -> Result<Self, OpenError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound if if_absent == IfAbsent::Refuse => {
                OpenError::Absent { place: absolute_path(given) }
            }
            _ => OpenError::File { path: absolute_path(given), source },
        };
        let real = resolve(given).map_err(failed)?;
        if if_absent == IfAbsent::Make {
            create_private(&real).map_err(failed)?;
        }
        let handle = Handle::open(&real).map_err(failed)?;
        match handle.content().map_err(failed)? {
            Content::Database => {}
            Content::Nothing if if_absent == IfAbsent::Make => {}
            Content::Nothing => {
                return Err(OpenError::Absent { place: absolute_path(given) + NO_TABLES });
            }
            Content::SomethingElse => {
                return Err(failed(io::Error::other("it is not a database of SQLite")));
            }
        }
        Ok(Self { given: given.to_owned(), real, handle, if_absent })
    }

    /// Locks the file for a server.
    pub(super) async fn lock(&self) -> Result<ServerLock, OpenError> {
        let lock = ServerLock::take(&self.handle, &self.real).await?;
        if self.handle.has_hard_links() {
            tracing::warn!(
                "the database file has several names (hard links); only use this one, because \
                 SQLite keeps a separate write-ahead log for each name"
            );
        }
        Ok(lock)
    }

    /// Refuses a file that a server uses by another name: each name has its own write-ahead log.
    pub(super) fn refuse_other_names(&self) -> Result<(), OpenError> {
        if self.handle.has_another_name(&self.real) {
            return Err(OpenError::OtherName { path: absolute_path(&self.real) });
        }
        Ok(())
    }

    /// Opens the file and migrates its tables.
    pub(super) async fn open(self) -> Result<OpenDatabase, OpenError> {
        // Before the first connection: if two set WAL mode at once, `SQLite` fails one with
        // SQLITE_BUSY without waiting.
        let lock = lock_for_migration(&self.real)
            .await
            .map_err(|source| OpenError::File { path: absolute_path(&self.real), source })?;
        let opened = self.open_locked().await;
        match opened {
            Ok(_) => drop(lock),
            Err(_) => lock.undo(),
        }
        opened
    }

    async fn open_locked(self) -> Result<OpenDatabase, OpenError> {
        let name = || absolute_path(&self.real);
        let failed =
            |source: sqlx::Error| OpenError::Database { path: name(), source: source.into() };
        match self.contents().await.map_err(failed)? {
            Contents::Empty | Contents::Foreign if self.if_absent == IfAbsent::Refuse => {
                return Err(OpenError::Absent { place: name() + NO_TABLES });
            }
            Contents::Foreign => return Err(OpenError::Foreign { path: name() }),
            Contents::Empty | Contents::Tables => {}
        }
        let options = plain(&self.real)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged revoke must survive a power cut, which NORMAL does not promise.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        let writers = Arc::<AtomicU64>::default();
        let writer = pool(&self.handle, Arc::clone(&writers))
            .max_connections(1)
            .connect_with(options.clone())
            .await
            .map_err(failed)?;
        MIGRATIONS.run(&writer).await.map_err(|error| match error {
            MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => {
                OpenError::TooNew { path: name() }
            }
            source => OpenError::Migration { path: name(), source },
        })?;
        make_append_only(&writer).await.map_err(failed)?;
        // All at once, so that no reader opens a file that replaces this one later.
        let readers = pool(&self.handle, Arc::default())
            .min_connections(READERS)
            .max_connections(READERS)
            .connect_with(options.read_only(true))
            .await
            .map_err(failed)?;
        // By now the `-wal` and `-shm` files exist.
        let files = SameFiles::of(&self.given, &self.real)
            .map_err(|source| OpenError::File { path: name(), source })?;
        Ok(OpenDatabase { writer, writers, readers, files })
    }

    /// Reads which tables it has, and changes nothing.
    async fn contents(&self) -> Result<Contents, sqlx::Error> {
        let mut connection = plain(&self.real).connect().await?;
        let names = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'");
        let names: Vec<String> = names.fetch_all(&mut connection).await?;
        connection.close().await?;
        let has = |name: &str| names.iter().any(|known| known == name);
        Ok(match (has("_sqlx_migrations"), has("users")) {
            (true, true) => Contents::Tables,
            // A first migration may have been interrupted before its first table.
            (true, false) if names.len() == 1 => Contents::Empty,
            _ if names.is_empty() => Contents::Empty,
            _ => Contents::Foreign,
        })
    }
}

/// The tables of a file.
enum Contents {
    Empty,
    Tables,
    Foreign,
}

/// Options that do not change the file.
pub(super) fn plain(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT)
}

/// A pool that counts its connections, and keeps the handle while it exists.
fn pool(handle: &Arc<Handle>, made: Arc<AtomicU64>) -> SqlitePoolOptions {
    let held = Arc::clone(handle);
    SqlitePoolOptions::new()
        .after_connect(move |_, _| {
            let _ = &held;
            made.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Ok(()) })
        })
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A connection within the process does not break, and a ping that is cancelled drops its
        // connection: the file would close before that connection does, and leave its log behind.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// The absolute path, for error messages.
fn absolute_path(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}
