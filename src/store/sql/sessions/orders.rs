//! Orders to servers that keep sessions in their own memory: which sessions end, and why.

use crate::accounts::{PasskeyId, UserId};
use crate::clock::from_unix_milliseconds;
use crate::failure::StoreError;
use crate::sessions::{EndReason, Ended, EpochMove, SessionId};
use crate::store::kept_session;
use crate::store::sql::SqlDatabase;
use crate::store::sql::engine::{Finish, SqlRow, Transaction, in_transaction, statement};
use crate::store::sql::postgres::Lock;
use crate::store::sql::rows::{epoch_move, uuid};

/// A change that every server applies to its sessions.
#[derive(Clone, Copy, Debug)]
pub enum SessionOrder {
    /// Raise a user's epoch.
    RaiseEpoch(EpochMove),
    /// End one session.
    EndOne(SessionId, Ended),
    /// End those that a passkey of this user started.
    EndOfPasskey(UserId, PasskeyId, Ended),
    /// End all, anonymous ones too.
    EndAll(Ended),
}

/// An order with its position.
#[derive(Clone, Copy, Debug)]
pub struct NumberedOrder {
    /// Counts from 1 without gaps.
    pub position: i64,
    /// The change.
    pub order: SessionOrder,
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
    pub async fn orders_after(&self, position: i64) -> Result<Vec<NumberedOrder>, StoreError> {
        let after = statement(
            "SELECT position, kind, user_id, epoch, survivor, session_id, passkey_id, \
             reason, ordered_at FROM session_orders WHERE position > $1 ORDER BY position",
        );
        self.engine.rows(after.bind(position)).await?.iter().map(ordered).collect()
    }

    /// Appends an order for every server.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn give_order(&self, order: &SessionOrder) -> Result<(), StoreError> {
        in_transaction!(self.engine, tx => append(tx, order).await.map(Finish::Commit))
    }
}

/// Transactions that append orders wait for each other.
pub(in crate::store::sql) async fn append(
    tx: &mut Transaction,
    order: &SessionOrder,
) -> Result<(), StoreError> {
    tx.lock(Lock::Orders).await?;
    let (mut user, mut raise, mut session, mut passkey) = (None, None, None, None);
    let (kind, reason, at) = match order {
        SessionOrder::RaiseEpoch(order) => {
            (user, raise) = (Some(order.user), Some(order));
            ("raise_epoch", order.reason.as_str(), order.at)
        }
        SessionOrder::EndOne(id, ended) => {
            session = Some(*id);
            ("end_one", ended.reason.as_str(), ended.at)
        }
        SessionOrder::EndOfPasskey(owner, id, ended) => {
            (user, passkey) = (Some(*owner), Some(id.as_uuid()));
            ("end_of_passkey", ended.reason.as_str(), ended.at)
        }
        SessionOrder::EndAll(ended) => ("end_all", ended.reason.as_str(), ended.at),
    };
    let next = statement(
        "INSERT INTO session_orders \
         (position, kind, user_id, epoch, survivor, session_id, reason, ordered_at, passkey_id) \
         SELECT COALESCE(MAX(position), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8 FROM session_orders",
    )
    .bind(kind)
    .bind(user)
    .bind(raise.map(|raise| raise.to))
    .bind(raise.and_then(|raise| raise.survivor.as_ref()).map(kept_session::to_bytes))
    .bind(session)
    .bind(reason)
    .bind(at)
    .bind(passkey);
    tx.execute(next).await.map(drop)
}

fn ordered(row: &SqlRow) -> Result<NumberedOrder, StoreError> {
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
        "raise_epoch" => SessionOrder::RaiseEpoch(epoch_move(row, at)?),
        "end_one" => SessionOrder::EndOne(session()?, ended()?),
        "end_of_passkey" => {
            let (user, passkey): (Vec<u8>, Vec<u8>) = (row.get("user_id")?, row.get("passkey_id")?);
            let user = UserId::from_uuid(uuid(&user)?);
            SessionOrder::EndOfPasskey(user, PasskeyId::from_uuid(uuid(&passkey)?), ended()?)
        }
        "end_all" => SessionOrder::EndAll(ended()?),
        _ => return Err(corrupt()),
    };
    Ok(NumberedOrder { position: row.get("position")?, order })
}
