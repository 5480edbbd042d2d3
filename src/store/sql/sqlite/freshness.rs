//! Invalidations from `SQLite`: detects writes by other processes.
//!
//! This server invalidates its own cache for its own changes. `PRAGMA data_version` changes on a
//! connection when another connection commits. On the only write connection of this server it
//! therefore reports other processes alone, such as the command line. A subscription first tests
//! that with a commit of another connection. Every probe also checks that the file is still the one
//! that other processes open.

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::file::SqliteFile;
use crate::failure::StoreError;
use crate::sessions::cache::{Change, Freshness, NotFresh, Subscription};
use crate::store::sql::engine::failed;

/// The data version of a write connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    connection: u64,
    data: i64,
}

struct DataVersionSubscription {
    file: SqliteFile,
    known: Version,
}

#[async_trait]
impl Freshness for SqliteFile {
    fn name(&self) -> &'static str {
        "SQLite"
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, NotFresh> {
        let before = version(self).await?;
        self.write_as_other_process().await?;
        let known = version(self).await?;
        if known.connection != before.connection || known.data == before.data {
            return Err(NotFresh::Mute(
                "PRAGMA data_version does not report writes of other connections; keep the \
                 database on a local file system",
            ));
        }
        Ok(Box::new(DataVersionSubscription { file: self.clone(), known }))
    }
}

#[async_trait]
impl Subscription for DataVersionSubscription {
    /// The file sends no notifications.
    async fn changed(&mut self) -> Result<Change, StoreError> {
        std::future::pending().await
    }

    async fn probe(&mut self) -> Result<Vec<Change>, StoreError> {
        let version = version(&self.file).await?;
        let others_wrote = version != self.known;
        self.known = version;
        Ok(if others_wrote { vec![Change::Everything] } else { Vec::new() })
    }
}

/// Waits for a running transaction, because there is one write connection.
async fn version(file: &SqliteFile) -> Result<Version, StoreError> {
    let (connection, mut writer) = file.writer().await?;
    let asked: &mut SqliteConnection = &mut writer;
    let data = sqlx::query_scalar("PRAGMA data_version").fetch_one(asked).await.map_err(failed)?;
    Ok(Version { connection, data })
}
