//! Deletes old audit events and shortens old addresses, a bounded number of rows at a time.
//!
//! Triggers refuse every other change (`append_only.rs` of each engine). They read the retention
//! periods from the table `facts`: milliseconds, or `off`.

use std::net::IpAddr;
use std::time::Duration;

use time::OffsetDateTime;

use crate::audit::{EventId, Retention, shortened};
use crate::failure::StoreError;
use crate::store::sql::SqlDatabase;
use crate::store::sql::engine::{
    Finish, Transaction, for_update_skip_locked, in_transaction, statement,
};

/// Whether a change of `network` shortens it, as SQL for both engines. A /24 keeps the first three
/// numbers of the address. A /48 keeps its first three groups, or fewer where the rest are zero.
macro_rules! shortens {
    () => {
        "replace(OLD.network, '/', '') = OLD.network AND CASE \
         WHEN substr(NEW.network, length(NEW.network) - 4) = '.0/24' THEN \
         substr(OLD.network, 1, length(NEW.network) - 4) = \
         substr(NEW.network, 1, length(NEW.network) - 4) AND \
         length(OLD.network) - length(NEW.network) + 4 BETWEEN 1 AND 3 \
         WHEN substr(NEW.network, length(NEW.network) - 4) = '::/48' THEN \
         substr(OLD.network, 1, length(NEW.network) - 4) = \
         substr(NEW.network, 1, length(NEW.network) - 4) AND \
         (length(NEW.network) - length(replace(NEW.network, ':', '')) = 4 OR \
         substr(OLD.network, length(NEW.network) - 3, 1) IN (':', '0')) \
         ELSE NEW.network = '::/16' AND substr(OLD.network, 1, 2) IN ('::', '0:') END"
    };
}
pub(in crate::store::sql) use shortens;

/// The clock of the database, which the triggers use, may be this much behind ours.
const GRACE: Duration = Duration::from_mins(10);

const FACTS: [&str; 2] = ["audit_retention", "address_retention"];

impl SqlDatabase {
    /// Deletes events and shortens addresses whose period ended more than ten minutes ago, at most
    /// `most` of each. Returns whether none are left.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or refuses: its clock is far from ours, or its role
    /// lacks the right.
    pub async fn sweep_audit(
        &self,
        retention: &Retention,
        now: OffsetDateTime,
        most: u32,
    ) -> Result<bool, StoreError> {
        self.write_retention(retention).await?;
        in_transaction!(self.engine, tx => {
            let deleted = match retention.events {
                Some(kept) => delete(tx, now - kept - GRACE, most).await?,
                None => 0,
            };
            let shortened = match retention.addresses {
                Some(kept) => shorten(tx, now - kept - GRACE, most).await?,
                None => 0,
            };
            let most = u64::from(most);
            Ok(Finish::Commit(deleted < most && shortened < most))
        })
    }

    /// Writes the retention periods for the triggers, if they changed.
    async fn write_retention(&self, retention: &Retention) -> Result<(), StoreError> {
        for (name, kept) in FACTS.into_iter().zip([retention.events, retention.addresses]) {
            let kept = kept.map_or_else(|| "off".to_owned(), |kept| kept.as_millis().to_string());
            let known = statement("SELECT value FROM facts WHERE name = $1").bind(name);
            let known = self.engine.row(known).await?.map(|row| row.get(0)).transpose()?;
            if known.as_ref() != Some(&kept) {
                let keep = statement(
                    "INSERT INTO facts (name, value) VALUES ($1, $2) \
                     ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                );
                self.engine.execute(keep.bind(name).bind(kept)).await?;
            }
        }
        Ok(())
    }
}

async fn delete(
    tx: &mut Transaction,
    before: OffsetDateTime,
    most: u32,
) -> Result<u64, StoreError> {
    let old = statement(for_update_skip_locked!(
        "DELETE FROM audit_events WHERE event_id IN \
         (SELECT event_id FROM audit_events WHERE event_id < $1 AND occurred_at < $2 \
         ORDER BY event_id LIMIT $3",
        ")"
    ));
    tx.execute(old.bind(EventId::first_of(before)).bind(before).bind(most)).await
}

async fn shorten(
    tx: &mut Transaction,
    before: OffsetDateTime,
    most: u32,
) -> Result<u64, StoreError> {
    // The expression must match the index literally, or `SQLite` does not use it.
    let whole = statement(for_update_skip_locked!(
        "SELECT event_id, network FROM audit_events WHERE network = replace(network, '/', '') \
         AND occurred_at < $1 ORDER BY occurred_at LIMIT $2"
    ));
    let mut done = 0;
    for row in tx.rows(whole.bind(before).bind(most)).await? {
        let (id, address): (Vec<u8>, String) = (row.get(0)?, row.get(1)?);
        let Ok(address) = address.parse::<IpAddr>() else { continue };
        let short = statement("UPDATE audit_events SET network = $1 WHERE event_id = $2");
        done += tx.execute(short.bind(shortened(address).to_string()).bind(id)).await?;
    }
    Ok(done)
}
