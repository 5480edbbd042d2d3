//! The throttle store.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use time::OffsetDateTime;

use super::SqlDatabase;
use super::engine::{
    Finish, SqlRow, Statement, Transaction, for_update_skip_locked, in_transaction, statement,
};
use crate::accounts::Email;
use crate::clock::unix_milliseconds;
use crate::failure::StoreError;
use crate::throttle::{
    AccountKey, Counter, CounterKey, KNOWN_NETWORKS, Network, Refusal, Release, ThrottleStore,
};

/// A counter that is busy for longer was written when the clock was wrong.
const MAX_BUSY: time::Duration = time::Duration::days(1000);

#[async_trait]
impl ThrottleStore for SqlDatabase {
    async fn refusal(
        &self,
        counters: &[Counter],
        now: OffsetDateTime,
    ) -> Result<Option<Refusal>, StoreError> {
        if counters.is_empty() {
            return Ok(None);
        }
        let counters: Vec<&Counter> = counters.iter().collect();
        let mut busy = BusyTimes::default();
        for asked in counters.chunks(COUNTERS_PER_QUERY) {
            busy.note(&self.engine.rows(busy_until(asked)).await?)?;
        }
        Ok(busy.longest(&counters, unix_milliseconds(now)))
    }

    #[tracing::instrument(name = "store.throttle.reserve", skip_all, err(level = "debug"))]
    async fn reserve(
        &self,
        counters: &[Counter],
        now: OffsetDateTime,
    ) -> Result<Option<Refusal>, StoreError> {
        if counters.is_empty() {
            return Ok(None);
        }
        let now = unix_milliseconds(now);
        in_transaction!(self.engine, tx => {
            let mut refused = Vec::new();
            for counter in sorted(counters) {
                if !count(tx, counter, now).await? {
                    refused.push(counter);
                }
            }
            if refused.is_empty() {
                return Ok(Finish::Commit(None));
            }
            let mut busy = BusyTimes::default();
            for asked in refused.chunks(COUNTERS_PER_QUERY) {
                busy.note(&tx.rows(busy_until(asked)).await?)?;
            }
            // In the order of the request: among equal waits the first counter is reported.
            let named: Vec<&Counter> =
                counters.iter().filter(|counter| refused.contains(counter)).collect();
            // The other counters must not keep this attempt.
            Ok(Finish::RollBack(busy.longest(&named, now)))
        })
    }

    #[tracing::instrument(name = "store.throttle.release", skip_all, err(level = "debug"))]
    async fn release(&self, release: &Release, now: OffsetDateTime) -> Result<(), StoreError> {
        if release.give_back.is_empty() && release.clear.is_empty() && release.remember.is_none() {
            return Ok(());
        }
        in_transaction!(self.engine, tx => {
            for (key, counter) in sorted_release(release) {
                tx.execute(counter.map_or_else(|| clear(key), |back| give_back(back, now))).await?;
            }
            if let Some((account, network)) = &release.remember {
                remember(tx, account, *network, now).await?;
            }
            Ok(Finish::Commit(()))
        })
    }

    async fn is_known(
        &self,
        account: &AccountKey,
        network: Network,
        since: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let known = statement(
            "SELECT EXISTS (SELECT 1 FROM known_networks \
             WHERE subject = $1 AND network = $2 AND seen_at >= $3)",
        )
        .bind(*account.as_bytes())
        .bind(network.to_string())
        .bind(since);
        self.engine.one_row(known).await?.get(0)
    }

    async fn sweep(
        &self,
        now: OffsetDateTime,
        known_since: OffsetDateTime,
        most: u32,
    ) -> Result<bool, StoreError> {
        let passed = statement(for_update_skip_locked!(
            "DELETE FROM throttle_counters WHERE (subject, scope) IN \
             (SELECT subject, scope FROM throttle_counters WHERE busy_until <= $1 \
             ORDER BY busy_until LIMIT $2",
            ")"
        ));
        let absurd = statement(for_update_skip_locked!(
            "DELETE FROM throttle_counters WHERE (subject, scope) IN \
             (SELECT subject, scope FROM throttle_counters WHERE busy_until > $1 \
             ORDER BY busy_until DESC LIMIT $2",
            ")"
        ));
        let strange = statement(for_update_skip_locked!(
            "DELETE FROM known_networks WHERE (subject, network) IN \
             (SELECT subject, network FROM known_networks WHERE seen_at < $1 \
             ORDER BY seen_at LIMIT $2",
            ")"
        ));
        let far = now.saturating_add(MAX_BUSY);
        let mut done = true;
        for (delete, time) in [(passed, now), (absurd, far), (strange, known_since)] {
            let swept = self.engine.execute(delete.bind(time).bind(most)).await?;
            done &= swept < u64::from(most);
        }
        Ok(done)
    }
}

/// Sorted, so that concurrent transactions lock counters in the same order and cannot deadlock.
fn sorted(counters: &[Counter]) -> Vec<&Counter> {
    let mut counters: Vec<&Counter> = counters.iter().collect();
    counters.sort_by(|one, other| one.key.cmp(&other.key));
    counters
}

/// As [`sorted`]; a key without a counter is cleared.
fn sorted_release(release: &Release) -> Vec<(&CounterKey, Option<&Counter>)> {
    let back = release.give_back.iter().map(|counter| (&counter.key, Some(counter)));
    let mut all: Vec<_> = back.chain(release.clear.iter().map(|key| (key, None))).collect();
    all.sort_by_key(|(key, _)| *key);
    all
}

/// The number of counters in one query.
const COUNTERS_PER_QUERY: usize = 8;

/// Selects until when at most [`COUNTERS_PER_QUERY`] counters are busy; idle ones have no row.
fn busy_until(counters: &[&Counter]) -> Statement {
    let question = statement(
        "SELECT subject, scope, busy_until FROM throttle_counters WHERE (subject, scope) IN \
         (VALUES ($1, $2), ($3, $4), ($5, $6), ($7, $8), ($9, $10), ($11, $12), ($13, $14), \
         ($15, $16))",
    );
    // The last counter fills the remaining placeholders.
    let all = counters.iter().chain(std::iter::repeat(&counters[counters.len() - 1]));
    all.take(COUNTERS_PER_QUERY)
        .fold(question, |ask, counter| ask.bind(*counter.key.subject()).bind(counter.key.scope()))
}

/// Until when counters are busy, by subject and scope.
#[derive(Default)]
struct BusyTimes(HashMap<(Vec<u8>, String), i64>);

impl BusyTimes {
    fn note(&mut self, rows: &[SqlRow]) -> Result<(), StoreError> {
        for row in rows {
            self.0.insert((row.get("subject")?, row.get("scope")?), row.get("busy_until")?);
        }
        Ok(())
    }

    /// The longest wait of these counters.
    fn longest(&self, counters: &[&Counter], now: i64) -> Option<Refusal> {
        let mut longest: Option<Refusal> = None;
        for counter in counters {
            let key = (counter.key.subject().to_vec(), counter.key.scope().to_owned());
            let busy_until = self.0.get(&key).copied().unwrap_or(0);
            let Some(wait) = counter.pace.wait(busy_until, now) else { continue };
            let so_far: Duration = longest.as_ref().map(|refusal| refusal.wait).unwrap_or_default();
            if wait > so_far {
                longest = Some(Refusal { key: counter.key.clone(), wait });
            }
        }
        longest
    }
}

fn clear(key: &CounterKey) -> Statement {
    let clear = statement("DELETE FROM throttle_counters WHERE subject = $1 AND scope = $2");
    clear.bind(*key.subject()).bind(key.scope())
}

fn give_back(counter: &Counter, now: OffsetDateTime) -> Statement {
    let back = statement(
        "UPDATE throttle_counters SET busy_until = busy_until - $1 \
         WHERE subject = $2 AND scope = $3 AND busy_until > $4",
    );
    let back = back.bind(counter.pace.step()).bind(*counter.key.subject());
    back.bind(counter.key.scope()).bind(now)
}

/// Moves a counter by its step, unless that exceeds its window. The condition is part of the
/// statement, so that concurrent attempts cannot exceed it together.
async fn count(tx: &mut Transaction, counter: &Counter, now: i64) -> Result<bool, StoreError> {
    let pace = counter.pace;
    let moved = statement(
        "INSERT INTO throttle_counters (subject, scope, busy_until) VALUES ($1, $2, $3) \
         ON CONFLICT (subject, scope) DO UPDATE SET busy_until = CASE \
         WHEN throttle_counters.busy_until > $4 AND throttle_counters.busy_until <= $5 \
         THEN throttle_counters.busy_until + $6 ELSE excluded.busy_until END \
         WHERE throttle_counters.busy_until <= $7 OR throttle_counters.busy_until > $5",
    )
    .bind(*counter.key.subject())
    .bind(counter.key.scope())
    .bind(now.saturating_add(pace.step()))
    .bind(now)
    .bind(pace.latest(now))
    .bind(pace.step())
    .bind(now.saturating_add(pace.window()) - pace.step());
    Ok(tx.execute(moved).await? == 1)
}

async fn remember(
    tx: &mut Transaction,
    account: &AccountKey,
    network: Network,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let seen = statement(
        "INSERT INTO known_networks (subject, network, seen_at) VALUES ($1, $2, $3) \
         ON CONFLICT (subject, network) DO UPDATE SET seen_at = excluded.seen_at",
    );
    tx.execute(seen.bind(*account.as_bytes()).bind(network.to_string()).bind(now)).await?;
    let oldest = statement(
        "DELETE FROM known_networks WHERE subject = $1 AND network NOT IN \
         (SELECT network FROM known_networks WHERE subject = $1 \
         ORDER BY seen_at DESC, network LIMIT $2)",
    );
    tx.execute(oldest.bind(*account.as_bytes()).bind(KNOWN_NETWORKS)).await.map(drop)
}

/// Deletes the counters and known networks of a deleted account.
pub(super) async fn forget(tx: &mut Transaction, email: &Email) -> Result<(), StoreError> {
    let subject = AccountKey::of_address(email.as_str());
    for forget in [
        statement("DELETE FROM throttle_counters WHERE subject = $1"),
        statement("DELETE FROM known_networks WHERE subject = $1"),
    ] {
        tx.execute(forget.bind(*subject.as_bytes())).await?;
    }
    Ok(())
}

/// Moves counters and known networks to the new address of an account. Otherwise a change of
/// address would reset the counters.
pub(super) async fn readdress(
    tx: &mut Transaction,
    from: &Email,
    to: &Email,
) -> Result<(), StoreError> {
    let [from, to] = [from, to].map(|email| AccountKey::of_address(email.as_str()));
    for carry in [
        statement(
            "INSERT INTO throttle_counters (subject, scope, busy_until) \
             SELECT $2, scope, busy_until FROM throttle_counters WHERE subject = $1 AND $1 <> $2 \
             ON CONFLICT (subject, scope) DO UPDATE SET busy_until = CASE \
             WHEN excluded.busy_until > throttle_counters.busy_until \
             THEN excluded.busy_until ELSE throttle_counters.busy_until END",
        ),
        statement("DELETE FROM throttle_counters WHERE $1 <> $2 AND subject = $1"),
        statement("DELETE FROM known_networks WHERE $1 <> $2 AND subject = $2"),
        statement("UPDATE known_networks SET subject = $2 WHERE subject = $1"),
    ] {
        tx.execute(carry.bind(*from.as_bytes()).bind(*to.as_bytes())).await?;
    }
    Ok(())
}
