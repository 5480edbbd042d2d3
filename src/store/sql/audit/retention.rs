//! Letting go of the audit trail: what is past its time, a bounded number of rows at a time.
//!
//! The tables refuse everything else (`append_only.rs` of each engine). How long things are kept is
//! left in the database for them to know, as milliseconds or `off`.

use std::net::IpAddr;
use std::time::Duration;

use time::OffsetDateTime;

use crate::audit::{EventId, Retention, shortened};
use crate::failure::StoreError;
use crate::store::sql::SqlDatabase;
use crate::store::sql::engine::{Done, Write, in_one_step, locking_free, statement};

/// Whether the `network` after a change is what the one before is shortened to, in words that both
/// engines know. A /24 has to begin as the address does and leave out its last number, a /48 all but
/// its first three groups; fewer where the others are zero.
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

/// By how much the clock of the database may be behind ours: it judges by its own.
const GRACE: Duration = Duration::from_mins(10);

const FACTS: [&str; 2] = ["audit_retention", "address_retention"];

impl SqlDatabase {
    /// Deletes events and shortens addresses that are past their time, at most so many of each, a
    /// few minutes late. Whether none are left.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails, or lets go of nothing: where its clock is far from
    /// ours, or its role may not.
    pub async fn sweep_audit(
        &self,
        retention: &Retention,
        now: OffsetDateTime,
        most: u32,
    ) -> Result<bool, StoreError> {
        self.leave_retention(retention).await?;
        in_one_step!(self.engine, write => {
            let deleted = match retention.events {
                Some(kept) => delete(write, now - kept - GRACE, most).await?,
                None => 0,
            };
            let shortened = match retention.addresses {
                Some(kept) => shorten(write, now - kept - GRACE, most).await?,
                None => 0,
            };
            let most = u64::from(most);
            Ok(Done::Commit(deleted < most && shortened < most))
        })
    }

    /// Tells the tables what they may let go of, where they know otherwise.
    async fn leave_retention(&self, retention: &Retention) -> Result<(), StoreError> {
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

async fn delete(write: &mut Write, before: OffsetDateTime, most: u32) -> Result<u64, StoreError> {
    let old = statement(locking_free!(
        "DELETE FROM audit_events WHERE event_id IN \
         (SELECT event_id FROM audit_events WHERE event_id < $1 AND occurred_at < $2 \
         ORDER BY event_id LIMIT $3",
        ")"
    ));
    write.execute(old.bind(EventId::first_of(before)).bind(before).bind(most)).await
}

async fn shorten(write: &mut Write, before: OffsetDateTime, most: u32) -> Result<u64, StoreError> {
    // In the words of the index, which `SQLite` finds in no others.
    let whole = statement(locking_free!(
        "SELECT event_id, network FROM audit_events WHERE network = replace(network, '/', '') \
         AND occurred_at < $1 ORDER BY occurred_at LIMIT $2"
    ));
    let mut done = 0;
    for row in write.rows(whole.bind(before).bind(most)).await? {
        let (id, address): (Vec<u8>, String) = (row.get(0)?, row.get(1)?);
        let Ok(address) = address.parse::<IpAddr>() else { continue };
        let short = statement("UPDATE audit_events SET network = $1 WHERE event_id = $2");
        done += write.execute(short.bind(shortened(address).to_string()).bind(id)).await?;
    }
    Ok(done)
}
