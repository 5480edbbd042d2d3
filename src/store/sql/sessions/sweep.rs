//! Deletes expired sessions and old records, a bounded number of rows at a time.

use super::children::{delete_orphans, forget_children};
use super::codes;
use super::end::end_session;
use super::revocations;
use crate::failure::StoreError;
use crate::sessions::{Cutoffs, Swept, TimedOut, TimeoutRule};
use crate::store::sql::SqlDatabase;
use crate::store::sql::engine::{
    Finish, SqlRow, Transaction, for_update_skip_locked, in_transaction, statement,
};
use crate::store::sql::rows::{self, session_columns};

pub(in crate::store::sql) async fn sweep(
    tx: &mut Transaction,
    cutoffs: &Cutoffs,
    most: u32,
) -> Result<Swept, StoreError> {
    let timed_out = timed_out(tx, cutoffs, most).await?;
    let (mut ends, mut of_users) = (Vec::new(), Vec::new());
    for row in &timed_out {
        match rows::session(row).map(|session| (cutoffs.ended(&session), session)) {
            Some((Some(ended), session)) => {
                ends.push((session.id, ended));
                of_users.extend(TimedOut::of(&session, ended));
            }
            Some((None, _)) => {}
            None => delete(tx, row).await?,
        }
    }
    match tx {
        Transaction::Sqlite(_) => {
            for (id, ended) in ends {
                end_session(tx, id, ended).await?;
            }
        }
        Transaction::Postgres(tx) => tx.end_each(&ends).await?,
    }
    let ended = u64::try_from(timed_out.len()).unwrap_or(u64::MAX);
    let left = most.saturating_sub(u32::try_from(ended).unwrap_or(most));
    let forgotten = forget(tx, cutoffs, left).await?;
    let left = left.saturating_sub(u32::try_from(forgotten).unwrap_or(left));
    let codes = codes::sweep(tx, cutoffs.now(), left).await?;
    let left = left.saturating_sub(u32::try_from(codes).unwrap_or(left));
    let orphans = delete_orphans(tx, cutoffs.now(), left).await?;
    let done = ended + forgotten + codes + orphans < u64::from(most);
    Ok(Swept { ended, timed_out: of_users, forgotten, done })
}

/// Deletes a row that cannot be read, which was never accepted as a session.
async fn delete(tx: &mut Transaction, row: &SqlRow) -> Result<(), StoreError> {
    let id: Vec<u8> = row.get("session_id")?;
    tx.execute(statement("DELETE FROM sessions WHERE session_id = $1").bind(id)).await?;
    Ok(())
}

/// Sessions past a timeout, oldest first, without rows locked by others.
async fn timed_out(
    tx: &mut Transaction,
    cutoffs: &Cutoffs,
    most: u32,
) -> Result<Vec<SqlRow>, StoreError> {
    let expired = statement(for_update_skip_locked!(concat!(
        "SELECT ",
        session_columns!(),
        " FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2"
    )));
    let mut found = tx.rows(expired.bind(cutoffs.now()).bind(most)).await?;
    for rule in TimeoutRule::ALL {
        let left = most.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        let idle = statement(for_update_skip_locked!(concat!(
            "SELECT ",
            session_columns!(),
            " FROM sessions WHERE timeout_rule = $1 AND last_seen_at <= $2 AND expires_at > $3 \
             ORDER BY last_seen_at LIMIT $4"
        )))
        .bind(rule.number())
        .bind(cutoffs.idle_since(rule))
        .bind(cutoffs.now())
        .bind(left);
        found.extend(tx.rows(idle).await?);
    }
    Ok(found)
}

async fn forget(tx: &mut Transaction, cutoffs: &Cutoffs, most: u32) -> Result<u64, StoreError> {
    let old = statement(for_update_skip_locked!(
        "DELETE FROM ended_sessions WHERE token_digest IN \
         (SELECT token_digest FROM ended_sessions WHERE ended_at < $1 ORDER BY ended_at LIMIT $2",
        ") RETURNING step, session_id, rotated_away OR is_child AS has_no_children"
    ));
    let forgotten = tx.rows(old.bind(cutoffs.forgotten_before()).bind(most)).await?;
    let (mut steps, mut parents) = (Vec::<i64>::new(), Vec::<Vec<u8>>::new());
    for row in &forgotten {
        steps.push(row.get("step")?);
        if !row.get::<bool>("has_no_children")? {
            parents.push(row.get("session_id")?);
        }
    }
    let count = u64::try_from(steps.len()).unwrap_or(u64::MAX);
    if !parents.is_empty() {
        forget_children(tx, parents).await?;
    }
    revocations::forget(tx, steps.into_iter()).await?;
    Ok(count)
}

/// Older orders are deleted. A server that is further behind ends all of its sessions.
const ORDERS_KEPT: time::Duration = time::Duration::days(2);

impl SqlDatabase {
    /// Deletes expired challenges, pending sessions and revoked tokens, orders older than two days, and the epochs of accounts deleted more than a day ago,
    /// when no sign-in from before can still be running.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn sweep_records(&self, now: time::OffsetDateTime) -> Result<(), StoreError> {
        in_transaction!(self.engine, tx => {
            // The newest stays, because the next position follows from it.
            let orders = statement(
                "DELETE FROM session_orders WHERE ordered_at < $1 \
                 AND position < (SELECT MAX(position) FROM session_orders)",
            );
            tx.execute(orders.bind(now.saturating_sub(ORDERS_KEPT))).await?;
            let epochs = statement(
                "DELETE FROM user_epochs WHERE reason = 'account_deleted' AND raised_at < $1 \
                 AND NOT EXISTS \
                 (SELECT 1 FROM users WHERE users.user_id = user_epochs.user_id)",
            );
            let yesterday = now.saturating_sub(time::Duration::days(1));
            tx.execute(epochs.bind(yesterday)).await?;
            crate::store::sql::factors::sweep(tx, now).await?;
            crate::store::sql::tokens::sweep(tx, now).await?;
            Ok(Finish::Commit(()))
        })
    }
}
