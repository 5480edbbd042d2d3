//! Orders to servers that keep sessions in their own memory: what ends there, and why.

use crate::clock::from_unix_milliseconds;
use crate::failure::StoreError;
use crate::sessions::{EndReason, Ended, EpochMove, SessionId};
use crate::store::sql::SqlDatabase;
use crate::store::sql::engine::{Done, Row, Write, in_one_step, statement};
use crate::store::sql::postgres::Lock;
use crate::store::sql::rows::{epoch_move, uuid};
use crate::store::survivor;

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
pub(in crate::store::sql) async fn append(
    write: &mut Write,
    order: &Order,
) -> Result<(), StoreError> {
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
    .bind(raise.and_then(|raise| raise.survivor.as_ref()).map(survivor::to_bytes))
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
    let session = || -> Result<SessionId, StoreError> {
        let bytes: Vec<u8> = row.get("session_id")?;
        Ok(SessionId::from_uuid(uuid(&bytes)?))
    };
    let ended = || EndReason::parse(&reason).map(|reason| Ended { reason, at }).ok_or_else(corrupt);
    let order = match kind.as_str() {
        "raise_epoch" => Order::RaiseEpoch(epoch_move(row, at)?),
        "end_one" => Order::EndOne(session()?, ended()?),
        "end_all" => Order::EndAll(ended()?),
        _ => return Err(corrupt()),
    };
    Ok(Ordered { position: row.get("position")?, order })
}
