//! The session store on the file.

use async_trait::async_trait;
use sqlx::{Row, ValueRef as _};

use super::SqliteDatabase;
use super::ending::{self, Write};
use super::rows::{self, failed, id_bytes, milliseconds, session_columns};
use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::{
    Compartment, Counted, Cutoffs, Ended, Ending, EpochMove, Keep, Keeping, Kept, Loaded, Rotation,
    Session, SessionId, SessionStore, Start, Started, Swept, TokenDigest, Touch,
};

impl SqliteDatabase {
    /// Begins a transaction that holds the write lock from its first statement, so that what it
    /// reads cannot change before it writes.
    pub(super) async fn write(&self) -> Result<Write, StoreError> {
        const BEGIN: &str = "BEGIN IMMEDIATE";
        match self.writer.begin_with(BEGIN).await {
            Err(sqlx::Error::InvalidSavePointStatement | sqlx::Error::BeginFailed) => {
                // After a full disk SQLite has rolled back by itself, and the driver takes the
                // connection to be within a transaction for ever: it has to go.
                self.writer.acquire().await.map_err(failed)?.close().await.map_err(failed)?;
                self.writer.begin_with(BEGIN).await.map_err(failed)
            }
            begun => begun.map_err(failed),
        }
    }
}

pub(super) async fn commit(write: Write) -> Result<(), StoreError> {
    write.commit().await.map_err(failed)
}

#[async_trait]
impl SessionStore for SqliteDatabase {
    #[tracing::instrument(name = "store.session.start", skip_all, err(level = "debug"))]
    async fn start(&self, start: &Start) -> Result<Started, StoreError> {
        let mut write = self.write().await?;
        let started = super::start::start(&mut write, start).await?;
        // Dropping the transaction instead takes back what was written before a refusal.
        if let Started::Started { .. } = started {
            commit(write).await?;
        }
        Ok(started)
    }

    #[tracing::instrument(name = "store.session.load", skip_all, err(level = "debug"))]
    async fn load(&self, digest: &TokenDigest) -> Result<Loaded, StoreError> {
        // One statement, so that a rotation or an end between two cannot hide the token.
        let row = sqlx::query(concat!(
            "SELECT ",
            session_columns!(),
            ", NULL AS reason, NULL AS ended_at, NULL AS anonymous FROM sessions ",
            "WHERE token_digest = $1 UNION ALL ",
            "SELECT session_id, NULL, NULL, 0, NULL, 0, 0, 0, FALSE, NULL, '', reason, ended_at, ",
            "anonymous FROM ended_sessions WHERE token_digest = $1"
        ))
        .bind(digest.as_bytes().to_vec())
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        let Some(row) = row else { return Ok(Loaded::Unknown) };
        let is_live = row.try_get_raw("reason").map_err(failed)?.is_null();
        Ok(if is_live {
            rows::session(&row).map_or(Loaded::Unknown, Loaded::Live)
        } else {
            rows::ended_token(&row)
        })
    }

    async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let row = sqlx::query(concat!(
            "SELECT ",
            session_columns!(),
            " FROM sessions WHERE session_id = $1"
        ))
        .bind(id_bytes(id.as_uuid()))
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        Ok(row.as_ref().and_then(rows::session))
    }

    async fn find_ended(&self, id: SessionId) -> Result<Option<Ended>, StoreError> {
        let row = sqlx::query(
            "SELECT reason, ended_at FROM ended_sessions WHERE session_id = $1 \
             AND NOT rotated_away",
        )
        .bind(id_bytes(id.as_uuid()))
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        row.as_ref().map(rows::ended).transpose()
    }

    async fn find_rotated(&self, digest: &TokenDigest) -> Result<Option<SessionId>, StoreError> {
        let row = sqlx::query(
            "SELECT session_id FROM ended_sessions WHERE token_digest = $1 AND rotated_away",
        )
        .bind(digest.as_bytes().to_vec())
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        row.map(|row| {
            let id: Vec<u8> = row.try_get(0).map_err(failed)?;
            rows::uuid(&id).map(SessionId::from_uuid)
        })
        .transpose()
    }

    #[tracing::instrument(name = "store.session.touch", skip_all, err(level = "debug"))]
    async fn touch(&self, touches: &[Touch]) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        for touch in touches {
            // Forward only: the time of another request may have been written first.
            sqlx::query(
                "UPDATE sessions SET last_seen_at = $1 WHERE session_id = $2 AND last_seen_at < $1",
            )
            .bind(milliseconds(touch.at))
            .bind(id_bytes(touch.id.as_uuid()))
            .execute(&mut *write)
            .await
            .map_err(failed)?;
        }
        commit(write).await
    }

    #[tracing::instrument(name = "store.session.rotate", skip_all, err(level = "debug"))]
    async fn rotate(&self, rotation: &Rotation) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let rotated = ending::rotate(&mut write, rotation).await?;
        commit(write).await?;
        Ok(rotated)
    }

    async fn data(
        &self,
        id: SessionId,
        compartment: Compartment,
    ) -> Result<Option<Kept>, StoreError> {
        let statement = match compartment {
            Compartment::Visitor => {
                "SELECT visitor_version, visitor_data FROM sessions WHERE session_id = $1"
            }
            Compartment::Application => {
                "SELECT application_version, application_data FROM sessions WHERE session_id = $1"
            }
        };
        let row = sqlx::query(statement)
            .bind(id_bytes(id.as_uuid()))
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)?;
        row.map(|row| {
            Ok(Kept {
                version: row.try_get(0).map_err(failed)?,
                data: row.try_get(1).map_err(failed)?,
            })
        })
        .transpose()
    }

    #[tracing::instrument(name = "store.session.keep", skip_all, err(level = "debug"))]
    async fn keep(&self, keep: &Keep) -> Result<Keeping, StoreError> {
        let statement = match keep.compartment {
            Compartment::Visitor => {
                "UPDATE sessions SET visitor_data = $1, visitor_version = visitor_version + 1 \
                 WHERE session_id = $2 AND visitor_version = $3"
            }
            Compartment::Application => {
                "UPDATE sessions \
                 SET application_data = $1, application_version = application_version + 1 \
                 WHERE session_id = $2 AND application_version = $3"
            }
        };
        let mut write = self.write().await?;
        let kept = sqlx::query(statement)
            .bind(&keep.data)
            .bind(id_bytes(keep.id.as_uuid()))
            .bind(keep.over)
            .execute(&mut *write)
            .await
            .map_err(failed)?;
        if kept.rows_affected() == 1 {
            commit(write).await?;
            return Ok(Keeping::Kept);
        }
        let live = sqlx::query("SELECT 1 FROM sessions WHERE session_id = $1")
            .bind(id_bytes(keep.id.as_uuid()))
            .fetch_optional(&mut *write)
            .await
            .map_err(failed)?;
        Ok(if live.is_some() { Keeping::Moved } else { Keeping::Gone })
    }

    #[tracing::instrument(name = "store.session.end", skip_all, err(level = "debug"))]
    async fn end(&self, ending: &Ending) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let ended = ending::end(&mut write, ending).await?;
        commit(write).await?;
        Ok(ended)
    }

    #[tracing::instrument(name = "store.session.raise_epoch", skip_all, err(level = "debug"))]
    async fn raise_epoch(&self, epoch_move: &EpochMove) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let ended = ending::raise_epoch(&mut write, epoch_move).await?;
        commit(write).await?;
        Ok(ended)
    }

    #[tracing::instrument(name = "store.session.end_all", skip_all, err(level = "debug"))]
    async fn end_all(&self, ended: Ended) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let count = ending::end_all(&mut write, ended).await?;
        commit(write).await?;
        Ok(count)
    }

    async fn list(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            session_columns!(),
            " FROM sessions WHERE user_id = $1 ORDER BY last_seen_at DESC, session_id DESC"
        ))
        .bind(id_bytes(user.as_uuid()))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        Ok(rows.iter().filter_map(rows::session).collect())
    }

    async fn list_all(
        &self,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            session_columns!(),
            " FROM sessions WHERE session_id > $1 ORDER BY session_id LIMIT $2"
        ))
        .bind(after.map(|id| id_bytes(id.as_uuid())).unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        Ok(rows.iter().filter_map(rows::session).collect())
    }

    async fn count(&self) -> Result<Option<Counted>, StoreError> {
        // The index by user holds all that this asks for, so no row is read.
        let row = sqlx::query("SELECT COUNT(user_id), COUNT(*) - COUNT(user_id) FROM sessions")
            .fetch_one(&self.readers)
            .await
            .map_err(failed)?;
        let number = |column: usize| -> Result<u64, StoreError> {
            let number: i64 = row.try_get(column).map_err(failed)?;
            u64::try_from(number).map_err(|_| StoreError::Corrupt("a number of sessions"))
        };
        Ok(Some(Counted { users: number(0)?, anonymous: number(1)? }))
    }

    async fn sweep(&self, cutoffs: &Cutoffs, most: u32) -> Result<Swept, StoreError> {
        super::sweep::sweep(self, cutoffs, most).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.answers().await
    }
}
