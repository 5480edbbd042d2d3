//! Invalidations from Redis: CLIENT TRACKING as a [`Freshness`] source.
//!
//! With `CLIENT TRACKING` by prefix (`BCAST`) a connection receives an invalidation for every
//! changed key under the prefix. Changes of any client count, and flush, eviction and expiry too.
//! Redis keeps no list of readers for that. The keys that decide whether a token is valid have that
//! prefix, and no others: touches, data and indexes cause no invalidation.
//!
//! **Why a probe returns every acknowledged change.** Redis runs one command at a time. Each adds
//! the keys that it changed to a set. At the end of every event loop iteration Redis writes the set
//! to the tracking clients (`beforeSleep`, `trackingBroadcastInvalidationMessages`). It does so
//! before anything that the next iteration writes to them. In Redis 7 and Valkey that happens
//! before the replies of the iteration are sent, except on connections with a long backlog. Redis 8
//! with `io-threads` differs: it runs the commands that its threads have read after the set is
//! written, and sends their replies at once. A client that sees such a reply can get an answer at
//! the start of the next iteration, before its set is written. So a probe sends two queries, the
//! second after the answer to the first. The first is read after the acknowledgement was sent, in
//! the iteration of the change or later. The second is read in a later iteration than the first,
//! and the set is written between two iterations. Invalidations received before the second answer
//! therefore include every change acknowledged before the first query. (During a long-running
//! script Redis reads other commands within the iteration, and answers both queries with an error.)
//!
//! **A call that changes nothing** needs no invalidation. It saw the change of an earlier call, so
//! it was acknowledged after that change, and the argument above holds for it. `PostgreSQL`
//! differs: there a committed change is visible before its notification is sent.
//!
//! **Order.** `PipelineSink::send_result` of the driver runs on one task in the order of the
//! stream. It calls the push sender for a push, and completes the query for a reply.
//! [`Receiver::receive`] has recorded a push when it returns.
//!
//! **A former primary** still answers tracking clients. So the first query is a script that asks
//! for the right to write, like every lookup in the store. A replica refuses it, and so does a
//! primary with too few replicas. The tracking connection and the calls must also use the same
//! server. No promise holds across a failover (docs/deploy/redis.md), but it is no worse than
//! without a cache.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, FromRedisValue, RedisError, ServerErrorKind, Value};
use tokio::time::timeout;

use super::RedisSessions;
use super::link::{self, CurrentServer, Link};
use super::received::{Canary, Received};
use super::script::{self, TRACKED};
use crate::clock::Clock;
use crate::failure::StoreError;
use crate::sessions::cache::{Change, Freshness, NotFresh, Rule, Subscription, is_kept};

/// How long an invalidation may take to arrive.
const INVALIDATION_TIMEOUT: Duration = Duration::from_millis(500);

const NO_TRACKING_RIGHT: &str = "the Redis user may not use CLIENT TRACKING; grant \
                                 +client|tracking and +client|trackinginfo, see \
                                 docs/deploy/redis.md";
const NO_INVALIDATION: &str = "no invalidation from Redis within half a second; check for a proxy \
                               in between that does not forward CLIENT TRACKING messages";

/// Why a subscription is over.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum TrackingEnded {
    #[error("the connection for invalidations from Redis was lost")]
    Disconnected,
    #[error("Redis no longer tracks changes for this connection")]
    NotTracking,
    #[error("invalidations and calls use different Redis servers")]
    OtherServer,
    #[error("a probe was cancelled before its answer")]
    Cancelled,
}

impl From<TrackingEnded> for StoreError {
    fn from(over: TrackingEnded) -> Self {
        Self::backend(over)
    }
}

/// A connection that tracks changes.
struct Tracking {
    link: Arc<Link>,
    connection: MultiplexedConnection,
    received: Arc<Received>,
    /// The server of the calls when it started, which is also its own.
    server: CurrentServer,
    is_probing: bool,
}

#[async_trait]
impl Freshness for RedisSessions {
    fn name(&self) -> &'static str {
        "Redis"
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, NotFresh> {
        let canary = Canary::named(unique_name());
        let (sink, received) = Received::expecting(canary);
        let link = Arc::clone(&self.link);
        let separate = link.open_separate(move |push| sink.receive(&push)).await;
        let (connection, run_id) = separate.map_err(StoreError::backend)?;
        let server = CurrentServer::default();
        let mut tracking = Tracking { link, connection, received, server, is_probing: false };
        tracking.begin().await.map_err(not_fresh)?;
        // TrackingEnded the connection of the calls, whose changes must arrive.
        self.link.run(&script::CANARY, &[canary.name()]).await?;
        tracking.server = self.link.server();
        if tracking.server.run_id != run_id {
            return Err(StoreError::from(TrackingEnded::OtherServer).into());
        }
        match timeout(INVALIDATION_TIMEOUT, tracking.received.canary()).await {
            Ok(true) => Ok(Box::new(tracking)),
            Ok(false) => Err(StoreError::from(TrackingEnded::Disconnected).into()),
            Err(_) => Err(NotFresh::Mute(NO_INVALIDATION)),
        }
    }
}

#[async_trait]
impl Subscription for Tracking {
    async fn changed(&mut self) -> Result<Change, StoreError> {
        Ok(self.received.next().await.ok_or(TrackingEnded::Disconnected)?)
    }

    async fn probe(&mut self) -> Result<Vec<Change>, StoreError> {
        // The answer to a cancelled probe could be mistaken for the answer to this one.
        if std::mem::replace(&mut self.is_probing, true) {
            return Err(TrackingEnded::Cancelled.into());
        }
        if is_kept(Rule::SubscriptionIsChecked) {
            self.check_writable().await.map_err(StoreError::backend)?;
            self.check_tracking().await.map_err(StoreError::backend)?;
        } else {
            let ping = redis::cmd("PING");
            let _: Value =
                ping.query_async(&mut self.connection).await.map_err(StoreError::backend)?;
        }
        self.check_server()?;
        self.is_probing = false;
        Ok(self.received.take())
    }
}

impl Tracking {
    async fn begin(&mut self) -> Result<(), RedisError> {
        let mut command = redis::cmd("CLIENT");
        command.arg(&["TRACKING", "ON", "BCAST", "PREFIX", TRACKED][..]);
        let _: Value = command.query_async(&mut self.connection).await?;
        self.check_tracking().await
    }

    async fn check_writable(&mut self) -> Result<(), RedisError> {
        match link::evaluate(&mut self.connection, &script::PROBE, &[]).await? {
            Value::Int(1) => Ok(()),
            _ => Err(not_tracking()),
        }
    }

    /// Fails unless this connection receives invalidations.
    async fn check_tracking(&mut self) -> Result<(), RedisError> {
        let mut command = redis::cmd("CLIENT");
        let info: Value = command.arg("TRACKINGINFO").query_async(&mut self.connection).await?;
        if is_tracking(info) { Ok(()) } else { Err(not_tracking()) }
    }

    fn check_server(&self) -> Result<(), StoreError> {
        if self.link.server() == self.server {
            Ok(())
        } else {
            Err(TrackingEnded::OtherServer.into())
        }
    }
}

/// Whether the answer to `CLIENT TRACKINGINFO` shows tracking by our prefix. Only a RESP3
/// connection gets a map: after `HELLO 2` it receives no invalidations although the rest is
/// unchanged.
fn is_tracking(info: Value) -> bool {
    let Value::Map(info) = info else { return false };
    let words = |name: &str| {
        let is_named =
            |key: &Value| matches!(key, Value::BulkString(key) if key == name.as_bytes());
        let found = info.iter().find(|(key, _)| is_named(key));
        found.and_then(|(_, value)| Vec::<String>::from_redis_value(value.clone()).ok())
    };
    let (Some(flags), Some(prefixes)) = (words("flags"), words("prefixes")) else { return false };
    let has = |flag: &str| flags.iter().any(|other| other == flag);
    has("on")
        && has("bcast")
        && !has("noloop")
        && !has("broken_redirect")
        && prefixes.iter().any(|prefix| prefix == TRACKED)
}

fn not_tracking() -> RedisError {
    std::io::Error::other(TrackingEnded::NotTracking).into()
}

fn not_fresh(error: RedisError) -> NotFresh {
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::NoPerm) => NotFresh::Mute(NO_TRACKING_RIGHT),
        _ => StoreError::backend(error).into(),
    }
}

/// A unique name from process id, counter and uptime in nanoseconds. It is not secret.
fn unique_name() -> [u8; 16] {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let who = (u64::from(process::id()) << 32) | u64::from(count);
    let when = u64::try_from(Clock::system().uptime().as_nanos()).unwrap_or(u64::MAX);
    ((u128::from(who) << 64) | u128::from(when)).to_be_bytes()
}

#[cfg(test)]
mod tests;
