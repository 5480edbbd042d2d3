//! Starts, lists and ends child sessions.

use std::collections::HashSet;

use super::end::end_child;
use super::start::is_used;
use crate::failure::StoreError;
use crate::sessions::{
    Child, ChildStart, ChildStarted, ChildrenOf, EndReason, Ended, Ending, SessionId,
};
use crate::store::sql::engine::{
    Engine, Transaction, for_update, for_update_skip_locked, is_unique_violation, statement,
};
use crate::store::sql::rows::{self, child_columns};

/// Starts for one parent wait for each other on its row, and so do a start and an end of the parent.
pub(super) async fn start_child(
    tx: &mut Transaction,
    start: &ChildStart,
) -> Result<ChildStarted, StoreError> {
    let ChildStart { child, digest } = start;
    let parent = statement(for_update!("SELECT expires_at FROM sessions WHERE session_id = $1"));
    let Some(parent) = tx.row(parent.bind(child.parent)).await? else {
        return Ok(ChildStarted::Gone);
    };
    let expires_at: i64 = parent.get(0)?;
    if is_used(tx, *digest, child.id).await? {
        return Ok(ChildStarted::Taken);
    }
    let replaced = replace_earlier(tx, child).await?;
    let insert = statement(
        "INSERT INTO child_sessions (child_id, child_digest, parent_id, origin, started_at, \
         parent_expires_at, client_address, client_agent) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(child.id)
    .bind(*digest)
    .bind(child.parent)
    .bind(child.origin.as_str())
    .bind(child.created_at)
    .bind(expires_at)
    .bind(child.client.ip_address.map(|address| address.to_string()))
    .bind(child.client.user_agent.as_str());
    match tx.execute(insert).await {
        // A concurrent start for another parent used the id or the digest.
        Err(error) if is_unique_violation(&error) => Ok(ChildStarted::Taken),
        inserted => inserted.map(|_| ChildStarted::Started { replaced }),
    }
}

/// Ends the earlier child for the same origin. The caller has locked the parent.
async fn replace_earlier(
    tx: &mut Transaction,
    child: &Child,
) -> Result<Option<SessionId>, StoreError> {
    // A separate statement: it has to see what was written before the lock was free.
    let earlier =
        statement("SELECT child_id FROM child_sessions WHERE parent_id = $1 AND origin = $2")
            .bind(child.parent)
            .bind(child.origin.as_str());
    let Some(row) = tx.row(earlier).await? else { return Ok(None) };
    let id: Vec<u8> = row.get(0)?;
    let id = SessionId::from_uuid(rows::uuid(&id)?);
    let ended = Ended { reason: EndReason::Replaced, at: child.created_at };
    let ending = Ending { id, of: None, unseen_since: None, ended };
    let is_ended = tx.execute(end_child(&ending)).await? > 0;
    Ok(is_ended.then_some(id))
}

pub(super) async fn list(engine: &Engine, of: ChildrenOf) -> Result<Vec<Child>, StoreError> {
    macro_rules! children {
        ($condition:literal) => {
            statement(concat!(
                "SELECT ",
                child_columns!(),
                " FROM child_sessions JOIN sessions ON session_id = parent_id WHERE ",
                $condition,
                " ORDER BY child_id"
            ))
        };
    }
    let children = match of {
        ChildrenOf::Session(id) => children!("parent_id = $1").bind(id),
        ChildrenOf::User(user) => children!("user_id = $1").bind(user),
        ChildrenOf::Sessions(ids) => {
            // One statement for any number of them: the neighbours in between are left out here.
            let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else {
                return Ok(Vec::new());
            };
            let between = children!("parent_id >= $1 AND parent_id <= $2").bind(*first).bind(*last);
            let rows = engine.rows(between).await?;
            let ids: HashSet<SessionId> = ids.into_iter().collect();
            let children = rows.iter().filter_map(rows::child);
            return Ok(children.filter(|child| ids.contains(&child.parent)).collect());
        }
    };
    Ok(engine.rows(children).await?.iter().filter_map(rows::child).collect())
}

/// Deletes the children of sessions whose ends were forgotten.
pub(super) async fn forget_children(
    tx: &mut Transaction,
    parents: Vec<Vec<u8>>,
) -> Result<(), StoreError> {
    match tx {
        Transaction::Sqlite(_) => {
            for parent in parents {
                let of = statement("DELETE FROM child_sessions WHERE parent_id = $1");
                tx.execute(of.bind(parent)).await?;
            }
            Ok(())
        }
        Transaction::Postgres(tx) => tx.delete_children(&parents).await,
    }
}

/// Deletes children whose parents were deleted by hand, or by a server of a release without
/// children. They were never accepted.
pub(super) async fn delete_orphans(
    tx: &mut Transaction,
    now: time::OffsetDateTime,
    most: u32,
) -> Result<u64, StoreError> {
    let orphans = statement(for_update_skip_locked!(
        "DELETE FROM child_sessions WHERE child_id IN (\
         SELECT child_id FROM child_sessions WHERE parent_expires_at <= $1 \
         AND NOT EXISTS (SELECT 1 FROM sessions WHERE session_id = parent_id) \
         AND NOT EXISTS (SELECT 1 FROM ended_sessions WHERE session_id = parent_id \
         AND NOT rotated_away) ORDER BY parent_expires_at LIMIT $2",
        ")"
    ));
    tx.execute(orphans.bind(now).bind(most)).await
}
