//! Clearing away what has ended, a bounded number of rows at a time.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::SqliteDatabase;
use super::ending::{Write, end_session};
use super::rows::{self, failed, milliseconds, session_columns};
use super::sessions::commit;
use crate::failure::StoreError;
use crate::sessions::{Cutoffs, Swept, TimedOut, TimeoutRule};

pub(super) async fn sweep(
    database: &SqliteDatabase,
    cutoffs: &Cutoffs,
    most: u32,
) -> Result<Swept, StoreError> {
    let mut write = database.write().await?;
    let timed_out = timed_out(&mut write, cutoffs, most).await?;
    let mut of_users = Vec::new();
    for row in &timed_out {
        match rows::session(row).map(|session| (cutoffs.ended(&session), session)) {
            Some((Some(ended), session)) => {
                end_session(&mut write, session.id, ended).await?;
                of_users.extend(TimedOut::of(&session, ended));
            }
            Some((None, _)) => {}
            None => delete(&mut write, row).await?,
        }
    }
    let ended = u64::try_from(timed_out.len()).unwrap_or(u64::MAX);
    let left = most.saturating_sub(u32::try_from(ended).unwrap_or(most));
    let forgotten = forget(&mut write, cutoffs, left).await?;
    commit(write).await?;
    let done = ended + forgotten < u64::from(most);
    Ok(Swept { ended, timed_out: of_users, forgotten, done })
}

/// A row that cannot be read never was a session to anybody.
async fn delete(write: &mut Write, row: &SqliteRow) -> Result<(), StoreError> {
    let id: Vec<u8> = row.try_get("session_id").map_err(failed)?;
    sqlx::query("DELETE FROM sessions WHERE session_id = $1")
        .bind(id)
        .execute(&mut **write)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Sessions past a timeout, found by the indexes in time order.
async fn timed_out(
    write: &mut Write,
    cutoffs: &Cutoffs,
    most: u32,
) -> Result<Vec<SqliteRow>, StoreError> {
    let mut found = sqlx::query(concat!(
        "SELECT ",
        session_columns!(),
        " FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2"
    ))
    .bind(milliseconds(cutoffs.now()))
    .bind(i64::from(most))
    .fetch_all(&mut **write)
    .await
    .map_err(failed)?;
    for rule in TimeoutRule::ALL {
        let left = most.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        let idle = sqlx::query(concat!(
            "SELECT ",
            session_columns!(),
            " FROM sessions WHERE timeout_rule = $1 AND last_seen_at <= $2 AND expires_at > $3 \
             ORDER BY last_seen_at LIMIT $4"
        ))
        .bind(i64::from(rule.number()))
        .bind(milliseconds(cutoffs.idle_since(rule)))
        .bind(milliseconds(cutoffs.now()))
        .bind(i64::from(left))
        .fetch_all(&mut **write)
        .await
        .map_err(failed)?;
        found.extend(idle);
    }
    Ok(found)
}

async fn forget(write: &mut Write, cutoffs: &Cutoffs, most: u32) -> Result<u64, StoreError> {
    let forgotten = sqlx::query(
        "DELETE FROM ended_sessions WHERE token_digest IN \
         (SELECT token_digest FROM ended_sessions WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)",
    )
    .bind(milliseconds(cutoffs.forgotten_before()))
    .bind(i64::from(most))
    .execute(&mut **write)
    .await
    .map_err(failed)?;
    Ok(forgotten.rows_affected())
}

/// Orders older than this are no longer kept: a server that fell behind further drops everything.
const ORDERS_KEPT: time::Duration = time::Duration::days(2);

impl SqliteDatabase {
    /// Clears away orders that no server can still be waiting for, and the epochs of accounts
    /// deleted more than a day ago, when no sign-in can be under way any more.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn sweep_records(&self, now: time::OffsetDateTime) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        // The newest stays, so that positions go on from it.
        sqlx::query(
            "DELETE FROM session_orders WHERE ordered_at < $1 \
             AND position < (SELECT MAX(position) FROM session_orders)",
        )
        .bind(milliseconds(now.saturating_sub(ORDERS_KEPT)))
        .execute(&mut *write)
        .await
        .map_err(failed)?;
        sqlx::query(
            "DELETE FROM user_epochs WHERE reason = 'account_deleted' AND raised_at < $1 \
             AND NOT EXISTS (SELECT 1 FROM users WHERE users.user_id = user_epochs.user_id)",
        )
        .bind(milliseconds(now.saturating_sub(time::Duration::days(1))))
        .execute(&mut *write)
        .await
        .map_err(failed)?;
        commit(write).await
    }
}
