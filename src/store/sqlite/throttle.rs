//! The throttle store on the file.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use time::OffsetDateTime;

use super::SqliteDatabase;
use super::ending::Write;
use super::rows::{failed, milliseconds};
use super::sessions::commit;
use crate::accounts::Email;
use crate::failure::StoreError;
use crate::throttle::{
    AccountKey, Counter, CounterKey, KNOWN_NETWORKS, Network, Refusal, Release, ThrottleStore,
};

/// A counter that is busy for longer than any setting allows was moved when the clock was wrong.
const ABSURD: time::Duration = time::Duration::days(1000);

#[async_trait]
impl ThrottleStore for SqliteDatabase {
    async fn refusal(
        &self,
        counters: &[Counter],
        now: OffsetDateTime,
    ) -> Result<Option<Refusal>, StoreError> {
        let mut refusal = None;
        if !counters.is_empty() {
            let mut reader = self.readers.acquire().await.map_err(failed)?;
            for counter in counters {
                let busy_until = busy_until(&mut reader, &counter.key).await?;
                longest(&mut refusal, counter, busy_until, milliseconds(now));
            }
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
        let now_ms = milliseconds(now);
        let mut write = self.write().await?;
        let mut refusal = None;
        for counter in counters {
            if !count(&mut write, counter, now_ms).await? {
                let busy_until = busy_until(&mut write, &counter.key).await?;
                longest(&mut refusal, counter, busy_until, now_ms);
            }
        }
        // Dropping the transaction takes back what the other counters counted.
        if refusal.is_none() {
            commit(write).await?;
        }
        Ok(refusal)
    }

    #[tracing::instrument(name = "store.throttle.release", skip_all, err(level = "debug"))]
    async fn release(&self, release: &Release, now: OffsetDateTime) -> Result<(), StoreError> {
        if release.give_back.is_empty() && release.clear.is_empty() && release.remember.is_none() {
            return Ok(());
        }
        let now = milliseconds(now);
        let mut write = self.write().await?;
        for counter in &release.give_back {
            sqlx::query(
                "UPDATE throttle_counters SET busy_until = busy_until - $1 \
                 WHERE subject = $2 AND scope = $3 AND busy_until > $4",
            )
            .bind(counter.pace.step())
            .bind(counter.key.subject().to_vec())
            .bind(counter.key.scope())
            .bind(now)
            .execute(&mut *write)
            .await
            .map_err(failed)?;
        }
        for key in &release.clear {
            sqlx::query("DELETE FROM throttle_counters WHERE subject = $1 AND scope = $2")
                .bind(key.subject().to_vec())
                .bind(key.scope())
                .execute(&mut *write)
                .await
                .map_err(failed)?;
        }
        if let Some((account, network)) = &release.remember {
            remember(&mut write, account, *network, now).await?;
        }
        commit(write).await
    }

    async fn is_known(
        &self,
        account: &AccountKey,
        network: Network,
        since: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT EXISTS (SELECT 1 FROM known_networks \
             WHERE subject = $1 AND network = $2 AND seen_at >= $3)",
        )
        .bind(account.as_bytes().to_vec())
        .bind(network.to_string())
        .bind(milliseconds(since))
        .fetch_one(&self.readers)
        .await
        .map_err(failed)?;
        row.try_get(0).map_err(failed)
    }

    async fn sweep(
        &self,
        now: OffsetDateTime,
        known_since: OffsetDateTime,
        most: u32,
    ) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let passed = sqlx::query(
            "DELETE FROM throttle_counters WHERE (subject, scope) IN \
             (SELECT subject, scope FROM throttle_counters WHERE busy_until <= $1 \
             ORDER BY busy_until LIMIT $2)",
        );
        let absurd = sqlx::query(
            "DELETE FROM throttle_counters WHERE (subject, scope) IN \
             (SELECT subject, scope FROM throttle_counters WHERE busy_until > $1 \
             ORDER BY busy_until DESC LIMIT $2)",
        );
        let strange = sqlx::query(
            "DELETE FROM known_networks WHERE (subject, network) IN \
             (SELECT subject, network FROM known_networks WHERE seen_at < $1 \
             ORDER BY seen_at LIMIT $2)",
        );
        let times = [now, now.saturating_add(ABSURD), known_since];
        let mut done = true;
        for (query, time) in [passed, absurd, strange].into_iter().zip(times) {
            let query = query.bind(milliseconds(time)).bind(i64::from(most));
            let swept = query.execute(&mut *write).await.map_err(failed)?;
            done &= swept.rows_affected() < u64::from(most);
        }
        commit(write).await?;
        Ok(done)
    }
}

/// Zero for a counter that is idle.
async fn busy_until(
    connection: &mut SqliteConnection,
    key: &CounterKey,
) -> Result<i64, StoreError> {
    let row =
        sqlx::query("SELECT busy_until FROM throttle_counters WHERE subject = $1 AND scope = $2")
            .bind(key.subject().to_vec())
            .bind(key.scope())
            .fetch_optional(connection)
            .await
            .map_err(failed)?;
    row.map_or(Ok(0), |row| row.try_get(0).map_err(failed))
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
    let moved = sqlx::query(
        "INSERT INTO throttle_counters (subject, scope, busy_until) VALUES ($1, $2, $3) \
         ON CONFLICT (subject, scope) DO UPDATE SET busy_until = CASE \
         WHEN throttle_counters.busy_until > $4 AND throttle_counters.busy_until <= $5 \
         THEN throttle_counters.busy_until + $6 ELSE excluded.busy_until END \
         WHERE throttle_counters.busy_until <= $7 OR throttle_counters.busy_until > $5",
    )
    .bind(counter.key.subject().to_vec())
    .bind(counter.key.scope())
    .bind(now.saturating_add(pace.step()))
    .bind(now)
    .bind(pace.latest(now))
    .bind(pace.step())
    .bind(now.saturating_add(pace.window()) - pace.step())
    .execute(&mut **write)
    .await
    .map_err(failed)?;
    Ok(moved.rows_affected() == 1)
}

async fn remember(
    write: &mut Write,
    account: &AccountKey,
    network: Network,
    now: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO known_networks (subject, network, seen_at) VALUES ($1, $2, $3) \
         ON CONFLICT (subject, network) DO UPDATE SET seen_at = excluded.seen_at",
    )
    .bind(account.as_bytes().to_vec())
    .bind(network.to_string())
    .bind(now)
    .execute(&mut **write)
    .await
    .map_err(failed)?;
    sqlx::query(
        "DELETE FROM known_networks WHERE subject = $1 AND network NOT IN \
         (SELECT network FROM known_networks WHERE subject = $1 \
         ORDER BY seen_at DESC, network LIMIT $2)",
    )
    .bind(account.as_bytes().to_vec())
    .bind(i64::from(KNOWN_NETWORKS))
    .execute(&mut **write)
    .await
    .map_err(failed)?;
    Ok(())
}

/// An account goes: nothing stays that was counted for it or known of it.
pub(super) async fn forget(write: &mut Write, email: &Email) -> Result<(), StoreError> {
    let subject = AccountKey::of_address(email.as_str());
    for forget in [
        sqlx::query("DELETE FROM throttle_counters WHERE subject = $1"),
        sqlx::query("DELETE FROM known_networks WHERE subject = $1"),
    ] {
        let forget = forget.bind(subject.as_bytes().to_vec());
        forget.execute(&mut **write).await.map_err(failed)?;
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
    let keys = [from, to].map(|email| AccountKey::of_address(email.as_str()));
    for carry in [
        sqlx::query(
            "INSERT INTO throttle_counters (subject, scope, busy_until) \
             SELECT $2, scope, busy_until FROM throttle_counters WHERE subject = $1 \
             ON CONFLICT (subject, scope) DO UPDATE SET busy_until = CASE \
             WHEN excluded.busy_until > throttle_counters.busy_until \
             THEN excluded.busy_until ELSE throttle_counters.busy_until END",
        ),
        sqlx::query("DELETE FROM known_networks WHERE $1 <> $2 AND subject = $2"),
        sqlx::query("UPDATE known_networks SET subject = $2 WHERE subject = $1"),
    ] {
        let [from, to] = keys.map(|key| key.as_bytes().to_vec());
        carry.bind(from).bind(to).execute(&mut **write).await.map_err(failed)?;
    }
    Ok(())
}
