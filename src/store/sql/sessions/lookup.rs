//! Finds what a token or an id stands for: a session, a child, or how either ended.

use crate::failure::StoreError;
use crate::sessions::{Ended, LiveChild, Loaded, SessionId, TokenDigest};
use crate::store::sql::engine::{Engine, SqlRow, statement};
use crate::store::sql::rows::{self, child_columns, session_columns};

/// One statement, so that a rotation or an end between two cannot hide the token. The end of a
/// child is that of its parent, unless it ended alone.
const LOAD: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", NULL AS reason, NULL AS ended_at, NULL AS anonymous, FALSE AS is_child, \
     CAST(NULL AS BYTEA) AS child_id, CAST(NULL AS BYTEA) AS parent_id, \
     CAST(NULL AS TEXT) AS origin, CAST(NULL AS BIGINT) AS started_at, \
     CAST(NULL AS TEXT) AS client_address, CAST(NULL AS TEXT) AS client_agent \
     FROM sessions WHERE token_digest = $1 UNION ALL ",
    "SELECT session_id, NULL, NULL, 0, NULL, 0, 0, 0, FALSE, NULL, '', NULL, NULL, NULL, NULL, NULL, FALSE, \
     reason, ended_at, anonymous, is_child, NULL, NULL, NULL, NULL, NULL, NULL \
     FROM ended_sessions WHERE token_digest = $1 UNION ALL ",
    "SELECT ",
    session_columns!(),
    ", end_reason, end_time, FALSE, TRUE, ",
    child_columns!(),
    " FROM child_sessions LEFT JOIN sessions ON session_id = parent_id LEFT JOIN \
     (SELECT session_id AS end_of, reason AS end_reason, ended_at AS end_time \
     FROM ended_sessions WHERE NOT rotated_away) AS ends ON end_of = parent_id \
     WHERE child_digest = $1"
);

pub(super) async fn load(engine: &Engine, digest: &TokenDigest) -> Result<Loaded, StoreError> {
    let Some(row) = engine.row(statement(LOAD).bind(*digest)).await? else {
        return Ok(Loaded::Unknown);
    };
    if !row.is_null("reason")? {
        return Ok(rows::ended_token(&row));
    }
    Ok(match (row.is_null("child_id")?, row.is_null("session_id")?) {
        (true, _) => rows::session(&row).map_or(Loaded::Unknown, Loaded::Live),
        (false, false) => live_child(&row).map_or(Loaded::Unknown, Loaded::Child),
        // Its parent was deleted by hand.
        (false, true) => Loaded::Unknown,
    })
}

pub(super) async fn find_ended(
    engine: &Engine,
    id: SessionId,
) -> Result<Option<Ended>, StoreError> {
    let found = statement(
        "SELECT reason, ended_at FROM ended_sessions WHERE session_id = $1 \
         AND NOT rotated_away UNION ALL \
         SELECT reason, ended_at FROM child_sessions JOIN ended_sessions \
         ON session_id = parent_id AND NOT rotated_away WHERE child_id = $1",
    );
    engine.row(found.bind(id)).await?.as_ref().map(rows::ended).transpose()
}

pub(super) async fn token_of(
    engine: &Engine,
    id: SessionId,
) -> Result<Option<TokenDigest>, StoreError> {
    let found = statement("SELECT token_digest FROM sessions WHERE session_id = $1");
    let Some(row) = engine.row(found.bind(id)).await? else { return Ok(None) };
    let digest: Vec<u8> = row.get(0)?;
    let digest = digest.try_into().map_err(|_| StoreError::Corrupt("the digest of a session"))?;
    Ok(Some(TokenDigest::from_bytes(digest)))
}

pub(super) async fn find_child(
    engine: &Engine,
    id: SessionId,
) -> Result<Option<LiveChild>, StoreError> {
    let found = statement(concat!(
        "SELECT ",
        session_columns!(),
        ", ",
        child_columns!(),
        " FROM child_sessions JOIN sessions ON session_id = parent_id WHERE child_id = $1"
    ));
    Ok(engine.row(found.bind(id)).await?.as_ref().and_then(live_child))
}

/// A child and its parent in one row. If either is corrupt, there is none.
fn live_child(row: &SqlRow) -> Option<LiveChild> {
    Some(LiveChild { child: rows::child(row)?, parent: rows::session(row)? })
}
