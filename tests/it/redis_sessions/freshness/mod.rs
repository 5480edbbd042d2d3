//! Redis tells every server what changes, or the server remembers nothing.

mod invalidations;
mod losses;
mod order;
mod rights;
mod servers;
mod splice;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anteroom::Anteroom;
use anteroom::sessions::cache::{Change, Freshness as _, NotFresh, Subscription};
use anteroom::store::RedisSessions;

use super::digest;
use crate::harness::redis::{command, connect};

/// How long anything may take that has to happen by itself.
const PATIENCE: Duration = Duration::from_secs(30);

async fn subscribed(store: &RedisSessions) -> Box<dyn Subscription> {
    store.subscribe().await.unwrap()
}

/// Everything that is told and was not yet.
async fn invalidations(subscription: &mut dyn Subscription) -> HashSet<Change> {
    subscription.probe().await.unwrap().into_iter().collect()
}

/// Of the session that has this number, its token.
fn token(number: u64) -> Change {
    Change::Token(digest(number))
}

async fn why_mute(store: &RedisSessions) -> &'static str {
    match store.subscribe().await.err() {
        Some(NotFresh::Mute(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn has_lease(anteroom: &Anteroom) -> bool {
    anteroom.sessions().lease().is_some_and(|lease| !lease.left.is_zero())
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// How often anything was read by its name in this Redis, which probes never do.
async fn readings(url: &str) -> u64 {
    let mut operator = connect(url).await;
    let stats: String =
        command(&["INFO", "commandstats"]).query_async(&mut operator).await.unwrap();
    let calls = stats.lines().find_map(|line| line.strip_prefix("cmdstat_get:calls="));
    calls.map_or(0, |calls| calls.split(',').next().unwrap().parse().unwrap())
}

/// Somebody's checks ask this Redis nothing, sooner or later. Readings of others, as the sweep, do
/// not come to as many.
pub(super) async fn checks_from_memory(url: &str, is_signed_in: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(is_signed_in().await);
        let before = readings(url).await;
        for _ in 0..50 {
            assert!(is_signed_in().await);
        }
        let read = readings(url).await - before;
        if read < 40 {
            return;
        }
        assert!(Instant::now() < deadline, "50 checks took {read} readings");
    }
}
