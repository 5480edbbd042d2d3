//! Starting a session: everything is checked, then written, in one transaction.

use sqlx::{QueryBuilder, Row, Sqlite};

use super::ending::{Write, end_session, epoch_of, learn_epoch};
use super::rows::{failed, id_bytes, milliseconds, session, session_columns};
use crate::accounts::{Epoch, UserId};
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

pub(super) async fn start(write: &mut Write, start: &Start) -> Result<Started, StoreError> {
    let is_taken = is_taken(write, start).await?;
    if let Owner::User { id, epoch } = start.session.owner {
        let known = epoch_of(write, id.as_uuid()).await?.map(Epoch::from_number);
        if known.is_some_and(|known| known > epoch) {
            return Ok(Started::EpochMoved);
        }
        if known.is_none_or(|known| known < epoch) {
            learn_epoch(write, id, epoch, start.cutoffs.now()).await?;
        }
    }
    let brought = match &start.brought {
        Some(digest) => brought(write, digest, &start.cutoffs).await?,
        None => None,
    };
    let Some(evicted) = evictions(write, start, brought.as_ref()).await? else {
        return Ok(Started::LimitReached);
    };
    if is_taken {
        return Ok(Started::Taken);
    }
    let at = start.cutoffs.now();
    for id in &evicted {
        end_session(write, *id, Ended { reason: EndReason::SessionLimit, at }).await?;
    }
    let replaced = brought.as_ref().map(|brought| brought.session.id);
    let data = match brought {
        Some(brought) => hand_over(write, start, brought).await?,
        None => Inheritance::default(),
    };
    insert(write, start, data).await?;
    Ok(Started::Started { evicted, replaced })
}

async fn is_taken(write: &mut Write, start: &Start) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "SELECT EXISTS (SELECT 1 FROM sessions WHERE token_digest = $1 OR session_id = $2) \
         OR EXISTS (SELECT 1 FROM ended_sessions WHERE token_digest = $1 \
         OR (session_id = $2 AND NOT rotated_away))",
    )
    .bind(start.digest.as_bytes().to_vec())
    .bind(id_bytes(start.session.id.as_uuid()))
    .fetch_one(&mut **write)
    .await
    .map_err(failed)?;
    row.try_get(0).map_err(failed)
}

async fn brought(
    write: &mut Write,
    digest: &TokenDigest,
    cutoffs: &Cutoffs,
) -> Result<Option<Brought>, StoreError> {
    let row = sqlx::query(concat!(
        "SELECT ",
        session_columns!(),
        ", visitor_data, visitor_version, application_data, application_version \
         FROM sessions WHERE token_digest = $1"
    ))
    .bind(digest.as_bytes().to_vec())
    .fetch_optional(&mut **write)
    .await
    .map_err(failed)?;
    let Some(row) = row else { return Ok(None) };
    let Some(session) = session(&row).filter(|session| cutoffs.ended(session).is_none()) else {
        return Ok(None);
    };
    let data = Inheritance {
        visitor: Kept {
            version: row.try_get("visitor_version").map_err(failed)?,
            data: row.try_get("visitor_data").map_err(failed)?,
        },
        application: Kept {
            version: row.try_get("application_version").map_err(failed)?,
            data: row.try_get("application_data").map_err(failed)?,
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
    live.retain(|id| Some(*id) != freed);

    let room_for_others = usize::try_from(limit.most.max(1)).unwrap_or(usize::MAX) - 1;
    let too_many = live.len().saturating_sub(room_for_others);
    match limit.policy {
        LimitPolicy::Refuse if too_many > 0 => Ok(None),
        _ => {
            live.truncate(too_many);
            Ok(Some(live))
        }
    }
}

/// The user's sessions that no timeout has ended, oldest first.
async fn live_of(
    write: &mut Write,
    user: UserId,
    cutoffs: &Cutoffs,
) -> Result<Vec<SessionId>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(concat!(
        "SELECT ",
        session_columns!(),
        " FROM sessions WHERE user_id = "
    ));
    query.push_bind(id_bytes(user.as_uuid()));
    query.push(" AND expires_at > ").push_bind(milliseconds(cutoffs.now()));
    query.push(" AND last_seen_at > CASE timeout_rule");
    for rule in TimeoutRule::ALL {
        query.push(" WHEN ").push_bind(i64::from(rule.number()));
        query.push(" THEN ").push_bind(milliseconds(cutoffs.idle_since(rule)));
    }
    query.push(" END ORDER BY created_at, session_id");
    let rows = query.build().fetch_all(&mut **write).await.map_err(failed)?;
    Ok(rows.iter().filter_map(session).map(|session| session.id).collect())
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
    sqlx::query(
        "INSERT INTO sessions (session_id, token_digest, user_id, epoch, created_at, \
         authenticated_at, last_seen_at, expires_at, timeout_rule, remember_me, ip_address, \
         user_agent, visitor_data, visitor_version, application_data, application_version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(id_bytes(session.id.as_uuid()))
    .bind(start.digest.as_bytes().to_vec())
    .bind(session.owner.user().map(|user| id_bytes(user.as_uuid())))
    .bind(session.owner.epoch().map(Epoch::number))
    .bind(milliseconds(session.created_at))
    .bind(session.authenticated_at.map(milliseconds))
    .bind(milliseconds(session.last_seen_at))
    .bind(milliseconds(session.expires_at))
    .bind(i64::from(session.rule.number()))
    .bind(session.remember_me)
    .bind(session.client.ip_address.map(|address| address.to_string()))
    .bind(&session.client.user_agent)
    .bind(data.visitor.data)
    .bind(data.visitor.version)
    .bind(data.application.data)
    .bind(data.application.version)
    .execute(&mut **write)
    .await
    .map_err(failed)?;
    Ok(())
}
