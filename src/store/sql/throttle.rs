//! The throttle store.

use std::time::Duration;

use async_trait::async_trait;
use time::OffsetDateTime;

use super::SqlDatabase;
use super::engine::{Done, Row, Statement, Write, in_one_step, statement};
use crate::accounts::Email;
use crate::clock::unix_milliseconds;
use crate::failure::StoreError;
use crate::throttle::{
    AccountKey, Counter, CounterKey, KNOWN_NETWORKS, Network, Refusal, Release, ThrottleStore,
};

/// A counter that is busy for longer than any setting allows was moved when the clock was wrong.
const ABSURD: time::Duration = time::Duration::days(1000);

#[async_trait]
impl ThrottleStore for SqlDatabase {
    async fn refusal(
        &self,
        counters: &[Counter],
        now: OffsetDateTime,
    ) -> Result<Option<Refusal>, StoreError> {
        let mut refusal = None;
        for counter in counters {
            let row = self.engine.row(busy_until(&counter.key)).await?;
            longest(&mut refusal, counter, until(row)?, unix_milliseconds(now));
        }
        Ok(refusal)
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
        in_one_step!(self.engine, write => {
            let mut refusal = None;
            for counter in counters {
                if !count(write, counter, now).await? {
                    let row = write.row(busy_until(&counter.key)).await?;
                    longest(&mut refusal, counter, until(row)?, now);
                }
            }
            Ok(match refusal {
                None => Done::Commit(None),
                // The other counters have counted.
                refusal => Done::TakeBack(refusal),
            })
        })
    }

    #[tracing::instrument(name = "store.throttle.release", skip_all, err(level = "debug"))]
    async fn release(&self, release: &Release, now: OffsetDateTime) -> Result<(), StoreError> {
        if release.give_back.is_empty() && release.clear.is_empty() && release.remember.is_none() {
            return Ok(());
        }
        in_one_step!(self.engine, write => {
            for counter in &release.give_back {
                let back = statement(
                    "UPDATE throttle_counters SET busy_until = busy_until - $1 \
                     WHERE subject = $2 AND scope = $3 AND busy_until > $4",
                )
                .bind(counter.pace.step())
                .bind(*counter.key.subject())
                .bind(counter.key.scope())
                .bind(now);
                write.execute(back).await?;
            }
            for key in &release.clear {
                let clear = statement(
                    "DELETE FROM throttle_counters WHERE subject = $1 AND scope = $2",
                );
                write.execute(clear.bind(*key.subject()).bind(key.scope())).await?;
            }
            if let Some((account, network)) = &release.remember {
                remember(write, account, *network, now).await?;
            }
            Ok(Done::Commit(()))
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
        let passed = statement(
            "DELETE FROM throttle_counters WHERE (subject, scope) IN \
             (SELECT subject, scope FROM throttle_counters WHERE busy_until <= $1 \
             ORDER BY busy_until LIMIT $2)",
        );
        let absurd = statement(
            "DELETE FROM throttle_counters WHERE (subject, scope) IN \
             (SELECT subject, scope FROM throttle_counters WHERE busy_until > $1 \
             ORDER BY busy_until DESC LIMIT $2)",
        );
        let strange = statement(
            "DELETE FROM known_networks WHERE (subject, network) IN \
             (SELECT subject, network FROM known_networks WHERE seen_at < $1 \
             ORDER BY seen_at LIMIT $2)",
        );
        let far = now.saturating_add(ABSURD);
        let mut done = true;
        for (delete, time) in [(passed, now), (absurd, far), (strange, known_since)] {
            let swept = self.engine.execute(delete.bind(time).bind(most)).await?;
            done &= swept < u64::from(most);
        }
        Ok(done)
    }
}

fn busy_until(key: &CounterKey) -> Statement {
    statement("SELECT busy_until FROM throttle_counters WHERE subject = $1 AND scope = $2")
        .bind(*key.subject())
        .bind(key.scope())
}

/// Zero for a counter that is idle.
fn until(row: Option<Row>) -> Result<i64, StoreError> {
    row.map_or(Ok(0), |row| row.get(0))
}

fn longest(refusal: &mut Option<Refusal>, counter: &Counter, busy_until: i64, now: i64) {
    let Some(wait) = counter.pace.wait(busy_until, now) else { return };
    let longest: Duration = refusal.as_ref().map(|refusal| refusal.wait).unwrap_or_default();
    if wait > longest {
        *refusal = Some(Refusal { key: counter.key.clone(), wait });
    }
}

/// Moves a counter by its step, unless that is beyond its window. The condition is in the
/// statement itself, so that no other connection can come between.
async fn count(write: &mut Write, counter: &Counter, now: i64) -> Result<bool, StoreError> {
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
    Ok(write.execute(moved).await? == 1)
}

async fn remember(
    write: &mut Write,
    account: &AccountKey,
    network: Network,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let seen = statement(
        "INSERT INTO known_networks (subject, network, seen_at) VALUES ($1, $2, $3) \
         ON CONFLICT (subject, network) DO UPDATE SET seen_at = excluded.seen_at",
    );
    write.execute(seen.bind(*account.as_bytes()).bind(network.to_string()).bind(now)).await?;
    let oldest = statement(
        "DELETE FROM known_networks WHERE subject = $1 AND network NOT IN \
         (SELECT network FROM known_networks WHERE subject = $1 \
         ORDER BY seen_at DESC, network LIMIT $2)",
    );
    write.execute(oldest.bind(*account.as_bytes()).bind(KNOWN_NETWORKS)).await.map(drop)
}

/// An account goes: nothing stays that was counted for it or known of it.
pub(super) async fn forget(write: &mut Write, email: &Email) -> Result<(), StoreError> {
    let subject = AccountKey::of_address(email.as_str());
    for forget in [
        statement("DELETE FROM throttle_counters WHERE subject = $1"),
        statement("DELETE FROM known_networks WHERE subject = $1"),
    ] {
        write.execute(forget.bind(*subject.as_bytes())).await?;
    }
    Ok(())
}

/// An account gets another address: what was counted counts on under it, so that nobody gets
/// fresh attempts by changing it, and its networks are known on.
pub(super) async fn readdress(
    write: &mut Write,
    from: &Email,
    to: &Email,
) -> Result<(), StoreError> {
    let [from, to] = [from, to].map(|email| AccountKey::of_address(email.as_str()));
    for carry in [
        statement(
            "INSERT INTO throttle_counters (subject, scope, busy_until) \
             SELECT $2, scope, busy_until FROM throttle_counters WHERE subject = $1 \
             ON CONFLICT (subject, scope) DO UPDATE SET busy_until = CASE \
             WHEN excluded.busy_until > throttle_counters.busy_until \
             THEN excluded.busy_until ELSE throttle_counters.busy_until END",
        ),
        statement("DELETE FROM known_networks WHERE $1 <> $2 AND subject = $2"),
        statement("UPDATE known_networks SET subject = $2 WHERE subject = $1"),
    ] {
        write.execute(carry.bind(*from.as_bytes()).bind(*to.as_bytes())).await?;
    }
    Ok(())
}
