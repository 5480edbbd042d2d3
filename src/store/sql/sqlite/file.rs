//! Opening the file, and the two pools on it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};

use super::super::OpenError;
use super::super::database::MIGRATIONS;
use super::super::engine::{Done, Row, Statement, failed};
use super::append_only::forbid_changes;
use super::lock::{alone, create_private, lock_for_server};
use super::stamp::{Stamp, WalIndex};
use crate::failure::StoreError;

/// How long a statement waits for another process that writes the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a request waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
const READERS: u32 = 4;

/// The open file. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::store::sql) struct SqliteFile {
    /// The only connection that writes.
    writer: SqlitePool,
    /// How many connections the writer has had.
    writers: Arc<AtomicU64>,
    readers: SqlitePool,
    wal_index: WalIndex,
    /// Of a server, until it is closed.
    server_lock: Arc<Mutex<Option<File>>>,
    path: PathBuf,
    /// Which file it was when it was opened.
    file: Option<(u64, u64)>,
}

/// A transaction of the one connection that writes.
pub(in crate::store::sql) struct Write(Transaction<'static, Sqlite>);

impl SqliteFile {
    /// Opens the file for a server: makes it (mode 0600) and migrates it as needed, and refuses
    /// when another server has it. [`SqliteFile::count_commits`] makes it tell of commits.
    pub(in crate::store::sql) async fn open_for_server(path: &Path) -> Result<Self, OpenError> {
        let lock = lock_for_server(path)?;
        let mut file = Self::open(path).await?;
        file.server_lock = Arc::new(Mutex::new(Some(lock)));
        Ok(file)
    }

    /// Opens the file for a command, beside a server that may be running.
    pub(in crate::store::sql) async fn open(path: &Path) -> Result<Self, OpenError> {
        let name = || path.display().to_string();
        create_private(path).map_err(|source| OpenError::File { path: name(), source })?;
        let failed =
            |source: sqlx::Error| OpenError::Database { path: name(), source: source.into() };

        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged revoke must survive a power cut, which NORMAL does not promise.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let wal_index = WalIndex::default();
        let pool = |made: Arc<AtomicU64>| {
            let held = wal_index.clone();
            SqlitePoolOptions::new()
                .after_connect(move |_, _| {
                    let _ = &held;
                    made.fetch_add(1, Ordering::SeqCst);
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
        let writers = Arc::<AtomicU64>::default();
        let writer = pool(Arc::clone(&writers))
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
        let readers = pool(Arc::default())
            .min_connections(READERS)
            .max_connections(READERS)
            .connect_with(options.read_only(true))
            .await
            .map_err(failed)?;
        let file = std::fs::metadata(path).map(|file| identity(&file)).ok();
        let (path, server_lock) = (path.to_owned(), Arc::default());
        Ok(Self { writer, writers, readers, wal_index, server_lock, path, file })
    }

    /// From now on there are stamps.
    pub(in crate::store::sql) fn count_commits(&self) {
        self.wal_index.open(&self.path);
    }

    /// Tells whether anybody has committed since; `None` where that cannot be told.
    pub(in crate::store::sql) fn stamp(&self) -> Option<Stamp> {
        self.wal_index.stamp()
    }

    pub(in crate::store::sql) async fn rows(
        &self,
        statement: Statement,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = statement.sqlite().fetch_all(&self.readers).await.map_err(failed)?;
        Ok(rows.into_iter().map(Row::Sqlite).collect())
    }

    pub(in crate::store::sql) async fn row(
        &self,
        statement: Statement,
    ) -> Result<Option<Row>, StoreError> {
        let row = statement.sqlite().fetch_optional(&self.readers).await.map_err(failed)?;
        Ok(row.map(Row::Sqlite))
    }

    pub(in crate::store::sql) async fn execute(
        &self,
        statement: Statement,
    ) -> Result<u64, StoreError> {
        if statement.before().is_empty() {
            let done = statement.sqlite().execute(&self.writer).await.map_err(failed)?;
            return Ok(done.rows_affected());
        }
        let mut write = self.begin().await?;
        let changed = write.execute(statement).await?;
        write.settle(Ok(Done::Commit(changed))).await
    }

    /// Begins a transaction that holds the write lock from its first statement, so that what it
    /// reads cannot change before it writes.
    pub(in crate::store::sql) async fn begin(&self) -> Result<Write, StoreError> {
        const BEGIN: &str = "BEGIN IMMEDIATE";
        let begun = match self.writer.begin_with(BEGIN).await {
            Err(sqlx::Error::InvalidSavePointStatement | sqlx::Error::BeginFailed) => {
                // After a full disk SQLite has rolled back by itself, and the driver takes the
                // connection to be within a transaction for ever: it has to go.
                self.writer.acquire().await.map_err(failed)?.close().await.map_err(failed)?;
                self.writer.begin_with(BEGIN).await
            }
            begun => begun,
        };
        begun.map(Write).map_err(failed)
    }

    /// The connection that writes, and how many there were before it and with it.
    pub(super) async fn writer(&self) -> Result<(u64, PoolConnection<Sqlite>), StoreError> {
        let writer = self.writer.acquire().await.map_err(failed)?;
        Ok((self.writers.load(Ordering::SeqCst), writer))
    }

    /// Closes the file once what is under way is done.
    pub(in crate::store::sql) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        // Not with the last clone: a task that is about to end may still hold one.
        drop(self.server_lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Whether it is still the same file, and all of its connections answer.
    pub(in crate::store::sql) async fn answers(&self) -> Result<(), StoreError> {
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
                .map_err(failed)?;
        }
        Ok(())
    }
}

impl Write {
    pub(in crate::store::sql) async fn rows(
        &mut self,
        statement: Statement,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = statement.sqlite().fetch_all(&mut *self.0).await.map_err(failed)?;
        Ok(rows.into_iter().map(Row::Sqlite).collect())
    }

    pub(in crate::store::sql) async fn row(
        &mut self,
        statement: Statement,
    ) -> Result<Option<Row>, StoreError> {
        let row = statement.sqlite().fetch_optional(&mut *self.0).await.map_err(failed)?;
        Ok(row.map(Row::Sqlite))
    }

    pub(in crate::store::sql) async fn execute(
        &mut self,
        statement: Statement,
    ) -> Result<u64, StoreError> {
        for before in statement.before() {
            before.execute(&mut *self.0).await.map_err(failed)?;
        }
        let done = statement.sqlite().execute(&mut *self.0).await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    /// Ends the transaction as its deed wants it.
    pub(in crate::store::sql) async fn settle<T, E: From<StoreError>>(
        self,
        done: Result<Done<T>, E>,
    ) -> Result<T, E> {
        // A transaction that is dropped is taken back as well.
        match done? {
            Done::Commit(answer) => self.0.commit().await.map(|()| answer),
            Done::TakeBack(answer) => self.0.rollback().await.map(|()| answer),
        }
        .map_err(|error| failed(error).into())
    }
}

/// Device and inode.
fn identity(file: &std::fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (file.dev(), file.ino())
}
