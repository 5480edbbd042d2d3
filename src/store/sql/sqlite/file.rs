//! The open file: one pool that writes, and one that reads.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteSynchronous;
use sqlx::{ConnectOptions as _, Connection as _, Sqlite, SqlitePool, Transaction};

use super::disk_space::takes_writes;
use super::identity::SameFiles;
use super::lock::ServerLock;
use super::open::{Found, Opened, plain};
use crate::failure::StoreError;
use crate::store::sql::OpenError;
use crate::store::sql::database::IfAbsent;
use crate::store::sql::engine::{Done, Row, Statement, failed};

/// The open file. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::store::sql) struct SqliteFile {
    /// The only connection that writes.
    writer: SqlitePool,
    /// How many connections the writer has had.
    writers: Arc<AtomicU64>,
    readers: SqlitePool,
    /// Of a server, until it is closed.
    server_lock: Arc<Mutex<Option<ServerLock>>>,
    /// Without symbolic links.
    path: PathBuf,
    files: SameFiles,
}

/// A transaction of the one connection that writes.
pub(in crate::store::sql) struct Write(Transaction<'static, Sqlite>);

impl SqliteFile {
    /// Opens the file for a server: makes it (mode 0600) and migrates it as needed, and refuses
    /// when another server has it, by whatever name.
    pub(in crate::store::sql) async fn open_for_server(path: &Path) -> Result<Self, OpenError> {
        let found = Found::at(path, IfAbsent::Make)?;
        let lock = found.lock().await?;
        match Self::opened(found).await {
            Ok(mut file) => {
                file.server_lock = Arc::new(Mutex::new(Some(lock)));
                Ok(file)
            }
            Err(error) => {
                lock.undo();
                Err(error)
            }
        }
    }

    /// Opens the file for a command, beside a server that may be running.
    pub(in crate::store::sql) async fn open(
        path: &Path,
        if_absent: IfAbsent,
    ) -> Result<Self, OpenError> {
        let found = Found::at(path, if_absent)?;
        found.refuse_other_names()?;
        Self::opened(found).await
    }

    async fn opened(found: Found) -> Result<Self, OpenError> {
        let path = found.real.clone();
        let Opened { writer, writers, readers, files } = found.open().await?;
        Ok(Self { writer, writers, readers, server_lock: Arc::default(), path, files })
    }

    /// Where it is.
    pub(in crate::store::sql) fn path(&self) -> &Path {
        &self.path
    }

    /// Fails where other processes would find another file by the same name.
    fn check_files(&self) -> Result<(), StoreError> {
        self.files.check().map_err(StoreError::backend)
    }

    pub(in crate::store::sql) async fn rows(
        &self,
        statement: Statement,
    ) -> Result<Vec<Row>, StoreError> {
        self.check_files()?;
        let rows = statement.sqlite().fetch_all(&self.readers).await.map_err(failed)?;
        Ok(rows.into_iter().map(Row::Sqlite).collect())
    }

    pub(in crate::store::sql) async fn row(
        &self,
        statement: Statement,
    ) -> Result<Option<Row>, StoreError> {
        self.check_files()?;
        let row = statement.sqlite().fetch_optional(&self.readers).await.map_err(failed)?;
        Ok(row.map(Row::Sqlite))
    }

    pub(in crate::store::sql) async fn execute(
        &self,
        statement: Statement,
    ) -> Result<u64, StoreError> {
        if statement.before().is_empty() {
            self.check_files()?;
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
        self.check_files()?;
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
        self.check_files()?;
        let writer = self.writer.acquire().await.map_err(failed)?;
        Ok((self.writers.load(Ordering::SeqCst), writer))
    }

    /// Commits something of no importance by a connection of its own, as a command would.
    pub(super) async fn write_beside(&self) -> Result<(), StoreError> {
        // Nothing depends on it, so it need not be on the disk.
        let options = plain(&self.path).synchronous(SqliteSynchronous::Off);
        let mut beside = options.connect().await.map_err(failed)?;
        // SQLite writes no page that stays as it is, so the value has to be another each time.
        let write = sqlx::query(
            "INSERT INTO facts (name, value) VALUES ('canary', 'even') \
             ON CONFLICT (name) DO UPDATE \
             SET value = CASE facts.value WHEN 'even' THEN 'odd' ELSE 'even' END",
        );
        write.execute(&mut beside).await.map_err(failed)?;
        beside.close().await.map_err(failed)
    }

    /// Closes the file once what is under way is done.
    pub(in crate::store::sql) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        // Not with the last clone: a task that is about to end may still hold one.
        drop(self.server_lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Whether it is still the same file, all of its connections answer, and it takes writes.
    pub(in crate::store::sql) async fn answers(&self) -> Result<(), StoreError> {
        self.check_files()?;
        takes_writes(&self.path).map_err(StoreError::backend)?;
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
