//! What the database tells of what changes in it, and whether that can be relied on.

mod invalidations;
mod nodes;
mod subscription;
mod wire;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anteroom::sessions::cache::{Change, NotFresh, Subscription};
use anteroom::sessions::{EndReason, Ended, Ending, SessionId};
use anteroom::store::SqlDatabase;

use super::NOW;

const ENDED: Ended = Ended { reason: EndReason::SignedOut, at: NOW };

fn ending(id: SessionId) -> Ending {
    Ending { id, of: None, unseen_since: None, ended: ENDED }
}

/// A subscription that has to come about.
async fn subscribed(store: &SqlDatabase) -> Box<dyn Subscription> {
    store.freshness().subscribe().await.unwrap_or_else(|error| panic!("{error}"))
}

/// Why there is none.
async fn refusal(store: &SqlDatabase) -> NotFresh {
    match store.freshness().subscribe().await {
        Ok(_) => panic!("it came about"),
        Err(error) => error,
    }
}

async fn invalidations(subscription: &mut dyn Subscription) -> BTreeSet<String> {
    let changes = subscription.probe().await.unwrap();
    changes.iter().map(|change: &Change| format!("{change:?}")).collect()
}

fn said(change: Change) -> String {
    format!("{change:?}")
}

/// Looks again and again until it is so.
async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
