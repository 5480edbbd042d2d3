//! Batches: many rows in one round trip.

use std::collections::BTreeMap;

use sqlx::{Row as _, query};

use super::{PostgresServer, PostgresTransaction};
use crate::clock::unix_milliseconds;
use crate::failure::StoreError;
use crate::sessions::{Ended, SessionId, Touch};
use crate::store::sql::engine::failed;
use crate::store::sql::rows::uuid;
use crate::store::sql::sessions::revocations::current_step;

impl PostgresServer {
    /// Writes the activity of every session whose row is not locked, and returns the others. It
    /// never waits for a lock, so it cannot deadlock.
    pub(in crate::store::sql) async fn touch_free(
        &self,
        touches: &[Touch],
    ) -> Result<Vec<Touch>, StoreError> {
        // One time for each session, because UPDATE … FROM would use an arbitrary one.
        let mut latest: BTreeMap<SessionId, Touch> = BTreeMap::new();
        for touch in touches {
            let known = latest.entry(touch.id).or_insert_with(|| touch.clone());
            if known.at < touch.at {
                known.clone_from(touch);
            }
        }
        let ids: Vec<Vec<u8>> = latest.keys().map(bytes).collect();
        let times: Vec<i64> = latest.values().map(|touch| unix_milliseconds(touch.at)).collect();
        let address = |touch: &Touch| touch.client.ip_address.map(|address| address.to_string());
        let addresses: Vec<Option<String>> = latest.values().map(address).collect();
        let agents: Vec<&str> =
            latest.values().map(|touch| touch.client.user_agent.as_str()).collect();
        let update = query(
            "WITH free AS (\
             SELECT sessions.session_id, seen.at, seen.address, seen.agent FROM sessions \
             JOIN unnest($1, $2, $3, $4) AS seen (session_id, at, address, agent) \
             ON sessions.session_id = seen.session_id \
             WHERE sessions.last_seen_at < seen.at \
             ORDER BY sessions.session_id FOR UPDATE OF sessions SKIP LOCKED), \
             written AS (\
             UPDATE sessions SET last_seen_at = free.at, last_ip_address = free.address, \
             last_user_agent = free.agent FROM free \
             WHERE sessions.session_id = free.session_id) \
             SELECT sessions.session_id FROM sessions \
             JOIN unnest($1, $2) AS seen (session_id, at) \
             ON sessions.session_id = seen.session_id \
             WHERE sessions.last_seen_at < seen.at \
             AND sessions.session_id NOT IN (SELECT session_id FROM free)",
        );
        let mut connection = self.pool.writer().await.map_err(failed)?;
        let skipped = connection.rows_of(update.bind(ids).bind(times).bind(addresses).bind(agents));
        let skipped = skipped.await.map_err(failed)?;
        let mut left = Vec::new();
        for row in skipped {
            let id: Vec<u8> = row.try_get(0).map_err(failed)?;
            left.extend(latest.remove(&SessionId::from_uuid(uuid(&id)?)));
        }
        Ok(left)
    }
}

impl PostgresTransaction {
    /// Ends sessions that this transaction has locked, each with its own reason.
    pub(in crate::store::sql) async fn end_each(
        &mut self,
        ends: &[(SessionId, Ended)],
    ) -> Result<(), StoreError> {
        if ends.is_empty() {
            return Ok(());
        }
        let ids: Vec<Vec<u8>> = ends.iter().map(|(id, _)| bytes(id)).collect();
        let reasons: Vec<&str> = ends.iter().map(|(_, ended)| ended.reason.as_str()).collect();
        let times: Vec<i64> = ends.iter().map(|(_, ended)| unix_milliseconds(ended.at)).collect();
        let end = query(concat!(
            "WITH gone AS (\
             DELETE FROM sessions USING unnest($1, $2, $3) AS ends (session_id, reason, at) \
             WHERE sessions.session_id = ends.session_id \
             RETURNING sessions.token_digest, sessions.session_id, sessions.user_id, ends.reason, \
             ends.at) \
             INSERT INTO ended_sessions (token_digest, session_id, user_id, reason, ended_at, \
             anonymous, rotated_away, step) \
             SELECT token_digest, session_id, user_id, reason, at, user_id IS NULL, FALSE, ",
            current_step!(postgres),
            " FROM gone"
        ));
        self.execute_query(end.bind(ids).bind(reasons).bind(times)).await.map(drop)
    }

    /// Deletes the children of these sessions.
    pub(in crate::store::sql) async fn delete_children(
        &mut self,
        parents: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        let of = query("DELETE FROM child_sessions WHERE parent_id = ANY($1)");
        self.execute_query(of.bind(parents.to_vec())).await.map(drop)
    }
}

fn bytes(id: &SessionId) -> Vec<u8> {
    id.as_uuid().as_bytes().to_vec()
}
