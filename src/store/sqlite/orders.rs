//! Orders to servers that keep sessions in their own memory: what ends there, and why.

use sqlx::Row;
use uuid::Uuid;

use super::SqliteDatabase;
use super::ending::Write;
use super::rows::{failed, id_bytes, milliseconds};
use super::sessions::commit;
use crate::accounts::{Epoch, EpochReason, Survivor, UserId};
use crate::clock::from_unix_milliseconds;
use crate::failure::StoreError;
use crate::sessions::{EndReason, Ended, EpochMove, SessionId};

/// What every server has to do to the sessions it keeps.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// Raise a user's epoch.
    RaiseEpoch(EpochMove),
    /// End one session.
    EndOne(SessionId, Ended),
    /// End all, anonymous ones too.
    EndAll(Ended),
}

/// An order and its place in the list.
#[derive(Clone, Copy, Debug)]
pub struct Ordered {
    /// 1, 2, 3 …
    pub position: i64,
    /// What to do.
    pub order: Order,
}

impl SqliteDatabase {
    /// The position of the newest order; 0 before the first.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn newest_order(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COALESCE(MAX(position), 0) FROM session_orders")
            .fetch_one(&self.readers)
            .await
            .map_err(failed)?;
        row.try_get(0).map_err(failed)
    }

    /// The orders after a position, in order.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn orders_after(&self, position: i64) -> Result<Vec<Ordered>, StoreError> {
        let rows = sqlx::query(
            "SELECT position, kind, user_id, epoch, survivor, session_id, reason, ordered_at \
             FROM session_orders WHERE position > $1 ORDER BY position",
        )
        .bind(position)
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter().map(ordered).collect()
    }

    /// Gives an order to every server.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn give_order(&self, order: &Order) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        append(&mut write, order).await?;
        commit(write).await
    }
}

pub(super) async fn append(write: &mut Write, order: &Order) -> Result<(), StoreError> {
    let (kind, reason, at) = match order {
        Order::RaiseEpoch(raise) => ("raise_epoch", raise.reason.as_str(), raise.at),
        Order::EndOne(_, ended) => ("end_one", ended.reason.as_str(), ended.at),
        Order::EndAll(ended) => ("end_all", ended.reason.as_str(), ended.at),
    };
    let (raise, session) = match order {
        Order::RaiseEpoch(raise) => (Some(raise), None),
        Order::EndOne(id, _) => (None, Some(*id)),
        Order::EndAll(_) => (None, None),
    };
    sqlx::query(
        "INSERT INTO session_orders \
         (position, kind, user_id, epoch, survivor, session_id, reason, ordered_at) \
         SELECT COALESCE(MAX(position), 0) + 1, $1, $2, $3, $4, $5, $6, $7 FROM session_orders",
    )
    .bind(kind)
    .bind(raise.map(|raise| id_bytes(raise.user.as_uuid())))
    .bind(raise.map(|raise| raise.to.number()))
    .bind(raise.and_then(|raise| raise.survivor.as_ref()).map(survivor_bytes))
    .bind(session.map(|session| id_bytes(session.as_uuid())))
    .bind(reason)
    .bind(milliseconds(at))
    .execute(&mut **write)
    .await
    .map_err(failed)?;
    Ok(())
}

fn ordered(row: &sqlx::sqlite::SqliteRow) -> Result<Ordered, StoreError> {
    let corrupt = || StoreError::Corrupt("an order");
    let kind: String = row.try_get("kind").map_err(failed)?;
    let reason: String = row.try_get("reason").map_err(failed)?;
    let at = from_unix_milliseconds(row.try_get("ordered_at").map_err(failed)?);
    let id = |column: &str| -> Result<Uuid, StoreError> {
        let bytes: Option<Vec<u8>> = row.try_get(column).map_err(failed)?;
        Uuid::from_slice(&bytes.ok_or_else(corrupt)?).map_err(|_| corrupt())
    };
    let ended = || EndReason::parse(&reason).map(|reason| Ended { reason, at }).ok_or_else(corrupt);
    let order = match kind.as_str() {
        "raise_epoch" => Order::RaiseEpoch(EpochMove {
            user: UserId::from_uuid(id("user_id")?),
            to: Epoch::from_number(row.try_get("epoch").map_err(failed)?),
            reason: EpochReason::parse(&reason).ok_or_else(corrupt)?,
            survivor: survivor(row)?,
            at,
        }),
        "end_one" => Order::EndOne(SessionId::from_uuid(id("session_id")?), ended()?),
        "end_all" => Order::EndAll(ended()?),
        _ => return Err(corrupt()),
    };
    Ok(Ordered { position: row.try_get("position").map_err(failed)?, order })
}

fn survivor_bytes(survivor: &Survivor) -> Vec<u8> {
    let proven = [u8::from(survivor.authenticated)];
    [&survivor.session.as_bytes()[..], &survivor.from, &survivor.to, &proven].concat()
}

fn survivor(row: &sqlx::sqlite::SqliteRow) -> Result<Option<Survivor>, StoreError> {
    let bytes: Option<Vec<u8>> = row.try_get("survivor").map_err(failed)?;
    let Some(bytes) = bytes else { return Ok(None) };
    let read = || {
        let (session, rest) = bytes.split_first_chunk::<16>()?;
        let (from, rest) = rest.split_first_chunk::<32>()?;
        let (to, rest) = rest.split_first_chunk::<32>()?;
        let (proven, rest) = rest.split_first()?;
        rest.is_empty().then_some(Survivor {
            session: Uuid::from_bytes(*session),
            from: *from,
            to: *to,
            authenticated: *proven == 1,
        })
    };
    read().map(Some).ok_or(StoreError::Corrupt("an order"))
}
