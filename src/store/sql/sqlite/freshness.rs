//! Whether another process has written the file.
//!
//! This one tells its own cache what it changes. `PRAGMA data_version` changes on a connection when
//! somebody else commits, and this server has one connection that writes, so asked there it tells
//! of other processes alone: the command line, a restored table, whoever opens the file.

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::super::engine::failed;
use super::file::SqliteFile;
use super::stamp::Stamp;
use crate::failure::StoreError;
use crate::sessions::cache::{Change, Freshness, NotFresh, Subscription};

/// What the connection that writes says, and which connection that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    connection: u64,
    data: i64,
}

struct Versions {
    file: SqliteFile,
    known: Version,
    /// As long as the file has this one, nobody has written since `known` was asked.
    stamp: Option<Stamp>,
}

#[async_trait]
impl Freshness for SqliteFile {
    fn name(&self) -> &'static str {
        "SQLite"
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, NotFresh> {
        let (stamp, known) = (self.stamp(), version(self).await?);
        Ok(Box::new(Versions { file: self.clone(), known, stamp }))
    }
}

#[async_trait]
impl Subscription for Versions {
    /// The file says nothing by itself.
    async fn changed(&mut self) -> Result<Change, StoreError> {
        std::future::pending().await
    }

    async fn probe(&mut self) -> Result<Vec<Change>, StoreError> {
        // Before the version is asked: whoever commits in between makes another stamp.
        let stamp = self.file.stamp();
        if stamp.is_some() && stamp == self.stamp {
            return Ok(Vec::new());
        }
        let version = version(&self.file).await?;
        let others_wrote = version != self.known;
        (self.known, self.stamp) = (version, stamp);
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
