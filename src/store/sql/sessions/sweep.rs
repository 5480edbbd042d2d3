//! Clearing away what has ended, a bounded number of rows at a time.

use super::end::end_session;
use super::revocations;
use crate::failure::StoreError;
use crate::sessions::{Cutoffs, Swept, TimedOut, TimeoutRule};
use crate::store::sql::SqlDatabase;
use crate::store::sql::engine::{Done, Row, Write, in_one_step, locking_free, statement};
use crate::store::sql::rows::{self, session_columns};

pub(in crate::store::sql) async fn sweep(
    write: &mut Write,
    cutoffs: &Cutoffs,
    most: u32,
) -> Result<Swept, StoreError> {
    let timed_out = timed_out(write, cutoffs, most).await?;
    let (mut ends, mut of_users) = (Vec::new(), Vec::new());
    for row in &timed_out {
        match rows::session(row).map(|session| (cutoffs.ended(&session), session)) {
            Some((Some(ended), session)) => {
                ends.push((session.id, ended));
                of_users.extend(TimedOut::of(&session, ended));
            }
            Some((None, _)) => {}
            None => delete(write, row).await?,
        }
    }
    match write {
        Write::Sqlite(_) => {
            for (id, ended) in ends {
                end_session(write, id, ended).await?;
            }
        }
        Write::Postgres(write) => write.end_each(&ends).await?,
    }
    let ended = u64::try_from(timed_out.len()).unwrap_or(u64::MAX);
    let left = most.saturating_sub(u32::try_from(ended).unwrap_or(most));
    let forgotten = forget(write, cutoffs, left).await?;
    let done = ended + forgotten < u64::from(most);
    Ok(Swept { ended, timed_out: of_users, forgotten, done })
}

/// A row that cannot be read never was a session to anybody.
async fn delete(write: &mut Write, row: &Row) -> Result<(), StoreError> {
    let id: Vec<u8> = row.get("session_id")?;
    write.execute(statement("DELETE FROM sessions WHERE session_id = $1").bind(id)).await?;
    Ok(())
}

/// Sessions past a timeout that nobody else is about to change, found by the indexes in time order.
async fn timed_out(
    write: &mut Write,
    cutoffs: &Cutoffs,
    most: u32,
) -> Result<Vec<Row>, StoreError> {
    let expired = statement(locking_free!(concat!(
        "SELECT ",
        session_columns!(),
        " FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2"
    )));
    let mut found = write.rows(expired.bind(cutoffs.now()).bind(most)).await?;
    for rule in TimeoutRule::ALL {
        let left = most.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        let idle = statement(locking_free!(concat!(
            "SELECT ",
            session_columns!(),
            " FROM sessions WHERE timeout_rule = $1 AND last_seen_at <= $2 AND expires_at > $3 \
             ORDER BY last_seen_at LIMIT $4"
        )))
        .bind(rule.number())
        .bind(cutoffs.idle_since(rule))
        .bind(cutoffs.now())
        .bind(left);
        found.extend(write.rows(idle).await?);
    }
    Ok(found)
}

async fn forget(write: &mut Write, cutoffs: &Cutoffs, most: u32) -> Result<u64, StoreError> {
    let old = statement(locking_free!(
        "DELETE FROM ended_sessions WHERE token_digest IN \
         (SELECT token_digest FROM ended_sessions WHERE ended_at < $1 ORDER BY ended_at LIMIT $2",
        ") RETURNING step"
    ));
    let forgotten = write.rows(old.bind(cutoffs.forgotten_before()).bind(most)).await?;
    let steps: Vec<i64> = forgotten.iter().map(|row| row.get("step")).collect::<Result<_, _>>()?;
    let count = u64::try_from(steps.len()).unwrap_or(u64::MAX);
    revocations::forget(write, steps.into_iter()).await?;
    Ok(count)
}

/// Orders older than this are no longer kept: a server that fell behind further drops everything.
const ORDERS_KEPT: time::Duration = time::Duration::days(2);

impl SqlDatabase {
    /// Clears away orders that no server can still be waiting for, and the epochs of accounts
    /// deleted more than a day ago, when no sign-in can be under way any more.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn sweep_records(&self, now: time::OffsetDateTime) -> Result<(), StoreError> {
        in_one_step!(self.engine, write => {
            // The newest stays, so that positions go on from it.
            let orders = statement(
                "DELETE FROM session_orders WHERE ordered_at < $1 \
                 AND position < (SELECT MAX(position) FROM session_orders)",
            );
            write.execute(orders.bind(now.saturating_sub(ORDERS_KEPT))).await?;
            let epochs = statement(
                "DELETE FROM user_epochs WHERE reason = 'account_deleted' AND raised_at < $1 \
                 AND NOT EXISTS \
                 (SELECT 1 FROM users WHERE users.user_id = user_epochs.user_id)",
            );
            let yesterday = now.saturating_sub(time::Duration::days(1));
            write.execute(epochs.bind(yesterday)).await?;
            Ok(Done::Commit(()))
        })
    }
}
