//! The ways in which live rows end: moved to the ended, in the transaction that ends them.

use time::OffsetDateTime;

use super::revocations::{self, this_step};
use crate::accounts::{Epoch, EpochReason, KeptSession, UserId};
use crate::failure::StoreError;
use crate::sessions::{EndReason, Ended, Ending, EpochMove, Rotation, SessionId, TokenDigest};
use crate::store::sql::engine::{Statement, Text, Write, locking, statement};

/// Ends the sessions that a condition names: the row goes, and how it ended stays. `$1` is the
/// reason and `$2` the time.
///
/// Where others write at the same time, that is one statement, in which what it deletes is what it
/// notes.
macro_rules! end_where {
    ($condition:literal) => {
        Text::Each {
            sqlite: &[
                concat!(
                    "INSERT INTO ended_sessions (token_digest, session_id, user_id, reason, ",
                    "ended_at, anonymous, rotated_away, step) ",
                    "SELECT token_digest, session_id, user_id, $1, $2, user_id IS NULL, FALSE, ",
                    this_step!(sqlite),
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
                this_step!(postgres),
                " FROM gone"
            ),
        }
    };
}

fn ending(text: Text, ended: Ended) -> Statement {
    statement(text).bind(ended.reason.as_str()).bind(ended.at)
}

/// Ends one session, if the conditions hold.
pub(in crate::store::sql) fn end(ending: &Ending) -> Statement {
    let text = end_where!(
        "session_id = $3 AND ($4 IS NULL OR user_id = $4) AND ($5 IS NULL OR last_seen_at <= $5)"
    );
    self::ending(text, ending.ended).bind(ending.id).bind(ending.of).bind(ending.unseen_since)
}

/// Whether it was live until now.
pub(in crate::store::sql) async fn end_session(
    write: &mut Write,
    id: SessionId,
    ended: Ended,
) -> Result<bool, StoreError> {
    let end = ending(end_where!("session_id = $3"), ended).bind(id);
    Ok(write.execute(end).await? > 0)
}

pub(in crate::store::sql) async fn end_all(
    write: &mut Write,
    ended: Ended,
) -> Result<u64, StoreError> {
    write.take_time().await?;
    let count = write.execute(ending(end_where!("TRUE"), ended)).await?;
    // Last, for others who hold sessions may wait for it.
    revocations::begin_anew(write).await?;
    Ok(count)
}

macro_rules! rotated_away {
    ($engine:ident) => {
        concat!(
            "INSERT INTO ended_sessions (token_digest, session_id, user_id, reason, ended_at, ",
            "anonymous, rotated_away, step) VALUES ($1, $2, $3, $4, $5, $3 IS NULL, TRUE, ",
            this_step!($engine),
            ")"
        )
    };
}

/// Gives a live row another digest and leaves the old one among the ended.
pub(in crate::store::sql) async fn rotate(
    write: &mut Write,
    rotation: &Rotation,
) -> Result<bool, StoreError> {
    if is_used(write, rotation.to).await? {
        return Ok(false);
    }
    let new = statement(
        "UPDATE sessions SET token_digest = $1, \
         authenticated_at = CASE WHEN $2 THEN $3 ELSE authenticated_at END \
         WHERE token_digest = $4 RETURNING session_id, user_id",
    )
    .bind(rotation.to)
    .bind(rotation.authenticated)
    .bind(rotation.at)
    .bind(rotation.from);
    let Some(row) = write.row(new).await? else { return Ok(false) };
    let old = statement(Text::Each {
        sqlite: &[rotated_away!(sqlite)],
        postgres: rotated_away!(postgres),
    })
    .bind(rotation.from)
    .bind(row.get::<Vec<u8>>("session_id")?)
    .bind(row.get::<Option<Vec<u8>>>("user_id")?)
    .bind(EndReason::Replaced.as_str())
    .bind(rotation.at);
    write.execute(old).await?;
    Ok(true)
}

/// Whether a session has this digest, or one that ended had it.
async fn is_used(write: &mut Write, digest: TokenDigest) -> Result<bool, StoreError> {
    let any = statement(
        "SELECT EXISTS (SELECT 1 FROM sessions WHERE token_digest = $1) \
         OR EXISTS (SELECT 1 FROM ended_sessions WHERE token_digest = $1)",
    );
    write.one_row(any.bind(digest)).await?.get(0)
}

/// Raises a user's epoch and ends every session of an earlier one, but for the survivor.
pub(in crate::store::sql) async fn raise_epoch(
    write: &mut Write,
    epoch_move: &EpochMove,
) -> Result<u64, StoreError> {
    let EpochMove { user, to, reason, at, .. } = *epoch_move;
    if !raise_number(write, user, to, Some(reason), at).await? {
        return Ok(0);
    }
    if let Some(survivor) = &epoch_move.survivor {
        survive(write, epoch_move, survivor).await?;
    }
    end_earlier(write, user, to, Ended { reason: reason.into(), at }).await
}

/// The epoch of a user, which stays as it is until this transaction ends. A sign-in may know of a
/// higher one: what raised it is still on its way, and the sessions of the earlier epochs are over
/// all the same.
pub(in crate::store::sql) async fn learn_epoch(
    write: &mut Write,
    user: UserId,
    at_least: Epoch,
    outdated: Ended,
) -> Result<Epoch, StoreError> {
    if let Some(known) = epoch_of(write, user).await?
        && known >= at_least
    {
        return Ok(known);
    }
    if raise_number(write, user, at_least, None, outdated.at).await? {
        end_earlier(write, user, at_least, outdated).await?;
        return Ok(at_least);
    }
    // Another one has just taught it.
    Ok(epoch_of(write, user).await?.unwrap_or(at_least))
}

async fn end_earlier(
    write: &mut Write,
    user: UserId,
    epoch: Epoch,
    ended: Ended,
) -> Result<u64, StoreError> {
    let end = ending(end_where!("user_id = $3 AND epoch < $4"), ended);
    write.execute(end.bind(user).bind(epoch)).await
}

/// Raises the number alone. `false`: it is as high already. Either way nobody else moves it until
/// this transaction ends.
pub(in crate::store::sql) async fn raise_number(
    write: &mut Write,
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
    Ok(write.execute(raise).await? == 1)
}

/// Whether a session still has the token that its browser showed. It keeps it until this
/// transaction ends, unless it is changed here.
pub(in crate::store::sql) async fn fits(
    write: &mut Write,
    user: UserId,
    survivor: &KeptSession,
) -> Result<bool, StoreError> {
    let found = statement(locking!(
        "SELECT 1 FROM sessions WHERE session_id = $1 AND token_digest = $2 AND user_id = $3"
    ))
    .bind(survivor.session)
    .bind(survivor.from)
    .bind(user);
    Ok(write.row(found).await?.is_some())
}

/// Takes a session into the new epoch, if it still has the token that its browser showed.
async fn survive(
    write: &mut Write,
    epoch_move: &EpochMove,
    survivor: &KeptSession,
) -> Result<(), StoreError> {
    if !fits(write, epoch_move.user, survivor).await? {
        return Ok(());
    }
    let rotation = Rotation {
        from: TokenDigest::from_bytes(survivor.from),
        to: TokenDigest::from_bytes(survivor.to),
        authenticated: survivor.authenticated,
        at: epoch_move.at,
    };
    if !rotate(write, &rotation).await? {
        return Ok(());
    }
    let on = statement("UPDATE sessions SET epoch = $1 WHERE session_id = $2");
    write.execute(on.bind(epoch_move.to).bind(survivor.session)).await?;
    Ok(())
}

/// The copy of a user's epoch; `None` where there is none.
async fn epoch_of(write: &mut Write, user: UserId) -> Result<Option<Epoch>, StoreError> {
    let known = statement(locking!("SELECT epoch FROM user_epochs WHERE user_id = $1")).bind(user);
    let row = write.row(known).await?;
    row.map(|row| row.get(0).map(Epoch::from_number)).transpose()
}
