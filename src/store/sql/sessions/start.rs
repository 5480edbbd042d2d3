//! Starts a session: checks everything, then writes, in one transaction.

use super::end::{end_session, ensure_epoch};
use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::{
    Cutoffs, EndReason, Ended, Kept, LimitPolicy, Owner, Session, SessionId, Start, Started,
    TimeoutRule, TokenDigest,
};
use crate::store::sql::engine::{Transaction, for_update, is_unique_violation, statement};
use crate::store::sql::rows::{session, session_columns};

/// The data that a new session inherits from the browser's previous one.
#[derive(Default)]
struct InheritedData {
    visitor: Kept,
    application: Kept,
}

/// The live session that the browser had before.
struct PreviousSession {
    session: Session,
    data: InheritedData,
}

/// Starts of one user and raises of its epoch wait for each other on the row of the epoch. The
/// previous session is locked when it is read.
pub(in crate::store::sql) async fn start(
    tx: &mut Transaction,
    start: &Start,
) -> Result<Started, StoreError> {
    let is_used = is_used(tx, start.digest, start.session.id).await?;
    let at = start.cutoffs.now();
    let outdated = Ended { reason: start.outdated, at };
    if let Owner::User { id, epoch } = start.session.owner
        && ensure_epoch(tx, id, epoch, outdated).await? > epoch
    {
        return Ok(Started::EpochMoved);
    }
    let brought = match &start.previous_token {
        Some(digest) => previous_session(tx, *digest, &start.cutoffs).await?,
        None => None,
    };
    let Some(too_many) = evictions(tx, start, brought.as_ref()).await? else {
        return Ok(Started::LimitReached);
    };
    if is_used {
        return Ok(Started::Taken);
    }
    let mut evicted = Vec::new();
    for id in too_many {
        if end_session(tx, id, Ended { reason: EndReason::SessionLimit, at }).await? {
            evicted.push(id);
        }
    }
    let replaced = brought.as_ref().map(|brought| brought.session.id);
    let data = match brought {
        Some(brought) => end_previous(tx, start, brought).await?,
        None => InheritedData::default(),
    };
    match insert(tx, start, data).await {
        // A concurrent start used the id or the digest.
        Err(error) if is_unique_violation(&error) => Ok(Started::Taken),
        inserted => inserted.map(|()| Started::Started { evicted, replaced }),
    }
}

/// Whether the id or the digest is or was in use, by a session or a child.
pub(super) async fn is_used(
    tx: &mut Transaction,
    digest: TokenDigest,
    id: SessionId,
) -> Result<bool, StoreError> {
    let any = statement(
        "SELECT EXISTS (SELECT 1 FROM sessions WHERE token_digest = $1 OR session_id = $2) \
         OR EXISTS (SELECT 1 FROM child_sessions WHERE child_digest = $1 OR child_id = $2) \
         OR EXISTS (SELECT 1 FROM ended_sessions WHERE token_digest = $1 \
         OR (session_id = $2 AND NOT rotated_away))",
    );
    tx.one_row(any.bind(digest).bind(id)).await?.get(0)
}

async fn previous_session(
    tx: &mut Transaction,
    digest: TokenDigest,
    cutoffs: &Cutoffs,
) -> Result<Option<PreviousSession>, StoreError> {
    let found = statement(for_update!(concat!(
        "SELECT ",
        session_columns!(),
        ", visitor_data, visitor_version, application_data, application_version \
         FROM sessions WHERE token_digest = $1"
    )));
    let Some(row) = tx.row(found.bind(digest)).await? else { return Ok(None) };
    let Some(session) = session(&row).filter(|session| cutoffs.ended(session).is_none()) else {
        return Ok(None);
    };
    let data = InheritedData {
        visitor: Kept { version: row.get("visitor_version")?, data: row.get("visitor_data")? },
        application: Kept {
            version: row.get("application_version")?,
            data: row.get("application_data")?,
        },
    };
    Ok(Some(PreviousSession { session, data }))
}

/// The sessions that must end to stay within the limit; `None` if the policy refuses.
async fn evictions(
    tx: &mut Transaction,
    start: &Start,
    brought: Option<&PreviousSession>,
) -> Result<Option<Vec<SessionId>>, StoreError> {
    let (Some(limit), Some(user)) = (start.limit, start.session.owner.user()) else {
        return Ok(Some(Vec::new()));
    };
    let freed = brought.map(|brought| brought.session.id);
    let mut live = live_sessions(tx, user, &start.cutoffs).await?;
    live.retain(|session| Some(session.id) != freed);
    if limit.policy == LimitPolicy::EvictIdle {
        // The sort is stable: of sessions last seen at the same time, the oldest ends first.
        live.sort_by_key(|session| start.last_seen(session.id, session.last_seen_at));
    }

    let room_for_others = usize::try_from(limit.most.max(1)).unwrap_or(usize::MAX) - 1;
    let too_many = live.len().saturating_sub(room_for_others);
    match limit.policy {
        LimitPolicy::Refuse if too_many > 0 => Ok(None),
        _ => Ok(Some(live.into_iter().take(too_many).map(|session| session.id).collect())),
    }
}

/// The user's sessions within their timeouts, oldest first.
async fn live_sessions(
    tx: &mut Transaction,
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
    let rows = tx.rows(live).await?;
    Ok(rows.iter().filter_map(session).collect())
}

/// Ends the previous session. Its data is inherited unless it belongs to another user.
async fn end_previous(
    tx: &mut Transaction,
    start: &Start,
    brought: PreviousSession,
) -> Result<InheritedData, StoreError> {
    let whose = brought.session.owner.user();
    let handed_over = whose.is_none() || whose == start.session.owner.user();
    let reason = if handed_over { EndReason::Replaced } else { EndReason::SignedOut };
    end_session(tx, brought.session.id, Ended { reason, at: start.cutoffs.now() }).await?;
    Ok(if handed_over { brought.data } else { InheritedData::default() })
}

async fn insert(
    tx: &mut Transaction,
    start: &Start,
    data: InheritedData,
) -> Result<(), StoreError> {
    let session = &start.session;
    let insert = statement(
        "INSERT INTO sessions (session_id, token_digest, user_id, epoch, created_at, \
         authenticated_at, last_seen_at, expires_at, timeout_rule, remember_me, ip_address, \
         user_agent, visitor_data, visitor_version, application_data, application_version, \
         second_factor, factor_at, passkey_id, passkey_alone) VALUES \
         ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
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
    .bind(data.application.version)
    .bind(session.second_factor.map(|proven| i64::from(proven.factor.number())))
    .bind(session.second_factor.map(|proven| proven.at))
    .bind(session.passkey.map(|passkey| passkey.id.as_uuid()))
    .bind(session.passkey.is_some_and(|passkey| passkey.is_alone));
    tx.execute(insert).await.map(drop)
}
