//! A gateway that keeps answers as the example does: none of them outlives the end of its session.

#[path = "../../../examples/revocation_feed/cache.rs"]
pub(crate) mod cache;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anteroom::sessions::EndReason;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{FEED, sign_out};
use crate::harness::app::{Kind, TestApp, on_each_store};
use crate::harness::browser::Browser;
use crate::harness::postgres;
use crate::revocations::servers::beside;
use cache::Cache;

on_each_store!(rev_18_no_kept_answer_outlives_the_next_read_of_the_feed);

/// Follows the feed, and says which reads have been heard.
struct Following {
    begun: Arc<AtomicU64>,
    heard: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

impl Following {
    fn begin(root: Browser, cache: Arc<Cache>) -> Self {
        let (tell, heard) = watch::channel(0);
        let begun = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&begun);
        let task = tokio::spawn(async move {
            loop {
                let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
                let after = cache.cursor().map(|cursor| format!("?wait=1&after={cursor}"));
                let asked_at = Instant::now();
                let answer = root.get(&format!("{FEED}{}", after.unwrap_or_default())).await;
                match answer.status {
                    200 => cache.hear(&answer.json(), asked_at),
                    410 => cache.drop_everything(),
                    _ => return,
                }
                tell.send_replace(number);
            }
        });
        Self { begun, heard, task }
    }

    /// Waits until a read is heard that begins from now on.
    async fn next_read(&self) {
        let begun = self.begun.load(Ordering::SeqCst);
        self.heard.clone().wait_for(|heard| *heard > begun).await.unwrap();
    }
}

/// Asks who that is, as the gateway does where it has nothing to tell.
async fn fill(cache: &Cache, browser: &Browser, now: time::OffsetDateTime) {
    let ticket = cache.ticket();
    let answer = browser.whoami().await;
    if let (200, Some(ticket)) = (answer.status, ticket) {
        cache.keep(&ticket, &browser.token(), &answer.json(), now);
    }
}

/// With the people at one server and the feed at another, or the same.
async fn nothing_outlives(people_at: &TestApp, feed_at: &TestApp) {
    let cache = Arc::new(Cache::default());
    let now = people_at.clock.now();
    let root = feed_at.administrator("root@example.org").await;
    let following = Following::begin(root, Arc::clone(&cache));
    following.next_read().await;
    let mut people = Vec::new();
    for n in 0..8 {
        people.push(people_at.signed_in(&format!("ada{n}@example.org")).await);
    }
    let lives = people.iter().map(|browser| async {
        let (token, asking) = (browser.token(), browser.copy());
        while cache.find(&token, now).is_none() {
            fill(&cache, &asking, now).await;
        }
        let is_over = watch::channel(false).0;
        let filling = async {
            while !*is_over.borrow() {
                fill(&cache, &asking, now).await;
            }
        };
        let ending = async {
            sign_out(browser).await;
            following.next_read().await;
            for _ in 0..20 {
                assert!(cache.find(&token, now).is_none(), "what had ended was told");
                fill(&cache, &asking, now).await;
            }
            is_over.send_replace(true);
        };
        tokio::join!(filling, ending);
    });
    futures_util::future::join_all(lives).await;

    let ada = people_at.signed_in("ada@example.org").await;
    fill(&cache, &ada, now).await;
    people_at.anteroom.sessions().revoke_all(EndReason::RevokedByAdmin).await.unwrap();
    // The administrator's session ended with the others.
    following.task.await.unwrap();
    let root = feed_at.administrator("root@example.org").await;
    let following = Following::begin(root, Arc::clone(&cache));
    following.next_read().await;
    assert!(cache.find(&ada.token(), now).is_none(), "what had ended was told");
    following.task.abort();
}

async fn rev_18_no_kept_answer_outlives_the_next_read_of_the_feed(kind: Kind) {
    let app = TestApp::start(kind).await;
    nothing_outlives(&app, &app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rev_18_no_kept_answer_outlives_the_next_read_at_another_server() {
    if postgres::is_here().await {
        let one = TestApp::start(Kind::Postgres).await;
        let other = beside(&one).await;
        nothing_outlives(&one, &other).await;
    }
}
