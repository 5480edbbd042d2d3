//! The revocation feed, read from `ended_sessions`. After the end of a session come those of its
//! children, which are read from `child_sessions`.
//!
//! Each end has a step number. `SQLite` counts steps. In `PostgreSQL` a step is a transaction id,
//! and transactions become visible in a different order than their ids. So a cursor is a snapshot:
//! all steps below a number, except some that were still open. Rows that a later query sees and the
//! snapshot does not are new. Readers and writers never wait for each other, and no end is missed.
//!
//! A page may end within a step. The next one begins with the rest of it, also where a lower step has
//! become visible since, so that a cursor never has to name two such places.

use uuid::Uuid;

use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::{Cursor, Ended, Revocation, Revocations, SessionId};
use crate::store::sql::engine::{Engine, Sql, SqlRow, Transaction, statement};
use crate::store::sql::rows::{ended, uuid};

/// The step of the current transaction, as an SQL expression.
macro_rules! current_step {
    (sqlite) => {
        "(SELECT MAX(COALESCE((SELECT MAX(step) FROM ended_sessions), 0), forgotten) + 1 \
         FROM revocation_feed)"
    };
    (postgres) => {
        "CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)"
    };
}
pub(in crate::store::sql) use current_step;

/// Selects ended sessions. `$3` and `$4` are a partly read step and the last session read of it,
/// whose children may be unread. `$5` is one more than the limit, for that session.
macro_rules! ends {
    ($condition:literal, $order:literal) => {
        concat!(
            "SELECT step, session_id, user_id, reason, ended_at, rotated_away FROM ended_sessions \
             WHERE ",
            $condition,
            " AND NOT (step = $3 AND session_id < $4) ORDER BY ",
            $order,
            " LIMIT $5"
        )
    };
}

/// Selects the feed together with the snapshot of the query, from selected ends. `$6` is the last
/// child read of the last session read.
macro_rules! feed {
    ($seen:expr, $ends:expr) => {
        concat!(
            "WITH ends AS MATERIALIZED (",
            $ends,
            ") SELECT identity, forgotten, ",
            $seen,
            " AS seen, found.* FROM revocation_feed LEFT JOIN (\
             SELECT step, session_id, NULL AS child_id, user_id, reason, ended_at FROM ends \
             WHERE NOT (step = $3 AND session_id = $4) UNION ALL \
             SELECT step, session_id, child_id, user_id, reason, ended_at FROM ends \
             JOIN child_sessions ON parent_id = session_id AND NOT rotated_away \
             WHERE NOT (step = $3 AND session_id = $4 AND child_id <= $6)\
             ) AS found ON TRUE \
             ORDER BY step <> $3, step, session_id, child_id IS NOT NULL, child_id LIMIT $5"
        )
    };
}

/// Selects unseen ends together with the snapshot of the query.
const UNSEEN: Sql = Sql::Each {
    sqlite: &[feed!(
        concat!("'0:' || ", current_step!(sqlite), " || ':'"),
        ends!("step >= $1 AND $2 IS NOT NULL", "step, session_id")
    )],
    // Steps above the snapshot only exist in tables restored from another server.
    postgres: feed!(
        "CAST(pg_current_snapshot() AS TEXT)",
        concat!(
            "(",
            ends!(
                "step >= $1 AND \
                 step < CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT)",
                "step, session_id"
            ),
            ") UNION ALL (",
            ends!("step = ANY (CAST($2 AS BIGINT[]))", "step <> $3, step, session_id"),
            ")"
        )
    ),
};

/// A place in a step: after a session, or after one of its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    session: SessionId,
    child: Option<SessionId>,
}

/// A snapshot: the steps below a number except the open ones, and part of one more step up to a
/// place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SeenSteps {
    below: i64,
    open: Vec<i64>,
    part: Option<(i64, Place)>,
}

impl SeenSteps {
    /// Parses the engine's form: lowest open step, number, open steps.
    fn by_query(text: &str) -> Option<Self> {
        let mut fields = text.split(':').skip(1);
        let below = fields.next()?.parse().ok()?;
        Some(Self { below, open: numbers(fields.next()?, ',')?, part: None })
    }

    /// The snapshot after reading from `self` up to one end in the snapshot `now`: first the rest of
    /// a partly read step, then the others in order.
    fn up_to(&self, now: &Self, step: i64, place: Place) -> Self {
        let part = Some((step, place));
        let read = match self.part {
            Some((partly, _)) if partly == step => return Self { part, ..self.clone() },
            Some((partly, _)) => Some(partly),
            None => None,
        };
        let earlier = now.open.iter().filter(|open| **open < step);
        let later = self.open.iter().filter(|open| **open >= step && Some(**open) != read);
        Self {
            below: self.below.max(step).max(read.map_or(0, |read| read + 1)),
            open: earlier.chain(later).copied().collect(),
            part,
        }
    }

    /// Whether `now` is later, and no unseen end was deleted in between. A step that is still open
    /// has no ends yet.
    fn is_known(&self, now: &Self, forgotten: i64) -> bool {
        let has_all = |open: &i64| *open > forgotten || now.open.contains(open);
        self.below <= now.below && forgotten < self.below && self.open.iter().all(has_all)
    }

    fn cursor(&self, identity: &str) -> Cursor {
        let open: Vec<String> = self.open.iter().map(i64::to_string).collect();
        let mut part = String::new();
        if let Some((step, Place { session, child })) = self.part {
            part = format!("{step}.{}", session.as_uuid().simple());
            if let Some(child) = child {
                part = format!("{part}.{}", child.as_uuid().simple());
            }
        }
        Cursor::of(format!("{identity}_{}_{}_{part}", self.below, open.join(".")))
    }

    /// Parses a cursor into the identity of its feed and a snapshot.
    fn in_cursor(cursor: &Cursor) -> Option<(&str, Self)> {
        let fields: Vec<&str> = cursor.as_str().split('_').collect();
        let [identity, below, open, part] = fields[..] else { return None };
        let id = |text| Uuid::try_parse(text).ok().map(SessionId::from_uuid);
        let fields: Vec<&str> = part.split('.').collect();
        let part = match fields[..] {
            [""] => None,
            [step, session] => {
                Some((step.parse().ok()?, Place { session: id(session)?, child: None }))
            }
            [step, session, child] => {
                Some((step.parse().ok()?, Place { session: id(session)?, child: Some(id(child)?) }))
            }
            _ => return None,
        };
        let seen = Self { below: below.parse().ok()?, open: numbers(open, '.')?, part };
        Some((identity, seen))
    }
}

fn numbers(text: &str, separator: char) -> Option<Vec<i64>> {
    text.split(separator).filter(|one| !one.is_empty()).map(|one| one.parse().ok()).collect()
}

/// The result of one query.
struct FeedRead {
    identity: String,
    forgotten: i64,
    now: SeenSteps,
    /// The unseen ends, in order.
    ends: Vec<FeedEnd>,
}

struct FeedEnd {
    step: i64,
    place: Place,
    user: Option<UserId>,
    ended: Ended,
}

pub(in crate::store::sql) async fn after(
    engine: &Engine,
    after: Option<&Cursor>,
    most: u32,
) -> Result<Revocations, StoreError> {
    let Some(after) = after else {
        let all = SeenSteps { below: i64::MAX, open: Vec::new(), part: None };
        let FeedRead { identity, now, .. } = unseen(engine, &all, 0).await?;
        return Ok(Revocations::After { revocations: Vec::new(), next: now.cursor(&identity) });
    };
    let Some((of, seen)) = SeenSteps::in_cursor(after) else { return Ok(Revocations::Expired) };
    let found = match unseen(engine, &seen, most).await {
        // The ended session of a corrupt row is unknown.
        Err(StoreError::Corrupt(what)) => {
            tracing::error!(
                what,
                "could not read a row of the revocation feed; followers drop all cached sessions"
            );
            return Ok(Revocations::Expired);
        }
        found => found?,
    };
    if of != found.identity || !seen.is_known(&found.now, found.forgotten) {
        return Ok(Revocations::Expired);
    }
    Ok(found.into_page(&seen, most))
}

impl FeedRead {
    fn into_page(self, seen: &SeenSteps, most: u32) -> Revocations {
        let Self { identity, now, mut ends, .. } = self;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let is_all = ends.len() < most;
        ends.truncate(most);
        let mut revocations: Vec<Revocation> = ends
            .into_iter()
            .map(|FeedEnd { step, place, user, ended }| {
                let cursor = seen.up_to(&now, step, place).cursor(&identity);
                let session = place.child.unwrap_or(place.session);
                Revocation { cursor, session, user, ended }
            })
            .collect();
        if is_all && let Some(last) = revocations.last_mut() {
            last.cursor = now.cursor(&identity);
        }
        let last = revocations.last().map(|last| last.cursor.clone());
        let next = last.unwrap_or_else(|| now.cursor(&identity));
        Revocations::After { revocations, next }
    }
}

async fn unseen(engine: &Engine, seen: &SeenSteps, most: u32) -> Result<FeedRead, StoreError> {
    let open: Vec<String> = seen.open.iter().map(i64::to_string).collect();
    // -1 is not a step.
    let (part, up_to) = seen.part.unzip();
    let id = |id: SessionId| id.as_uuid().as_bytes().to_vec();
    let child = up_to.and_then(|place| place.child);
    let unseen = statement(UNSEEN)
        .bind(seen.below)
        .bind(format!("{{{}}}", open.join(",")))
        .bind(part.unwrap_or(-1))
        .bind(up_to.map(|place| id(place.session)).unwrap_or_default())
        .bind(most.saturating_add(1))
        .bind(child.map(id).unwrap_or_default());
    let rows = engine.rows(unseen).await?;
    let feed = rows.first().ok_or(StoreError::Corrupt("the feed of ends"))?;
    let now: String = feed.get("seen")?;
    let now = SeenSteps::by_query(&now).ok_or(StoreError::Corrupt("what a query has seen"))?;
    let mut ends = Vec::new();
    for row in &rows {
        ends.extend(end(row)?);
    }
    Ok(FeedRead { identity: feed.get("identity")?, forgotten: feed.get("forgotten")?, now, ends })
}

fn end(row: &SqlRow) -> Result<Option<FeedEnd>, StoreError> {
    let Some(step) = row.get("step")? else { return Ok(None) };
    let session: Vec<u8> = row.get("session_id")?;
    let child: Option<Vec<u8>> = row.get("child_id")?;
    let user: Option<Vec<u8>> = row.get("user_id")?;
    let user = user.map(|id| uuid(&id)).transpose()?.map(UserId::from_uuid);
    let child = child.map(|id| uuid(&id)).transpose()?.map(SessionId::from_uuid);
    let place = Place { session: SessionId::from_uuid(uuid(&session)?), child };
    Ok(Some(FeedEnd { step, place, user, ended: ended(row)? }))
}

/// Records that ends up to these steps were deleted.
pub(in crate::store::sql) async fn forget(
    tx: &mut Transaction,
    steps: impl Iterator<Item = i64>,
) -> Result<(), StoreError> {
    let Some(highest) = steps.max() else { return Ok(()) };
    let higher = statement("UPDATE revocation_feed SET forgotten = $1 WHERE forgotten < $1");
    tx.execute(higher.bind(highest)).await.map(drop)
}

/// Expires every cursor, so that followers drop all they have cached.
pub(in crate::store::sql) async fn reset_feed(tx: &mut Transaction) -> Result<(), StoreError> {
    let other = statement("UPDATE revocation_feed SET identity = CAST(random() AS TEXT)");
    tx.execute(other).await.map(drop)
}

#[cfg(test)]
mod tests;
