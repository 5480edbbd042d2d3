//! The open file: a pool with the write connection, and one with the read connections.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteSynchronous;
use sqlx::{ConnectOptions as _, Connection as _, Sqlite, SqlitePool, Transaction};

use super::disk_space::takes_writes;
use super::identity::SameFiles;
use super::lock::ServerLock;
use super::open::{DatabaseFile, OpenDatabase, plain};
use crate::failure::StoreError;
use crate::store::sql::OpenError;
use crate::store::sql::database::IfAbsent;
use crate::store::sql::engine::{Finish, SqlRow, Statement, failed};

/// The open file. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::store::sql) struct SqliteFile {
    /// The only connection that writes.
    writer: SqlitePool,
    /// How many write connections were opened.
    writers: Arc<AtomicU64>,
    readers: SqlitePool,
    /// Held by a server until the file is closed.
    server_lock: Arc<Mutex<Option<ServerLock>>>,
    /// Without symbolic links.
    path: PathBuf,
    files: SameFiles,
}

/// A transaction of the write connection.
pub(in crate::store::sql) struct SqliteTransaction(Transaction<'static, Sqlite>);

impl SqliteFile {
    /// Opens the file for a server: creates it (mode 0600) and migrates it as needed. Refuses a
    /// file that another server uses, by any name.
    pub(in crate::store::sql) async fn open_for_server(path: &Path) -> Result<Self, OpenError> {
        let file = DatabaseFile::at(path, IfAbsent::Make)?;
        let lock = file.lock().await?;
        match Self::opened(file).await {
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

    /// Opens the file for a command, while a server may be running.
    pub(in crate::store::sql) async fn open(
        path: &Path,
        if_absent: IfAbsent,
    ) -> Result<Self, OpenError> {
        let file = DatabaseFile::at(path, if_absent)?;
        file.refuse_other_names()?;
        Self::opened(file).await
    }

    async fn opened(file: DatabaseFile) -> Result<Self, OpenError> {
        let path = file.real.clone();
        let OpenDatabase { writer, writers, readers, files } = file.open().await?;
        Ok(Self { writer, writers, readers, server_lock: Arc::default(), path, files })
    }

    /// The path.
    pub(in crate::store::sql) fn path(&self) -> &Path {
        &self.path
    }

    /// Fails if other processes would open another file by the same name.
    fn check_files(&self) -> Result<(), StoreError> {
        self.files.check().map_err(StoreError::backend)
    }

    pub(in crate::store::sql) async fn rows(
        &self,
        statement: Statement,
    ) -> Result<Vec<SqlRow>, StoreError> {
        self.check_files()?;
        let rows = statement.sqlite().fetch_all(&self.readers).await.map_err(failed)?;
        Ok(rows.into_iter().map(SqlRow::Sqlite).collect())
    }

    pub(in crate::store::sql) async fn row(
        &self,
        statement: Statement,
    ) -> Result<Option<SqlRow>, StoreError> {
        self.check_files()?;
        let row = statement.sqlite().fetch_optional(&self.readers).await.map_err(failed)?;
        Ok(row.map(SqlRow::Sqlite))
    }

    pub(in crate::store::sql) async fn execute(
        &self,
        statement: Statement,
    ) -> Result<u64, StoreError> {
        if statement.preceding().is_empty() {
            self.check_files()?;
            let done = statement.sqlite().execute(&self.writer).await.map_err(failed)?;
            return Ok(done.rows_affected());
        }
        let mut tx = self.begin().await?;
        let changed = tx.execute(statement).await?;
        tx.finish(Ok(Finish::Commit(changed))).await
    }

    /// Begins a transaction that holds the write lock from its start, so that rows cannot change
    /// between reading and writing.
    pub(in crate::store::sql) async fn begin(&self) -> Result<SqliteTransaction, StoreError> {
        const BEGIN: &str = "BEGIN IMMEDIATE";
        self.check_files()?;
        let begun = match self.writer.begin_with(BEGIN).await {
            Err(sqlx::Error::InvalidSavePointStatement | sqlx::Error::BeginFailed) => {
                // On a full disk SQLite rolls back by itself, but the driver believes the
                // connection to be in a transaction still: replace it.
                self.writer.acquire().await.map_err(failed)?.close().await.map_err(failed)?;
                self.writer.begin_with(BEGIN).await
            }
            begun => begun,
        };
        begun.map(SqliteTransaction).map_err(failed)
    }

    /// The write connection and its number, which changes when it is replaced.
    pub(super) async fn writer(&self) -> Result<(u64, PoolConnection<Sqlite>), StoreError> {
        self.check_files()?;
        let writer = self.writer.acquire().await.map_err(failed)?;
        Ok((self.writers.load(Ordering::SeqCst), writer))
    }

    /// Commits a dummy write on a separate connection, as another process would.
    pub(super) async fn write_as_other_process(&self) -> Result<(), StoreError> {
        // Its durability does not matter.
        let options = plain(&self.path).synchronous(SqliteSynchronous::Off);
        let mut other = options.connect().await.map_err(failed)?;
        // SQLite does not write unchanged pages, so the value alternates.
        let upsert = sqlx::query(
            "INSERT INTO facts (name, value) VALUES ('canary', 'even') \
             ON CONFLICT (name) DO UPDATE \
             SET value = CASE facts.value WHEN 'even' THEN 'odd' ELSE 'even' END",
        );
        upsert.execute(&mut other).await.map_err(failed)?;
        other.close().await.map_err(failed)
    }

    /// Closes the file after running operations.
    pub(in crate::store::sql) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        // Explicitly, because a task that is ending may still hold a clone.
        drop(self.server_lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Checks that it is still the same file, that the pools answer, and that the disk accepts
    /// writes.
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

impl SqliteTransaction {
    pub(in crate::store::sql) async fn rows(
        &mut self,
        statement: Statement,
    ) -> Result<Vec<SqlRow>, StoreError> {
        let rows = statement.sqlite().fetch_all(&mut *self.0).await.map_err(failed)?;
        Ok(rows.into_iter().map(SqlRow::Sqlite).collect())
    }

    pub(in crate::store::sql) async fn row(
        &mut self,
        statement: Statement,
    ) -> Result<Option<SqlRow>, StoreError> {
        let row = statement.sqlite().fetch_optional(&mut *self.0).await.map_err(failed)?;
        Ok(row.map(SqlRow::Sqlite))
    }

    pub(in crate::store::sql) async fn execute(
        &mut self,
        statement: Statement,
    ) -> Result<u64, StoreError> {
        for before in statement.preceding() {
            before.execute(&mut *self.0).await.map_err(failed)?;
        }
        let done = statement.sqlite().execute(&mut *self.0).await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    /// Ends the transaction.
    pub(in crate::store::sql) async fn finish<T, E: From<StoreError>>(
        self,
        done: Result<Finish<T>, E>,
    ) -> Result<T, E> {
        // On an error, dropping the transaction rolls it back.
        match done? {
            Finish::Commit(answer) => self.0.commit().await.map(|()| answer),
            Finish::RollBack(answer) => self.0.rollback().await.map(|()| answer),
        }
        .map_err(|error| failed(error).into())
    }
}
