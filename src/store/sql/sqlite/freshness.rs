//! Whether another process has written the file.
//!
//! This one tells its own cache what it changes. `PRAGMA data_version` changes on a connection when
//! somebody else commits, and this server has one connection that writes, so asked there it tells
//! of other processes alone: the command line, a restored table, whoever opens the file. That is
//! tried with a commit of another connection before anything is relied on. Whether the file is
//! still the one that other processes open is looked at with every question.

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::file::SqliteFile;
use crate::failure::StoreError;
use crate::sessions::cache::{Change, Freshness, NotFresh, Subscription};
use crate::store::sql::engine::failed;

/// What the connection that writes says, and which connection that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    connection: u64,
    data: i64,
}

struct Versions {
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
        self.write_beside().await?;
        let known = version(self).await?;
        if known.connection != before.connection || known.data == before.data {
            return Err(NotFresh::Mute(
                "PRAGMA data_version does not tell of what another connection has written: keep \
                 the database on a local file system",
            ));
        }
        Ok(Box::new(Versions { file: self.clone(), known }))
    }
}

#[async_trait]
impl Subscription for Versions {
    /// The file says nothing by itself.
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

/// Outside of any transaction, for there is one connection that writes.
async fn version(file: &SqliteFile) -> Result<Version, StoreError> {
    let (connection, mut writer) = file.writer().await?;
    let asked: &mut SqliteConnection = &mut writer;
    let data = sqlx::query_scalar("PRAGMA data_version").fetch_one(asked).await.map_err(failed)?;
    Ok(Version { connection, data })
}
