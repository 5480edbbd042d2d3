//! Ends and rotates sessions: moves rows from `sessions` to `ended_sessions`.
//!
//! The rows of children stay as they are when their parent ends: without it they are not live, and
//! its end is theirs. So an end costs the same with and without children, and none can be missed.

use time::OffsetDateTime;

use super::revocations::{self, current_step};
use crate::accounts::{Epoch, EpochReason, KeptSession, PasskeyId, UserId};
use crate::failure::StoreError;
use crate::sessions::{EndReason, Ended, Ending, EpochMove, Rotation, SessionId, TokenDigest};
use crate::store::sql::engine::{Engine, Sql, Statement, Transaction, for_update, statement};

/// Ends the sessions that match a condition. `$1` is the reason and `$2` the time.
///
/// One statement in `PostgreSQL`, so that the rows it deletes are the rows it records even with
/// concurrent writers.
macro_rules! end_where {
    ($condition:expr) => {
        Sql::Each {
            sqlite: &[
                concat!(
                    "INSERT INTO ended_sessions (token_digest, session_id, user_id, reason, ",
                    "ended_at, anonymous, rotated_away, step) ",
                    "SELECT token_digest, session_id, user_id, $1, $2, user_id IS NULL, FALSE, ",
                    current_step!(sqlite),
                    " FROM sessions WHERE ",
                    $condition
                ),
                concat!(
                    "DELETE FROM sessions WHERE $1 IS NOT NULL AND $2 IS NOT NULL AND ",
                    $condition
                ),
            ],
            postgres: concat!(
                "WITH gone AS (DELETE FROM sessions WHERE ",
                $condition,
                " RETURNING token_digest, session_id, user_id) ",
                "INSERT INTO ended_sessions (token_digest, session_id, user_id, reason, ",
                "ended_at, anonymous, rotated_away, step) ",
                "SELECT token_digest, session_id, user_id, $1, $2, user_id IS NULL, FALSE, ",
                current_step!(postgres),
                " FROM gone"
            ),
        }
    };
}

fn ending(text: Sql, ended: Ended) -> Statement {
    statement(text).bind(ended.reason.as_str()).bind(ended.at)
}

/// The conditions of an [`Ending`] on a session.
macro_rules! fits {
    () => {
        "($4 IS NULL OR user_id = $4) AND ($5 IS NULL OR last_seen_at <= $5)"
    };
}

/// Ends one session, or one child, if the conditions hold. Each has its own id, so these are
/// two steps.
pub(in crate::store::sql) async fn end(
    engine: &Engine,
    ending: &Ending,
) -> Result<bool, StoreError> {
    let text = end_where!(concat!("session_id = $3 AND ", fits!()));
    let session = with_conditions(text, ending);
    Ok(engine.execute(session).await? > 0 || engine.execute(end_child(ending)).await? > 0)
}

fn with_conditions(text: Sql, ending: &Ending) -> Statement {
    self::ending(text, ending.ended).bind(ending.id).bind(ending.of).bind(ending.unseen_since)
}

/// Ends one child alone if the conditions hold for its parent. `PostgreSQL` locks the parent, so
/// that a child ends once.
pub(super) fn end_child(ending: &Ending) -> Statement {
    macro_rules! note {
        ($engine:ident, $from:expr) => {
            concat!(
                "INSERT INTO ended_sessions (token_digest, session_id, user_id, reason, \
                 ended_at, anonymous, rotated_away, step, is_child) \
                 SELECT child_digest, child_id, user_id, $1, $2, user_id IS NULL, FALSE, ",
                current_step!($engine),
                ", TRUE FROM ",
                $from
            )
        };
    }
    let text = Sql::Each {
        sqlite: &[
            note!(
                sqlite,
                concat!(
                    "child_sessions JOIN sessions ON session_id = parent_id \
                     WHERE child_id = $3 AND ",
                    fits!()
                )
            ),
            concat!(
                "DELETE FROM child_sessions WHERE $1 IS NOT NULL AND $2 IS NOT NULL \
                 AND child_id = $3 AND EXISTS \
                 (SELECT 1 FROM sessions WHERE session_id = parent_id AND ",
                fits!(),
                ")"
            ),
        ],
        postgres: concat!(
            "WITH parent AS MATERIALIZED (SELECT session_id, user_id FROM sessions WHERE \
             session_id = (SELECT parent_id FROM child_sessions WHERE child_id = $3) AND ",
            fits!(),
            " FOR KEY SHARE), gone AS (DELETE FROM child_sessions USING parent \
             WHERE child_id = $3 AND parent_id = parent.session_id \
             RETURNING child_digest, child_id, user_id) ",
            note!(postgres, "gone")
        ),
    };
    with_conditions(text, ending)
}

/// Ends a session. `false`: it was not live.
pub(in crate::store::sql) async fn end_session(
    tx: &mut Transaction,
    id: SessionId,
    ended: Ended,
) -> Result<bool, StoreError> {
    let end = ending(end_where!("session_id = $3"), ended).bind(id);
    Ok(tx.execute(end).await? > 0)
}

pub(in crate::store::sql) async fn end_all(
    tx: &mut Transaction,
    ended: Ended,
) -> Result<u64, StoreError> {
    tx.allow_long_statements().await?;
    let count = tx.execute(ending(end_where!("TRUE"), ended)).await?;
    // Last, because transactions that hold session rows may wait for it.
    revocations::reset_feed(tx).await?;
    Ok(count)
}

macro_rules! rotated_away {
    ($engine:ident) => {
        concat!(
            "INSERT INTO ended_sessions (token_digest, session_id, user_id, reason, ended_at, ",
            "anonymous, rotated_away, step) VALUES ($1, $2, $3, $4, $5, $3 IS NULL, TRUE, ",
            current_step!($engine),
            ")"
        )
    };
}

/// Replaces the digest of a live session and records the old one as ended.
pub(in crate::store::sql) async fn rotate(
    tx: &mut Transaction,
    rotation: &Rotation,
) -> Result<bool, StoreError> {
    if is_used(tx, rotation.to).await? {
        return Ok(false);
    }
    let new = statement(
        "UPDATE sessions SET token_digest = $1, \
         authenticated_at = CASE WHEN $2 THEN $3 ELSE authenticated_at END, \
         second_factor = CASE WHEN $4 THEN $5 ELSE second_factor END, \
         factor_at = CASE WHEN $4 THEN $3 ELSE factor_at END \
         WHERE token_digest = $6 RETURNING session_id, user_id",
    )
    .bind(rotation.to)
    .bind(rotation.proof.is_identity())
    .bind(rotation.at)
    .bind(rotation.proof.factor().is_some())
    .bind(rotation.proof.factor().map(|factor| i64::from(factor.number())))
    .bind(rotation.from);
    let Some(row) = tx.row(new).await? else { return Ok(false) };
    let old = statement(Sql::Each {
        sqlite: &[rotated_away!(sqlite)],
        postgres: rotated_away!(postgres),
    })
    .bind(rotation.from)
    .bind(row.get::<Vec<u8>>("session_id")?)
    .bind(row.get::<Option<Vec<u8>>>("user_id")?)
    .bind(EndReason::Replaced.as_str())
    .bind(rotation.at);
    tx.execute(old).await?;
    Ok(true)
}

/// Whether a session or a child, live or ended, has this digest.
async fn is_used(tx: &mut Transaction, digest: TokenDigest) -> Result<bool, StoreError> {
    let any = statement(
        "SELECT EXISTS (SELECT 1 FROM sessions WHERE token_digest = $1) \
         OR EXISTS (SELECT 1 FROM child_sessions WHERE child_digest = $1) \
         OR EXISTS (SELECT 1 FROM ended_sessions WHERE token_digest = $1)",
    );
    tx.one_row(any.bind(digest)).await?.get(0)
}

/// Raises a user's epoch and ends every session of an earlier one except the kept session.
pub(in crate::store::sql) async fn raise_epoch(
    tx: &mut Transaction,
    epoch_move: &EpochMove,
) -> Result<u64, StoreError> {
    let EpochMove { user, to, reason, at, .. } = *epoch_move;
    if !raise_epoch_number(tx, user, to, Some(reason), at).await? {
        return Ok(0);
    }
    if let Some(survivor) = &epoch_move.survivor {
        keep_session(tx, epoch_move, survivor).await?;
    }
    end_earlier_epochs(tx, user, to, Ended { reason: reason.into(), at }).await
}

/// Reads and locks the epoch of a user. A sign-in may know a higher one whose raise has not arrived
/// here yet: it is applied now, and sessions of earlier epochs end.
pub(in crate::store::sql) async fn ensure_epoch(
    tx: &mut Transaction,
    user: UserId,
    at_least: Epoch,
    outdated: Ended,
) -> Result<Epoch, StoreError> {
    if let Some(known) = epoch_of(tx, user).await?
        && known >= at_least
    {
        return Ok(known);
    }
    if raise_epoch_number(tx, user, at_least, None, outdated.at).await? {
        end_earlier_epochs(tx, user, at_least, outdated).await?;
        return Ok(at_least);
    }
    // A concurrent transaction has just raised it.
    Ok(epoch_of(tx, user).await?.unwrap_or(at_least))
}

async fn end_earlier_epochs(
    tx: &mut Transaction,
    user: UserId,
    epoch: Epoch,
    ended: Ended,
) -> Result<u64, StoreError> {
    let end = ending(end_where!("user_id = $3 AND epoch < $4"), ended);
    tx.execute(end.bind(user).bind(epoch)).await
}

/// Ends the sessions that a passkey started.
pub(in crate::store::sql) async fn end_of_passkey(
    tx: &mut Transaction,
    (user, passkey): (UserId, PasskeyId),
    ended: Ended,
) -> Result<u64, StoreError> {
    let end = ending(end_where!("user_id = $3 AND passkey_id = $4"), ended);
    tx.execute(end.bind(user).bind(passkey.as_uuid())).await
}

/// Raises and locks the epoch, without ending sessions. `false`: it is already as high.
pub(in crate::store::sql) async fn raise_epoch_number(
    tx: &mut Transaction,
    user: UserId,
    to: Epoch,
    reason: Option<EpochReason>,
    at: OffsetDateTime,
) -> Result<bool, StoreError> {
    let raise = statement(
        "INSERT INTO user_epochs (user_id, epoch, reason, raised_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (user_id) DO UPDATE \
         SET epoch = excluded.epoch, reason = excluded.reason, raised_at = excluded.raised_at \
         WHERE user_epochs.epoch < excluded.epoch",
    )
    .bind(user)
    .bind(to)
    .bind(reason.map(EpochReason::as_str))
    .bind(at);
    Ok(tx.execute(raise).await? == 1)
}

/// Whether a session still has the token that its browser showed. It keeps it until this
/// transaction ends, unless it is changed here.
pub(in crate::store::sql) async fn can_be_kept(
    tx: &mut Transaction,
    user: UserId,
    survivor: &KeptSession,
) -> Result<bool, StoreError> {
    let found = statement(for_update!(
        "SELECT 1 FROM sessions WHERE session_id = $1 AND token_digest = $2 AND user_id = $3"
    ))
    .bind(survivor.session)
    .bind(survivor.from)
    .bind(user);
    Ok(tx.row(found).await?.is_some())
}

/// Takes a session into the new epoch, if it still has the token that its browser showed.
async fn keep_session(
    tx: &mut Transaction,
    epoch_move: &EpochMove,
    survivor: &KeptSession,
) -> Result<(), StoreError> {
    if !can_be_kept(tx, epoch_move.user, survivor).await? {
        return Ok(());
    }
    let rotation = Rotation {
        from: TokenDigest::from_bytes(survivor.from),
        to: TokenDigest::from_bytes(survivor.to),
        proof: survivor.proof,
        at: epoch_move.at,
    };
    if !rotate(tx, &rotation).await? {
        return Ok(());
    }
    let on = statement("UPDATE sessions SET epoch = $1 WHERE session_id = $2");
    tx.execute(on.bind(epoch_move.to).bind(survivor.session)).await?;
    Ok(())
}

/// The stored epoch of a user, locked.
async fn epoch_of(tx: &mut Transaction, user: UserId) -> Result<Option<Epoch>, StoreError> {
    let known =
        statement(for_update!("SELECT epoch FROM user_epochs WHERE user_id = $1")).bind(user);
    let row = tx.row(known).await?;
    row.map(|row| row.get(0).map(Epoch::from_number)).transpose()
}
