//! The delivery store: queued webhook deliveries.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::SqlDatabase;
use super::engine::{
    Finish, SqlRow, Statement, Transaction, for_update_skip_locked, in_transaction, statement,
};
use super::rows::uuid;
use crate::audit::{EventId, Recorded};
use crate::clock::{from_unix_milliseconds, unix_milliseconds};
use crate::failure::StoreError;
use crate::webhook::{
    self, ClaimedDelivery, DeliveryFailure, DeliveryRetention, DeliveryState, DeliveryStore,
    FailedAttempt,
};

const LAST_SUCCESS: &str = "webhook_last_success";
const LAST_FAILURE: &str = "webhook_last_failure";

/// Queues a delivery in the transaction that records the event.
pub(super) async fn put(tx: &mut Transaction, recorded: &Recorded) -> Result<(), StoreError> {
    let row = statement(
        "INSERT INTO webhook_deliveries \
         (event_id, body, attempts, due_at, claimed_until) VALUES ($1, $2, 0, $3, 0)",
    );
    let row = row.bind(recorded.id).bind(webhook::body(recorded)?).bind(recorded.at);
    tx.execute(row).await.map(drop)
}

#[async_trait]
impl DeliveryStore for SqlDatabase {
    async fn claim(
        &self,
        now: OffsetDateTime,
        until: OffsetDateTime,
        most: u32,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        // Polled every second and mostly nothing is due, so ask without a transaction first.
        let any = statement(
            "SELECT 1 FROM webhook_deliveries WHERE given_up_at IS NULL AND due_at <= $1 \
             AND claimed_until <= $1 LIMIT 1",
        );
        if self.engine.row(any.bind(now)).await?.is_none() {
            return Ok(Vec::new());
        }
        in_transaction!(self.engine, tx => {
            let due = statement(for_update_skip_locked!(
                "SELECT event_id, body, attempts FROM webhook_deliveries \
                 WHERE given_up_at IS NULL AND due_at <= $1 AND claimed_until <= $1 \
                 ORDER BY due_at, event_id LIMIT $2"
            ));
            let rows = tx.rows(due.bind(now).bind(most)).await?;
            let mut claimed = Vec::with_capacity(rows.len());
            for row in &rows {
                let one = one_more_attempt(row)?;
                let claim = statement(
                    "UPDATE webhook_deliveries SET claimed_until = $1, attempts = $2 \
                     WHERE event_id = $3",
                );
                tx.execute(claim.bind(until).bind(one.attempt).bind(one.id)).await?;
                claimed.push(one);
            }
            Ok(Finish::Commit(claimed))
        })
    }

    async fn delivered(&self, id: EventId, at: OffsetDateTime) -> Result<(), StoreError> {
        in_transaction!(self.engine, tx => {
            let done = statement("DELETE FROM webhook_deliveries WHERE event_id = $1");
            tx.execute(done.bind(id)).await?;
            let at = unix_milliseconds(at).to_string();
            tx.execute(fact(LAST_SUCCESS, at)).await?;
            Ok(Finish::Commit(()))
        })
    }

    async fn put_back(
        &self,
        claimed: &ClaimedDelivery,
        failed: &FailedAttempt,
    ) -> Result<(), StoreError> {
        let FailedAttempt { at, why, again_at } = *failed;
        in_transaction!(self.engine, tx => {
            let back = statement(
                "UPDATE webhook_deliveries SET due_at = $1, given_up_at = $2, claimed_until = 0 \
                 WHERE event_id = $3 AND attempts = $4",
            )
            .bind(again_at.unwrap_or(at))
            .bind(again_at.is_none().then_some(at))
            .bind(claimed.id)
            .bind(claimed.attempt);
            tx.execute(back).await?;
            let words = format!("{} {}", unix_milliseconds(at), why.written());
            tx.execute(fact(LAST_FAILURE, words)).await?;
            Ok(Finish::Commit(()))
        })
    }

    async fn state(&self) -> Result<DeliveryState, StoreError> {
        let waiting = self.engine.one_row(statement(
            "SELECT COUNT(*) AS number, MIN(due_at) AS first FROM webhook_deliveries \
             WHERE given_up_at IS NULL",
        ));
        let waiting = waiting.await?;
        let given_up = self.engine.one_row(statement(
            "SELECT COUNT(*) AS number FROM webhook_deliveries WHERE given_up_at IS NOT NULL",
        ));
        let given_up = given_up.await?;
        let facts = statement("SELECT name, value FROM facts WHERE name IN ($1, $2)");
        let facts = self.engine.rows(facts.bind(LAST_SUCCESS).bind(LAST_FAILURE)).await?;
        let mut standing = DeliveryState {
            pending: number(&waiting)?,
            failed: number(&given_up)?,
            next_attempt: waiting.get::<Option<i64>>("first")?.map(from_unix_milliseconds),
            ..DeliveryState::default()
        };
        for row in facts {
            let (name, value): (String, String) = (row.get("name")?, row.get("value")?);
            if name == LAST_SUCCESS {
                standing.last_success = value.parse().ok().map(from_unix_milliseconds);
            } else {
                standing.last_failure = last_failure(&value);
            }
        }
        Ok(standing)
    }

    async fn sweep(&self, left: &DeliveryRetention, most: u32) -> Result<bool, StoreError> {
        let given_up = statement(for_update_skip_locked!(
            "DELETE FROM webhook_deliveries WHERE event_id IN \
             (SELECT event_id FROM webhook_deliveries \
             WHERE given_up_at IS NOT NULL AND given_up_at < $1 ORDER BY given_up_at LIMIT $2",
            ")"
        ));
        let waiting = statement(for_update_skip_locked!(
            "DELETE FROM webhook_deliveries WHERE event_id IN \
             (SELECT event_id FROM webhook_deliveries \
             WHERE given_up_at IS NULL AND due_at < $1 ORDER BY due_at LIMIT $2",
            ")"
        ));
        let given_up = given_up.bind(left.given_up_since).bind(most);
        let mut done = self.engine.execute(given_up).await? < u64::from(most);
        if let Some(since) = left.waiting_since {
            done &= self.engine.execute(waiting.bind(since).bind(most)).await? < u64::from(most);
        }
        Ok(done)
    }
}

fn fact(name: &'static str, value: String) -> Statement {
    let keep = statement(
        "INSERT INTO facts (name, value) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    );
    keep.bind(name).bind(value)
}

fn one_more_attempt(row: &SqlRow) -> Result<ClaimedDelivery, StoreError> {
    let (id, attempts): (Vec<u8>, i64) = (row.get("event_id")?, row.get("attempts")?);
    Ok(ClaimedDelivery {
        id: EventId::from_uuid(uuid(&id)?),
        body: row.get("body")?,
        attempt: u32::try_from(attempts.saturating_add(1)).unwrap_or(u32::MAX),
    })
}

fn number(row: &SqlRow) -> Result<u64, StoreError> {
    let number: i64 = row.get("number")?;
    Ok(u64::try_from(number).unwrap_or(0))
}

fn last_failure(value: &str) -> Option<(OffsetDateTime, DeliveryFailure)> {
    let (at, why) = value.split_once(' ')?;
    Some((from_unix_milliseconds(at.parse().ok()?), DeliveryFailure::parse(why)?))
}
