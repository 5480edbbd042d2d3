//! Orders to servers that keep sessions in their own memory: what ends there, and why.

use uuid::Uuid;

use super::SqlDatabase;
use super::engine::{Done, Row, Write, in_one_step, statement};
use super::postgres::Lock;
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

impl SqlDatabase {
    /// The position of the newest order; 0 before the first.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn newest_order(&self) -> Result<i64, StoreError> {
        let newest = statement("SELECT COALESCE(MAX(position), 0) FROM session_orders");
        self.engine.one_row(newest).await?.get(0)
    }

    /// The orders after a position, in order.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn orders_after(&self, position: i64) -> Result<Vec<Ordered>, StoreError> {
        let after = statement(
            "SELECT position, kind, user_id, epoch, survivor, session_id, reason, ordered_at \
             FROM session_orders WHERE position > $1 ORDER BY position",
        );
        self.engine.rows(after.bind(position)).await?.iter().map(ordered).collect()
    }

    /// Gives an order to every server.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn give_order(&self, order: &Order) -> Result<(), StoreError> {
        in_one_step!(self.engine, write => append(write, order).await.map(Done::Commit))
    }
}

/// Others who give an order wait for the end of this transaction.
pub(super) async fn append(write: &mut Write, order: &Order) -> Result<(), StoreError> {
    write.lock(Lock::Orders).await?;
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
    let next = statement(
        "INSERT INTO session_orders \
         (position, kind, user_id, epoch, survivor, session_id, reason, ordered_at) \
         SELECT COALESCE(MAX(position), 0) + 1, $1, $2, $3, $4, $5, $6, $7 FROM session_orders",
    )
    .bind(kind)
    .bind(raise.map(|raise| raise.user))
    .bind(raise.map(|raise| raise.to))
    .bind(raise.and_then(|raise| raise.survivor.as_ref()).map(survivor_bytes))
    .bind(session)
    .bind(reason)
    .bind(at);
    write.execute(next).await.map(drop)
}

fn ordered(row: &Row) -> Result<Ordered, StoreError> {
    let corrupt = || StoreError::Corrupt("an order");
    let kind: String = row.get("kind")?;
    let reason: String = row.get("reason")?;
    let at = from_unix_milliseconds(row.get("ordered_at")?);
    let id = |column: &str| -> Result<Uuid, StoreError> {
        let bytes: Option<Vec<u8>> = row.get(column)?;
        Uuid::from_slice(&bytes.ok_or_else(corrupt)?).map_err(|_| corrupt())
    };
    let ended = || EndReason::parse(&reason).map(|reason| Ended { reason, at }).ok_or_else(corrupt);
    let order = match kind.as_str() {
        "raise_epoch" => Order::RaiseEpoch(EpochMove {
            user: UserId::from_uuid(id("user_id")?),
            to: Epoch::from_number(row.get("epoch")?),
            reason: EpochReason::parse(&reason).ok_or_else(corrupt)?,
            survivor: survivor(row)?,
            at,
        }),
        "end_one" => Order::EndOne(SessionId::from_uuid(id("session_id")?), ended()?),
        "end_all" => Order::EndAll(ended()?),
        _ => return Err(corrupt()),
    };
    Ok(Ordered { position: row.get("position")?, order })
}

pub(super) fn survivor_bytes(survivor: &Survivor) -> Vec<u8> {
    let proven = [u8::from(survivor.authenticated)];
    [&survivor.session.as_bytes()[..], &survivor.from, &survivor.to, &proven].concat()
}

pub(super) fn survivor(row: &Row) -> Result<Option<Survivor>, StoreError> {
    let bytes: Option<Vec<u8>> = row.get("survivor")?;
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
    read().map(Some).ok_or(StoreError::Corrupt("the survivor of a change"))
}
