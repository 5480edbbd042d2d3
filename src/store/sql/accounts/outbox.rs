//! Outbox: epoch raises that a separate session store has not applied yet.

use std::sync::Arc;

use async_trait::async_trait;

use crate::accounts::{Epoch, PasskeyId, UserId};
use crate::clock::from_unix_milliseconds;
use crate::failure::StoreError;
use crate::sessions::{EpochMove, Outbox};
use crate::store::kept_session;
use crate::store::sql::engine::{SqlRow, Transaction, statement};
use crate::store::sql::rows::{epoch_move, uuid};
use crate::store::sql::{SessionLocation, SqlDatabase};

/// Runs in the transaction of the change that ends the sessions.
pub(in crate::store::sql) async fn put(
    tx: &mut Transaction,
    epoch_move: &EpochMove,
) -> Result<(), StoreError> {
    let row = statement(
        "INSERT INTO session_outbox (user_id, epoch, reason, survivor, raised_at) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(epoch_move.user)
    .bind(epoch_move.to)
    .bind(epoch_move.reason.as_str())
    .bind(epoch_move.survivor.as_ref().map(kept_session::to_bytes))
    .bind(epoch_move.at);
    tx.execute(row).await.map(drop)
}

impl SqlDatabase {
    /// The outbox, if the sessions are in another store.
    #[must_use]
    pub fn outbox(&self) -> Option<Arc<dyn Outbox>> {
        match self.sessions_in {
            SessionLocation::Elsewhere => Some(Arc::new(self.clone())),
            SessionLocation::ThisDatabase | SessionLocation::ServerMemory => None,
        }
    }
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

    async fn removed_passkeys(&self, most: u32) -> Result<Vec<(UserId, PasskeyId)>, StoreError> {
        let oldest = statement(
            "SELECT user_id, passkey_id FROM removed_passkeys ORDER BY removed_at LIMIT $1",
        );
        let rows = self.engine.rows(oldest.bind(most)).await?;
        let read = |row: &SqlRow| -> Result<_, StoreError> {
            let (user, passkey): (Vec<u8>, Vec<u8>) = (row.get("user_id")?, row.get("passkey_id")?);
            Ok((UserId::from_uuid(uuid(&user)?), PasskeyId::from_uuid(uuid(&passkey)?)))
        };
        rows.iter().map(read).collect()
    }

    async fn cross_off_passkey(&self, passkey: PasskeyId) -> Result<(), StoreError> {
        let done = statement("DELETE FROM removed_passkeys WHERE passkey_id = $1");
        self.engine.execute(done.bind(passkey.as_uuid())).await.map(drop)
    }
}

/// A corrupt row is logged and skipped: session checks compare the epochs themselves.
fn readable(row: &SqlRow) -> Option<EpochMove> {
    let raised_at = row.get("raised_at").map(from_unix_milliseconds);
    raised_at
        .and_then(|at| epoch_move(row, at))
        .inspect_err(|error| {
            let error: &dyn std::error::Error = error;
            tracing::error!(error, "could not read a row of the outbox; skipped it");
        })
        .ok()
}
