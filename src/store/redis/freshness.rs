//! What changes in Redis, as it is told to those who track it.
//!
//! A connection that asks for `CLIENT TRACKING` by prefix (`BCAST`) is told of every key that
//! changes there, whoever changes it and in whatever way, a flush, an eviction and an expiry
//! included. Redis keeps no list of who read what for that. What says whether a token is good is
//! all under one prefix, and nothing else is: a touch, data and the orders are told to nobody.
//!
//! **Why nothing acknowledged is behind the answer to a probe.** Redis runs one script or command
//! after another. Each leaves the keys that it changed in a set, which at the end of every turn of
//! the event loop (`beforeSleep`, `trackingBroadcastInvalidationMessages`) is written to those who
//! track, ahead of all that the next turn writes to them. In Redis 7 and Valkey that is before
//! any reply of the turn is sent, but for that of a connection with a long backlog. Redis 8 with
//! `io-threads` is another matter: it runs what its threads have read after the set is written and
//! sends those replies at once, and whoever hears of one can have a question answered at the
//! beginning of the next turn, before its end. So a probe is two questions, the second sent when
//! the first is answered. The first is read after the acknowledgement was sent, so in the turn of
//! the change or a later one, the second in a later one than the first, and between two turns the
//! set is written. What was heard before the second answer is all of what was acknowledged before
//! the first question. (A script that runs for long is the exception: others are read in the middle
//! of its turn. Both questions are then answered with an error.)
//!
//! **A change that changes nothing** sends no invalidation of its own, for it needs none. It has
//! seen what another one did, so it ran after it, and was acknowledged after that; by the same
//! argument the set of the other one is written before the second answer. `PostgreSQL` is not like
//! this: there one sees what another has committed and not yet told.
//!
//! **What was heard** is handed over in the order of the stream: `PipelineSink::send_result` of the
//! driver calls the push sender for a push, and completes the question for a reply, on one task as
//! it reads them. [`Ear::hear`] has noted a push when it returns.
//!
//! **A primary that is none any more** goes on answering those who track. So the first question is
//! a script that asks for the right to write, as every check does that asks the store: a replica
//! refuses it, and so does a primary that lacks the replicas it was told to have. And calls and
//! changes have to be of the same server: once the calls lead to another, this one says nothing
//! about what they read. Failover as such is outside of every promise (docs/redis.md); nothing of
//! it is worse than with every check asking the store.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, FromRedisValue, RedisError, ServerErrorKind, Value};
use tokio::time::timeout;

use super::RedisSessions;
use super::heard::{Canary, Heard};
use super::link::{self, Course, Link};
use super::script::{self, TRACKED};
use crate::clock::Clock;
use crate::failure::StoreError;
use crate::sessions::cache::{Change, Freshness, NotFresh, Rule, Subscription, is_kept};

/// How long a change may take until it is heard of.
const UNTIL_HEARD: Duration = Duration::from_millis(500);

const NO_RIGHT: &str = "Redis does not let its user use CLIENT TRACKING: give it +client|tracking \
                        and +client|trackinginfo, as docs/redis.md has it";
const UNHEARD: &str = "Redis did not tell of a change within half a second: something between it \
                       and this server does not pass on what CLIENT TRACKING tells";

/// Why a subscription is over.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Over {
    #[error("the connection on which Redis tells what changes was cut")]
    Cut,
    #[error("Redis does not track changes for this connection any more")]
    Untracked,
    #[error("it leads to another Redis server than the calls")]
    Elsewhere,
    #[error("it was asked and its answer was not waited for")]
    Unanswered,
}

impl From<Over> for StoreError {
    fn from(over: Over) -> Self {
        Self::backend(over)
    }
}

/// A connection that is told what changes.
struct Tracking {
    link: Arc<Link>,
    connection: MultiplexedConnection,
    heard: Arc<Heard>,
    /// Where the calls went when it began, which is where it leads.
    course: Course,
    is_asked: bool,
}

#[async_trait]
impl Freshness for RedisSessions {
    fn name(&self) -> &'static str {
        "Redis"
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, NotFresh> {
        let canary = Canary::named(unheard_of());
        let (ear, heard) = Heard::waiting_for(canary);
        let link = Arc::clone(&self.link);
        let apart = link.apart(move |push| ear.hear(&push)).await;
        let (connection, server) = apart.map_err(StoreError::backend)?;
        let course = Course::default();
        let mut tracking = Tracking { link, connection, heard, course, is_asked: false };
        tracking.begin().await.map_err(not_fresh)?;
        // Over the connection of the calls, as everything is that has to be heard of.
        self.link.run(&script::CANARY, &[canary.name()]).await?;
        tracking.course = self.link.course();
        if tracking.course.server != server {
            return Err(StoreError::from(Over::Elsewhere).into());
        }
        match timeout(UNTIL_HEARD, tracking.heard.canary()).await {
            Ok(true) => Ok(Box::new(tracking)),
            Ok(false) => Err(StoreError::from(Over::Cut).into()),
            Err(_) => Err(NotFresh::Mute(UNHEARD)),
        }
    }
}

#[async_trait]
impl Subscription for Tracking {
    async fn changed(&mut self) -> Result<Change, StoreError> {
        Ok(self.heard.next().await.ok_or(Over::Cut)?)
    }

    async fn probe(&mut self) -> Result<Vec<Change>, StoreError> {
        // If the last one was not waited for, its answer may be taken for that of this one.
        if std::mem::replace(&mut self.is_asked, true) {
            return Err(Over::Unanswered.into());
        }
        if is_kept(Rule::SubscriptionIsChecked) {
            self.takes_writes().await.map_err(StoreError::backend)?;
            self.is_tracking().await.map_err(StoreError::backend)?;
        } else {
            let ping = redis::cmd("PING");
            let _: Value =
                ping.query_async(&mut self.connection).await.map_err(StoreError::backend)?;
        }
        self.is_of_the_calls()?;
        self.is_asked = false;
        Ok(self.heard.take())
    }
}

impl Tracking {
    async fn begin(&mut self) -> Result<(), RedisError> {
        let mut command = redis::cmd("CLIENT");
        command.arg(&["TRACKING", "ON", "BCAST", "PREFIX", TRACKED][..]);
        let _: Value = command.query_async(&mut self.connection).await?;
        self.is_tracking().await
    }

    async fn takes_writes(&mut self) -> Result<(), RedisError> {
        match link::evaluate(&mut self.connection, &script::VOUCH, &[]).await? {
            Value::Int(1) => Ok(()),
            _ => Err(wrong()),
        }
    }

    /// Whether this very connection is told of what changes.
    async fn is_tracking(&mut self) -> Result<(), RedisError> {
        let mut command = redis::cmd("CLIENT");
        let info: Value = command.arg("TRACKINGINFO").query_async(&mut self.connection).await?;
        if tells_of_changes(info) { Ok(()) } else { Err(wrong()) }
    }

    fn is_of_the_calls(&self) -> Result<(), StoreError> {
        if self.link.course() == self.course { Ok(()) } else { Err(Over::Elsewhere.into()) }
    }
}

/// What the answer to `CLIENT TRACKINGINFO` says. Only a connection that is told things unasked is
/// answered with a map: after `HELLO 2` the rest may look as it did, and nothing is told.
fn tells_of_changes(info: Value) -> bool {
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

fn wrong() -> RedisError {
    std::io::Error::other(Over::Untracked).into()
}

fn not_fresh(error: RedisError) -> NotFresh {
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::NoPerm) => NotFresh::Mute(NO_RIGHT),
        _ => StoreError::backend(error).into(),
    }
}

/// Sixteen bytes that nobody else comes upon: the process, a count of its own, and the nanosecond.
/// They are no secret.
fn unheard_of() -> [u8; 16] {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let who = (u64::from(process::id()) << 32) | u64::from(count);
    let when = u64::try_from(Clock::system().uptime().as_nanos()).unwrap_or(u64::MAX);
    ((u128::from(who) << 64) | u128::from(when)).to_be_bytes()
}

#[cfg(test)]
mod tests;
