//! Opening the file: what has to be true of it, its locks, its tables, and the two pools on it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlitePool};

use super::append_only::forbid_changes;
use super::identity::{Content, Handle, SameFiles, resolve};
use super::lock::{ServerLock, alone, create_private};
use crate::store::sql::database::{IfAbsent, MIGRATIONS};
use crate::store::sql::{NO_TABLES, OpenError};

/// How long a statement waits for another process that writes the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a request waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
const READERS: u32 = 4;

/// A file that can be a database, before `SQLite` has it.
pub(super) struct Found {
    given: PathBuf,
    pub(super) real: PathBuf,
    handle: Arc<Handle>,
    if_absent: IfAbsent,
}

/// Everything that is open.
pub(super) struct Opened {
    pub(super) writer: SqlitePool,
    /// How many connections the writer has had.
    pub(super) writers: Arc<AtomicU64>,
    pub(super) readers: SqlitePool,
    pub(super) files: SameFiles,
}

impl Found {
    /// Looks at the file, and makes an empty one where that is wanted. Nothing else is made.
    pub(super) fn at(given: &Path, if_absent: IfAbsent) -> Result<Self, OpenError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound if if_absent == IfAbsent::Refuse => {
                OpenError::Absent { place: shown(given) }
            }
            _ => OpenError::File { path: shown(given), source },
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
                return Err(OpenError::Absent { place: shown(given) + NO_TABLES });
            }
            Content::SomethingElse => {
                return Err(failed(io::Error::other("it is not a database of SQLite")));
            }
        }
        Ok(Self { given: given.to_owned(), real, handle, if_absent })
    }

    /// Takes the file for a server.
    pub(super) async fn lock(&self) -> Result<ServerLock, OpenError> {
        let lock = ServerLock::take(&self.handle, &self.real).await?;
        if self.handle.has_hard_links() {
            tracing::warn!(
                "the database file has several names (hard links): use this one alone, because \
                 SQLite keeps what was written last beside the name"
            );
        }
        Ok(lock)
    }

    /// Refuses a file that a server has by another name: `SQLite` keeps its log beside the name.
    pub(super) fn refuse_other_names(&self) -> Result<(), OpenError> {
        if self.handle.has_another_name(&self.real) {
            return Err(OpenError::OtherName { path: shown(&self.real) });
        }
        Ok(())
    }

    /// Opens the file and brings its tables up to this release.
    pub(super) async fn open(self) -> Result<Opened, OpenError> {
        // From the first connection on: of two that make the same file a WAL one at once, `SQLite`
        // tells one that it is locked, without waiting.
        let alone = alone(&self.real)
            .await
            .map_err(|source| OpenError::File { path: shown(&self.real), source })?;
        let opened = self.open_alone().await;
        match opened {
            Ok(_) => drop(alone),
            Err(_) => alone.undo(),
        }
        opened
    }

    async fn open_alone(self) -> Result<Opened, OpenError> {
        let name = || shown(&self.real);
        let failed =
            |source: sqlx::Error| OpenError::Database { path: name(), source: source.into() };
        if self.if_absent == IfAbsent::Refuse && !self.has_tables().await.map_err(failed)? {
            return Err(OpenError::Absent { place: name() + NO_TABLES });
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
        forbid_changes(&writer).await.map_err(failed)?;
        // All at once: a file that is replaced later must not be read beside this one.
        let readers = pool(&self.handle, Arc::default())
            .min_connections(READERS)
            .max_connections(READERS)
            .connect_with(options.read_only(true))
            .await
            .map_err(failed)?;
        // By now everything is there that `SQLite` keeps beside the file.
        let files = SameFiles::of(&self.given, &self.real)
            .map_err(|source| OpenError::File { path: name(), source })?;
        Ok(Opened { writer, writers, readers, files })
    }

    /// Whether this program has made its tables in it.
    async fn has_tables(&self) -> Result<bool, sqlx::Error> {
        let mut connection = plain(&self.real).connect().await?;
        let asked = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'users')",
        );
        let has_tables = asked.fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(has_tables)
    }
}

/// A connection that changes nothing about the file by itself.
pub(super) fn plain(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT)
}

/// A pool that counts its connections, and holds the handle as long as it has any.
fn pool(handle: &Arc<Handle>, made: Arc<AtomicU64>) -> SqlitePoolOptions {
    let held = Arc::clone(handle);
    SqlitePoolOptions::new()
        .after_connect(move |_, _| {
            let _ = &held;
            made.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Ok(()) })
        })
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// The whole path, for people who may be in another folder.
fn shown(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}
