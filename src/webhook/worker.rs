//! The background task that sends deliveries, a few at a time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::post::Post;
use super::schedule::wait_after;
use super::{ClaimedDelivery, DeliveryFailure, FailedAttempt, Webhook};
use crate::failure::StoreError;
use crate::metrics::WebhookOutcome;

/// Interval of the queue polls, for entries of other servers and commands, and for retries.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Interval of the pending count in the metrics.
const COUNT_EVERY: Duration = Duration::from_secs(15);
/// Duration of a claim: longer than an attempt takes, with a margin for clock skew.
const CLAIM: time::Duration = time::Duration::seconds(30);

impl Webhook {
    /// Sends deliveries until it is dropped. Those in flight then are sent again later.
    pub async fn run_deliveries(self) {
        let (mut under_way, mut counted, mut is_gone) = (JoinSet::new(), None, false);
        loop {
            while under_way.try_join_next().is_some() {}
            let places = self.free_places();
            match self.claim(places.len()).await {
                Ok(claimed) => {
                    is_gone = false;
                    for (one, place) in claimed.into_iter().zip(places) {
                        under_way.spawn(self.clone().deliver(one, place));
                    }
                }
                // Logged once: the next poll is in a second.
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    if !std::mem::replace(&mut is_gone, true) {
                        tracing::warn!(
                            error,
                            "could not read pending webhook deliveries; will retry"
                        );
                    }
                }
            }
            self.count(&mut counted).await;
            tokio::select! {
                () = self.0.wake.notified(), if self.0.places.available_permits() > 0 => {}
                Some(_) = under_way.join_next() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    fn free_places(&self) -> Vec<OwnedSemaphorePermit> {
        std::iter::from_fn(|| self.0.places.clone().try_acquire_owned().ok()).collect()
    }

    async fn claim(&self, free: usize) -> Result<Vec<ClaimedDelivery>, StoreError> {
        if free == 0 {
            return Ok(Vec::new());
        }
        let now = self.0.clock.now();
        let most = u32::try_from(free).unwrap_or(1);
        self.0.store.claim(now, now + CLAIM, most).await
    }

    async fn count(&self, counted: &mut Option<Instant>) {
        let is_recent = counted.is_some_and(|at| at.elapsed() < COUNT_EVERY);
        if is_recent || !self.0.metrics.is_on() {
            return;
        }
        if let Ok(standing) = self.0.store.state().await {
            *counted = Some(Instant::now());
            self.0.metrics.webhook_pending(standing.pending);
        }
    }

    async fn deliver(self, claimed: ClaimedDelivery, _place: OwnedSemaphorePermit) {
        let Some(post) = &self.0.post else { return };
        let sent = post.send(&claimed, self.0.clock.now().unix_timestamp()).await;
        let kept = match sent {
            Ok(()) => self.succeeded(post, &claimed).await,
            Err(why) => self.failed(post, &claimed, why).await,
        };
        if let Err(error) = kept {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, event.id = %claimed.id, "could not save a delivery result; may send again");
        }
    }

    async fn succeeded(&self, post: &Post, claimed: &ClaimedDelivery) -> Result<(), StoreError> {
        self.0.metrics.webhook(WebhookOutcome::Ok);
        if self.0.fails.swap(false, Ordering::Relaxed) {
            let url = post.options().target.shown();
            tracing::info!(url, "the webhook receiver accepts events again");
        }
        tracing::debug!(event.id = %claimed.id, claimed.attempt, "webhook event delivered");
        self.0.store.delivered(claimed.id, self.0.clock.now()).await
    }

    async fn failed(
        &self,
        post: &Post,
        claimed: &ClaimedDelivery,
        why: DeliveryFailure,
    ) -> Result<(), StoreError> {
        let at = self.0.clock.now();
        let [chance] = self.0.entropy.bytes::<1>()?;
        let again_at = wait_after(claimed.attempt, chance).map(|wait| at + wait);
        let (status, error, url) = (why.status(), why.as_str(), post.options().target.shown());
        let (event, attempt) = (claimed.id, claimed.attempt);
        self.0.metrics.webhook(match why {
            DeliveryFailure::Status(_) => WebhookOutcome::Refused,
            _ => WebhookOutcome::Failed,
        });
        // Only the first of consecutive failures is a warning.
        if !self.0.fails.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                url,
                status,
                error,
                "the webhook receiver does not accept events; will retry"
            );
        }
        tracing::debug!(event.id = %event, attempt, status, error, "delivery failed");
        if again_at.is_none() {
            self.0.metrics.webhook(WebhookOutcome::GivenUp);
            tracing::error!(event.id = %event, url, status, error, "gave up on a webhook delivery");
        }
        self.0.store.put_back(claimed, &FailedAttempt { at, why, again_at }).await
    }
}
