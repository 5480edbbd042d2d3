//! The feed of ends, read from the ended sessions themselves.
//!
//! Each end has the number of its step. In `SQLite` steps are counted up by the one that writes. In
//! `PostgreSQL` a step is the number of its transaction, and transactions become visible in another
//! order than that of their numbers. So a cursor says exactly which of them its reader has seen, as
//! the snapshot of a query does: all below a number, but for some that were still open. What a later
//! query sees and that snapshot does not is new. Nobody waits for anybody, and nothing is missed.

use uuid::Uuid;

use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::{Cursor, Ended, Revocation, Revocations, SessionId};
use crate::store::sql::engine::{Engine, Row, Text, Write, statement};
use crate::store::sql::rows::{ended, uuid};

/// The step of the transaction under way, where it is written down.
macro_rules! this_step {
    (sqlite) => {
        "(SELECT MAX(COALESCE((SELECT MAX(step) FROM ended_sessions), 0), forgotten) + 1 \
         FROM revocation_feed)"
    };
    (postgres) => {
        "CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)"
    };
}
pub(in crate::store::sql) use this_step;

/// What is asked of the ended sessions; `$3` and `$4` are as far as a step was read already.
macro_rules! ends {
    ($condition:literal) => {
        concat!(
            "SELECT step, session_id, user_id, reason, ended_at FROM ended_sessions WHERE ",
            $condition,
            " AND NOT (step = $3 AND session_id <= $4) ORDER BY step, session_id LIMIT $5"
        )
    };
}

/// One answer has the ends and what was seen by the query that found them.
const UNSEEN: Text = Text::Each {
    sqlite: &[concat!(
        "SELECT identity, forgotten, '0:' || ",
        this_step!(sqlite),
        " || ':' AS seen, found.* FROM revocation_feed LEFT JOIN (",
        ends!("step >= $1 AND $2 IS NOT NULL"),
        ") AS found ON TRUE ORDER BY found.step, found.session_id"
    )],
    // No step is as high as the snapshot says, but in tables that were brought from another server.
    postgres: concat!(
        "SELECT identity, forgotten, CAST(pg_current_snapshot() AS TEXT) AS seen, found.* \
         FROM revocation_feed LEFT JOIN ((",
        ends!(
            "step >= $1 AND \
             step < CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT)"
        ),
        ") UNION ALL (",
        ends!("step = ANY (CAST($2 AS BIGINT[]))"),
        ")) AS found ON TRUE ORDER BY found.step, found.session_id"
    ),
};

/// Which steps were seen: those below a number, but for the open ones, and of one more the sessions
/// up to one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    below: i64,
    open: Vec<i64>,
    part: Option<(i64, SessionId)>,
}

impl Seen {
    /// Reads how the engine says it: the lowest open one, the number, the open ones.
    fn by_query(text: &str) -> Option<Self> {
        let mut fields = text.split(':').skip(1);
        let below = fields.next()?.parse().ok()?;
        Some(Self { below, open: numbers(fields.next()?, ',')?, part: None })
    }

    /// What was seen by a reader who had seen this and then read, of all that `now` shows, what
    /// comes up to one end.
    fn up_to(&self, now: &Self, step: i64, session: SessionId) -> Self {
        let earlier = now.open.iter().filter(|open| **open < step);
        let later = self.open.iter().filter(|open| **open >= step);
        Self {
            below: self.below.max(step),
            open: earlier.chain(later).copied().collect(),
            part: Some((step, session)),
        }
    }

    /// Whether `now` follows on it, and nothing that it lacks is forgotten: a step that is open
    /// still has left nothing that could be.
    fn is_known(&self, now: &Self, forgotten: i64) -> bool {
        let has_all = |open: &i64| *open > forgotten || now.open.contains(open);
        self.below <= now.below && forgotten < self.below && self.open.iter().all(has_all)
    }

    fn cursor(&self, identity: &str) -> Cursor {
        let open: Vec<String> = self.open.iter().map(i64::to_string).collect();
        let part =
            self.part.map(|(step, session)| format!("{step}.{}", session.as_uuid().simple()));
        let (open, part) = (open.join("."), part.unwrap_or_default());
        Cursor::of(format!("{identity}_{}_{open}_{part}", self.below))
    }

    /// Of which feed a cursor is, and what it says. `None`: it is none.
    fn in_cursor(cursor: &Cursor) -> Option<(&str, Self)> {
        let fields: Vec<&str> = cursor.as_str().split('_').collect();
        let [identity, below, open, part] = fields[..] else { return None };
        let part = match part.split_once('.') {
            None if part.is_empty() => None,
            None => return None,
            Some((step, session)) => {
                let session = Uuid::try_parse(session).ok()?;
                Some((step.parse().ok()?, SessionId::from_uuid(session)))
            }
        };
        let seen = Self { below: below.parse().ok()?, open: numbers(open, '.')?, part };
        Some((identity, seen))
    }
}

fn numbers(text: &str, separator: char) -> Option<Vec<i64>> {
    text.split(separator).filter(|one| !one.is_empty()).map(|one| one.parse().ok()).collect()
}

/// What one query says.
struct Found {
    identity: String,
    forgotten: i64,
    now: Seen,
    /// Those that were not seen before, in their order.
    ends: Vec<End>,
}

struct End {
    step: i64,
    session: SessionId,
    user: Option<UserId>,
    ended: Ended,
}

pub(in crate::store::sql) async fn after(
    engine: &Engine,
    after: Option<&Cursor>,
    most: u32,
) -> Result<Revocations, StoreError> {
    let Some(after) = after else {
        let all = Seen { below: i64::MAX, open: Vec::new(), part: None };
        let Found { identity, now, .. } = unseen(engine, &all, 0).await?;
        return Ok(Revocations::After { revocations: Vec::new(), next: now.cursor(&identity) });
    };
    let Some((of, seen)) = Seen::in_cursor(after) else { return Ok(Revocations::Expired) };
    let found = match unseen(engine, &seen, most).await {
        // Nobody can tell what ended there.
        Err(StoreError::Corrupt(what)) => {
            tracing::error!(what, "the feed of ends holds a corrupt row: every cache is dropped");
            return Ok(Revocations::Expired);
        }
        found => found?,
    };
    if of != found.identity || !seen.is_known(&found.now, found.forgotten) {
        return Ok(Revocations::Expired);
    }
    Ok(found.told(&seen, most))
}

impl Found {
    fn told(self, seen: &Seen, most: u32) -> Revocations {
        let Self { identity, now, mut ends, .. } = self;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let is_all = ends.len() < most;
        ends.truncate(most);
        let mut revocations: Vec<Revocation> = ends
            .into_iter()
            .map(|End { step, session, user, ended }| {
                let cursor = seen.up_to(&now, step, session).cursor(&identity);
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

async fn unseen(engine: &Engine, seen: &Seen, most: u32) -> Result<Found, StoreError> {
    let open: Vec<String> = seen.open.iter().map(i64::to_string).collect();
    // No step has this number.
    let (part, up_to) = seen.part.unzip();
    let unseen = statement(UNSEEN)
        .bind(seen.below)
        .bind(format!("{{{}}}", open.join(",")))
        .bind(part.unwrap_or(-1))
        .bind(up_to.map(|session| session.as_uuid().as_bytes().to_vec()).unwrap_or_default())
        .bind(most);
    let rows = engine.rows(unseen).await?;
    let feed = rows.first().ok_or(StoreError::Corrupt("the feed of ends"))?;
    let now: String = feed.get("seen")?;
    let now = Seen::by_query(&now).ok_or(StoreError::Corrupt("what a query has seen"))?;
    let mut ends = Vec::new();
    for row in &rows {
        ends.extend(end(row)?);
    }
    Ok(Found { identity: feed.get("identity")?, forgotten: feed.get("forgotten")?, now, ends })
}

fn end(row: &Row) -> Result<Option<End>, StoreError> {
    let Some(step) = row.get("step")? else { return Ok(None) };
    let session: Vec<u8> = row.get("session_id")?;
    let user: Option<Vec<u8>> = row.get("user_id")?;
    let user = user.map(|id| uuid(&id)).transpose()?.map(UserId::from_uuid);
    let session = SessionId::from_uuid(uuid(&session)?);
    Ok(Some(End { step, session, user, ended: ended(row)? }))
}

/// Notes that ends up to these steps are forgotten.
pub(in crate::store::sql) async fn forget(
    write: &mut Write,
    steps: impl Iterator<Item = i64>,
) -> Result<(), StoreError> {
    let Some(highest) = steps.max() else { return Ok(()) };
    let higher = statement("UPDATE revocation_feed SET forgotten = $1 WHERE forgotten < $1");
    write.execute(higher.bind(highest)).await.map(drop)
}

/// Makes every cursor useless, so that whoever follows drops everything.
pub(in crate::store::sql) async fn begin_anew(write: &mut Write) -> Result<(), StoreError> {
    let other = statement("UPDATE revocation_feed SET identity = CAST(random() AS TEXT)");
    write.execute(other).await.map(drop)
}

#[cfg(test)]
mod tests;
