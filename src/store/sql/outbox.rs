//! What sessions in a store of their own have still to be told.

use async_trait::async_trait;
use uuid::Uuid;

use super::SqlDatabase;
use super::engine::{Row, Write, statement};
use super::orders::{survivor, survivor_bytes};
use super::rows::uuid;
use crate::accounts::{Epoch, EpochReason, UserId};
use crate::clock::from_unix_milliseconds;
use crate::failure::StoreError;
use crate::sessions::{EpochMove, Outbox};

/// In the transaction of the change that ends the sessions.
pub(super) async fn put(write: &mut Write, epoch_move: &EpochMove) -> Result<(), StoreError> {
    let row = statement(
        "INSERT INTO session_outbox (user_id, epoch, reason, survivor, raised_at) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(epoch_move.user)
    .bind(epoch_move.to)
    .bind(epoch_move.reason.as_str())
    .bind(epoch_move.survivor.as_ref().map(survivor_bytes))
    .bind(epoch_move.at);
    write.execute(row).await.map(drop)
}

#[async_trait]
impl Outbox for SqlDatabase {
    async fn pending(&self, most: u32) -> Result<Vec<EpochMove>, StoreError> {
        let oldest = statement(
            "SELECT user_id, epoch, reason, survivor, raised_at FROM session_outbox \
             ORDER BY raised_at, epoch LIMIT $1",
        );
        let rows = self.engine.rows(oldest.bind(most)).await?;
        Ok(rows.iter().filter_map(readable).collect())
    }

    async fn cross_off(&self, user: UserId, to: Epoch) -> Result<(), StoreError> {
        let done = statement("DELETE FROM session_outbox WHERE user_id = $1 AND epoch = $2");
        self.engine.execute(done.bind(user).bind(to)).await.map(drop)
    }
}

/// A corrupt row is reported and passed over: checks compare the epochs themselves.
fn readable(row: &Row) -> Option<EpochMove> {
    let read = || -> Result<EpochMove, StoreError> {
        let reason: String = row.get("reason")?;
        let user: Vec<u8> = row.get("user_id")?;
        let user: Uuid = uuid(&user)?;
        Ok(EpochMove {
            user: UserId::from_uuid(user),
            to: Epoch::from_number(row.get("epoch")?),
            reason: EpochReason::parse(&reason).ok_or(StoreError::Corrupt("why an epoch rose"))?,
            survivor: survivor(row)?,
            at: from_unix_milliseconds(row.get("raised_at")?),
        })
    };
    read()
        .inspect_err(|error| {
            let error: &dyn std::error::Error = error;
            tracing::error!(error, "passed over a corrupt row of the outbox");
        })
        .ok()
}
