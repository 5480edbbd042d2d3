//! The session store.

mod children;
mod codes;
pub(super) mod end;
mod lookup;
pub(super) mod orders;
pub(super) mod revocations;
mod start;
mod sweep;

use async_trait::async_trait;
use time::OffsetDateTime;

use super::SqlDatabase;
use super::engine::{Engine, Finish, Statement, in_transaction, is_unique_violation, statement};
use super::rows::{self, session_columns};
use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::{
    Child, ChildStart, ChildStarted, ChildrenOf, Client, CodeDigest, CodeKept, Compartment,
    Counted, Cursor, Cutoffs, Ended, Ending, EpochMove, HandoverCode, Keep, Keeping, Kept,
    LiveChild, Loaded, NewestSessions, Revocations, Rotation, Session, SessionId, SessionStore,
    Start, Started, Swept, TokenDigest, Touch,
};

/// Sorts after every id.
const AFTER_ALL: [u8; 17] = [0xFF; 17];

/// By the primary key alone: other filters of administrators apply to the page.
pub(super) const NEWEST: &str = concat!(
    "SELECT ",
    session_columns!(),
    " FROM sessions WHERE session_id < $1 ORDER BY session_id DESC LIMIT $2"
);

#[async_trait]
impl SessionStore for SqlDatabase {
    #[tracing::instrument(name = "store.session.start", skip_all, err(level = "debug"))]
    async fn start(&self, start: &Start) -> Result<Started, StoreError> {
        in_transaction!(self.engine, tx => {
            let started = start::start(tx, start).await?;
            Ok(match started {
                Started::Started { .. } => Finish::Commit(started),
                _ => Finish::RollBack(started),
            })
        })
    }

    #[tracing::instrument(name = "store.session.load", skip_all, err(level = "debug"))]
    async fn load(&self, digest: &TokenDigest) -> Result<Loaded, StoreError> {
        lookup::load(&self.engine, digest).await
    }

    async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let found = statement(concat!(
            "SELECT ",
            session_columns!(),
            " FROM sessions WHERE session_id = $1"
        ));
        Ok(self.engine.row(found.bind(id)).await?.as_ref().and_then(rows::session))
    }

    async fn token_of(&self, id: SessionId) -> Result<Option<TokenDigest>, StoreError> {
        lookup::token_of(&self.engine, id).await
    }

    async fn find_ended(&self, id: SessionId) -> Result<Option<Ended>, StoreError> {
        lookup::find_ended(&self.engine, id).await
    }

    async fn find_rotated(&self, digest: &TokenDigest) -> Result<Option<SessionId>, StoreError> {
        let found = statement(
            "SELECT session_id FROM ended_sessions WHERE token_digest = $1 AND rotated_away",
        );
        let row = self.engine.row(found.bind(*digest)).await?;
        row.map(|row| {
            let id: Vec<u8> = row.get(0)?;
            rows::uuid(&id).map(SessionId::from_uuid)
        })
        .transpose()
    }

    #[tracing::instrument(name = "store.session.touch", skip_all, err(level = "debug"))]
    async fn touch(&self, touches: &[Touch]) -> Result<(), StoreError> {
        match &self.engine {
            Engine::Sqlite(_) => in_transaction!(self.engine, tx => {
                for touch in touches {
                    tx.execute(forward(touch)).await?;
                }
                Ok(Finish::Commit(()))
            }),
            Engine::Postgres(server) => {
                // One row at a time, so that no deadlock is possible.
                for touch in server.touch_free(touches).await? {
                    self.engine.execute(forward(&touch)).await?;
                }
                Ok(())
            }
        }
    }

    #[tracing::instrument(name = "store.session.rotate", skip_all, err(level = "debug"))]
    async fn rotate(&self, rotation: &Rotation) -> Result<bool, StoreError> {
        in_transaction!(self.engine, tx => match end::rotate(tx, rotation).await {
            // Another rotation has used the digest.
            Err(error) if is_unique_violation(&error) => Ok(Finish::RollBack(false)),
            rotated => rotated.map(Finish::Commit),
        })
    }

    async fn data(
        &self,
        id: SessionId,
        compartment: Compartment,
    ) -> Result<Option<Kept>, StoreError> {
        let kept = statement(match compartment {
            Compartment::Visitor => {
                "SELECT visitor_version, visitor_data FROM sessions WHERE session_id = $1"
            }
            Compartment::Application => {
                "SELECT application_version, application_data FROM sessions WHERE session_id = $1"
            }
        });
        let row = self.engine.row(kept.bind(id)).await?;
        row.map(|row| Ok(Kept { version: row.get(0)?, data: row.get(1)? })).transpose()
    }

    #[tracing::instrument(name = "store.session.keep", skip_all, err(level = "debug"))]
    async fn keep(&self, keep: &Keep) -> Result<Keeping, StoreError> {
        let next = statement(match keep.compartment {
            Compartment::Visitor => {
                "UPDATE sessions SET visitor_data = $1, visitor_version = visitor_version + 1 \
                 WHERE session_id = $2 AND visitor_version = $3"
            }
            Compartment::Application => {
                "UPDATE sessions \
                 SET application_data = $1, application_version = application_version + 1 \
                 WHERE session_id = $2 AND application_version = $3"
            }
        });
        let next = next.bind(keep.data.clone()).bind(keep.id).bind(keep.over);
        if self.engine.execute(next).await? == 1 {
            return Ok(Keeping::Kept);
        }
        let live = statement("SELECT 1 FROM sessions WHERE session_id = $1").bind(keep.id);
        Ok(if self.engine.row(live).await?.is_some() { Keeping::Moved } else { Keeping::Gone })
    }

    #[tracing::instrument(name = "store.session.start_child", skip_all, err(level = "debug"))]
    async fn start_child(&self, start: &ChildStart) -> Result<ChildStarted, StoreError> {
        in_transaction!(self.engine, tx => {
            let started = children::start_child(tx, start).await?;
            Ok(match started {
                ChildStarted::Started { .. } => Finish::Commit(started),
                _ => Finish::RollBack(started),
            })
        })
    }

    async fn find_child(&self, id: SessionId) -> Result<Option<LiveChild>, StoreError> {
        lookup::find_child(&self.engine, id).await
    }

    async fn children(&self, of: ChildrenOf) -> Result<Vec<Child>, StoreError> {
        children::list(&self.engine, of).await
    }

    #[tracing::instrument(name = "store.session.keep_code", skip_all, err(level = "debug"))]
    async fn keep_code(
        &self,
        code: &HandoverCode,
        now: OffsetDateTime,
    ) -> Result<CodeKept, StoreError> {
        in_transaction!(self.engine, tx => {
            let kept = codes::keep(tx, code, now).await?;
            Ok(match kept {
                CodeKept::Kept => Finish::Commit(kept),
                _ => Finish::RollBack(kept),
            })
        })
    }

    #[tracing::instrument(name = "store.session.take_code", skip_all, err(level = "debug"))]
    async fn take_code(&self, digest: &CodeDigest) -> Result<Option<HandoverCode>, StoreError> {
        in_transaction!(self.engine, tx => codes::take(tx, digest).await.map(Finish::Commit))
    }

    #[tracing::instrument(name = "store.session.end", skip_all, err(level = "debug"))]
    async fn end(&self, ending: &Ending) -> Result<bool, StoreError> {
        end::end(&self.engine, ending).await
    }

    #[tracing::instrument(name = "store.session.raise_epoch", skip_all, err(level = "debug"))]
    async fn raise_epoch(&self, epoch_move: &EpochMove) -> Result<u64, StoreError> {
        in_transaction!(self.engine, tx => {
            end::raise_epoch(tx, epoch_move).await.map(Finish::Commit)
        })
    }

    #[tracing::instrument(name = "store.session.end_all", skip_all, err(level = "debug"))]
    async fn end_all(&self, ended: Ended) -> Result<u64, StoreError> {
        in_transaction!(self.engine, tx => end::end_all(tx, ended).await.map(Finish::Commit))
    }

    async fn list(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let of_user = statement(concat!(
            "SELECT ",
            session_columns!(),
            " FROM sessions WHERE user_id = $1 ORDER BY last_seen_at DESC, session_id DESC"
        ));
        let rows = self.engine.rows(of_user.bind(user)).await?;
        Ok(rows.iter().filter_map(rows::session).collect())
    }

    async fn list_all(
        &self,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        let page = statement(concat!(
            "SELECT ",
            session_columns!(),
            " FROM sessions WHERE session_id > $1 ORDER BY session_id LIMIT $2"
        ))
        .bind(after.map(|id| id.as_uuid().as_bytes().to_vec()).unwrap_or_default())
        .bind(limit);
        let rows = self.engine.rows(page).await?;
        Ok(rows.iter().filter_map(rows::session).collect())
    }

    async fn list_newest(
        &self,
        before: Option<SessionId>,
        limit: u32,
    ) -> Result<NewestSessions, StoreError> {
        let page = statement(NEWEST)
            .bind(before.map_or_else(|| AFTER_ALL.to_vec(), |id| id.as_uuid().as_bytes().to_vec()))
            .bind(limit);
        let rows = self.engine.rows(page).await?;
        let is_full = u32::try_from(rows.len()).is_ok_and(|found| found >= limit);
        // By the rows, because a corrupt one does not end the list.
        let next = match rows.last().filter(|_| is_full) {
            None => None,
            Some(last) => {
                let id: Vec<u8> = last.get("session_id")?;
                Some(SessionId::from_uuid(rows::uuid(&id)?))
            }
        };
        Ok(NewestSessions { sessions: rows.iter().filter_map(rows::session).collect(), next })
    }

    async fn count(&self) -> Result<Option<Counted>, StoreError> {
        // Answered from the index by user.
        let numbers = statement("SELECT COUNT(user_id), COUNT(*) - COUNT(user_id) FROM sessions");
        let row = self.engine.one_row(numbers).await?;
        let number = |column: usize| -> Result<u64, StoreError> {
            let number: i64 = row.get(column)?;
            u64::try_from(number).map_err(|_| StoreError::Corrupt("a number of sessions"))
        };
        Ok(Some(Counted { users: number(0)?, anonymous: number(1)? }))
    }

    async fn sweep(&self, cutoffs: &Cutoffs, most: u32) -> Result<Swept, StoreError> {
        in_transaction!(self.engine, tx => {
            sweep::sweep(tx, cutoffs, most).await.map(Finish::Commit)
        })
    }

    async fn revocations_after(
        &self,
        after: Option<&Cursor>,
        most: u32,
    ) -> Result<Revocations, StoreError> {
        revocations::after(&self.engine, after, most).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.answers().await
    }
}

/// Only moves forward: a later request may have been written first.
fn forward(touch: &Touch) -> Statement {
    let forward = statement(
        "UPDATE sessions SET last_seen_at = $1, last_ip_address = $2, last_user_agent = $3 \
         WHERE session_id = $4 AND last_seen_at < $1",
    );
    let Client { ip_address, user_agent } = &touch.client;
    let address = ip_address.map(|address| address.to_string());
    forward.bind(touch.at).bind(address).bind(user_agent.as_str()).bind(touch.id)
}
