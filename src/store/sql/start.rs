//! Starting a session: everything is checked, then written, in one transaction.

use super::ending::{end_session, learn_epoch};
use super::engine::{Write, is_taken, locking, statement};
use super::rows::{session, session_columns};
use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::{
    Cutoffs, EndReason, Ended, Kept, LimitPolicy, Owner, Session, SessionId, Start, Started,
    TimeoutRule, TokenDigest,
};

/// What the brought session leaves to the new one.
#[derive(Default)]
struct Inheritance {
    visitor: Kept,
    application: Kept,
}

/// The live session that the browser brought.
struct Brought {
    session: Session,
    data: Inheritance,
}

/// Starts of one user wait for each other, and for whatever raises the epoch: by the row that has
/// it. What the browser brought is held as it is from where it is read.
pub(super) async fn start(write: &mut Write, start: &Start) -> Result<Started, StoreError> {
    let is_used = is_used(write, start).await?;
    let at = start.cutoffs.now();
    let outdated = Ended { reason: start.outdated, at };
    if let Owner::User { id, epoch } = start.session.owner
        && learn_epoch(write, id, epoch, outdated).await? > epoch
    {
        return Ok(Started::EpochMoved);
    }
    let brought = match &start.previous_token {
        Some(digest) => brought(write, *digest, &start.cutoffs).await?,
        None => None,
    };
    let Some(too_many) = evictions(write, start, brought.as_ref()).await? else {
        return Ok(Started::LimitReached);
    };
    if is_used {
        return Ok(Started::Taken);
    }
    let mut evicted = Vec::new();
    for id in too_many {
        if end_session(write, id, Ended { reason: EndReason::SessionLimit, at }).await? {
            evicted.push(id);
        }
    }
    let replaced = brought.as_ref().map(|brought| brought.session.id);
    let data = match brought {
        Some(brought) => hand_over(write, start, brought).await?,
        None => Inheritance::default(),
    };
    match insert(write, start, data).await {
        // Another start came first.
        Err(error) if is_taken(&error) => Ok(Started::Taken),
        inserted => inserted.map(|()| Started::Started { evicted, replaced }),
    }
}

/// Whether the id or the digest is in use, or was.
async fn is_used(write: &mut Write, start: &Start) -> Result<bool, StoreError> {
    let any = statement(
        "SELECT EXISTS (SELECT 1 FROM sessions WHERE token_digest = $1 OR session_id = $2) \
         OR EXISTS (SELECT 1 FROM ended_sessions WHERE token_digest = $1 \
         OR (session_id = $2 AND NOT rotated_away))",
    );
    write.one_row(any.bind(start.digest).bind(start.session.id)).await?.get(0)
}

async fn brought(
    write: &mut Write,
    digest: TokenDigest,
    cutoffs: &Cutoffs,
) -> Result<Option<Brought>, StoreError> {
    let found = statement(locking!(concat!(
        "SELECT ",
        session_columns!(),
        ", visitor_data, visitor_version, application_data, application_version \
         FROM sessions WHERE token_digest = $1"
    )));
    let Some(row) = write.row(found.bind(digest)).await? else { return Ok(None) };
    let Some(session) = session(&row).filter(|session| cutoffs.ended(session).is_none()) else {
        return Ok(None);
    };
    let data = Inheritance {
        visitor: Kept { version: row.get("visitor_version")?, data: row.get("visitor_data")? },
        application: Kept {
            version: row.get("application_version")?,
            data: row.get("application_data")?,
        },
    };
    Ok(Some(Brought { session, data }))
}

/// The sessions that must end for this one to fit; `None` when the policy refuses instead.
async fn evictions(
    write: &mut Write,
    start: &Start,
    brought: Option<&Brought>,
) -> Result<Option<Vec<SessionId>>, StoreError> {
    let (Some(limit), Some(user)) = (start.limit, start.session.owner.user()) else {
        return Ok(Some(Vec::new()));
    };
    let freed = brought.map(|brought| brought.session.id);
    let mut live = live_of(write, user, &start.cutoffs).await?;
    live.retain(|session| Some(session.id) != freed);
    if limit.policy == LimitPolicy::EvictIdle {
        // A stable sort: of those that were seen at once, the oldest goes first.
        live.sort_by_key(|session| start.last_seen(session.id, session.last_seen_at));
    }

    let room_for_others = usize::try_from(limit.most.max(1)).unwrap_or(usize::MAX) - 1;
    let too_many = live.len().saturating_sub(room_for_others);
    match limit.policy {
        LimitPolicy::Refuse if too_many > 0 => Ok(None),
        _ => Ok(Some(live.into_iter().take(too_many).map(|session| session.id).collect())),
    }
}

/// The user's sessions that no timeout has ended, oldest first.
async fn live_of(
    write: &mut Write,
    user: UserId,
    cutoffs: &Cutoffs,
) -> Result<Vec<Session>, StoreError> {
    let [standard, remembered, administrator] = TimeoutRule::ALL;
    let live = statement(concat!(
        "SELECT ",
        session_columns!(),
        " FROM sessions WHERE user_id = $1 AND expires_at > $2 \
         AND last_seen_at > CASE timeout_rule WHEN $3 THEN $4 WHEN $5 THEN $6 WHEN $7 THEN $8 END \
         ORDER BY created_at, session_id"
    ))
    .bind(user)
    .bind(cutoffs.now())
    .bind(standard.number())
    .bind(cutoffs.idle_since(standard))
    .bind(remembered.number())
    .bind(cutoffs.idle_since(remembered))
    .bind(administrator.number())
    .bind(cutoffs.idle_since(administrator));
    let rows = write.rows(live).await?;
    Ok(rows.iter().filter_map(session).collect())
}

/// Ends the brought session, and takes its data along unless it is another user's.
async fn hand_over(
    write: &mut Write,
    start: &Start,
    brought: Brought,
) -> Result<Inheritance, StoreError> {
    let whose = brought.session.owner.user();
    let handed_over = whose.is_none() || whose == start.session.owner.user();
    let reason = if handed_over { EndReason::Replaced } else { EndReason::SignedOut };
    end_session(write, brought.session.id, Ended { reason, at: start.cutoffs.now() }).await?;
    Ok(if handed_over { brought.data } else { Inheritance::default() })
}

async fn insert(write: &mut Write, start: &Start, data: Inheritance) -> Result<(), StoreError> {
    let session = &start.session;
    let insert = statement(
        "INSERT INTO sessions (session_id, token_digest, user_id, epoch, created_at, \
         authenticated_at, last_seen_at, expires_at, timeout_rule, remember_me, ip_address, \
         user_agent, visitor_data, visitor_version, application_data, application_version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(session.id)
    .bind(start.digest)
    .bind(session.owner.user())
    .bind(session.owner.epoch())
    .bind(session.created_at)
    .bind(session.authenticated_at)
    .bind(session.last_seen_at)
    .bind(session.expires_at)
    .bind(session.rule.number())
    .bind(session.remember_me)
    .bind(session.client.ip_address.map(|address| address.to_string()))
    .bind(session.client.user_agent.as_str())
    .bind(data.visitor.data)
    .bind(data.visitor.version)
    .bind(data.application.data)
    .bind(data.application.version);
    write.execute(insert).await.map(drop)
}
