//! The background task that sends deliveries, a few at a time.

use std::sync::atomic::Ordering;

use tokio::sync::Notify;

use super::post::Post;
use super::{ClaimedDelivery, DeliveryFailure, FailedAttempt, Webhook};
use crate::failure::StoreError;
use crate::metrics::WebhookOutcome;
use crate::queue::{Places, Queue, run, wait_after};

/// Duration of a claim: longer than an attempt takes, with a margin for clock skew.
const CLAIM: time::Duration = time::Duration::seconds(30);

impl Webhook {
    /// Sends deliveries until it is dropped. Those in flight then are sent again later.
    pub async fn run_deliveries(self) {
        run(self).await;
    }

    async fn deliver(self, claimed: ClaimedDelivery) {
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

impl Queue for Webhook {
    type Claimed = ClaimedDelivery;
    const ENTRIES: &'static str = "webhook deliveries";

    fn wake(&self) -> &Notify {
        &self.0.wake
    }

    fn places(&self) -> &Places {
        &self.0.places
    }

    async fn claim(&self, most: u32) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let now = self.0.clock.now();
        self.0.store.claim(now, now + CLAIM, most).await
    }

    async fn work_on(self, claimed: ClaimedDelivery) {
        self.deliver(claimed).await;
    }

    async fn count(&self) -> bool {
        if !self.0.metrics.is_on() {
            return false;
        }
        match self.0.store.state().await {
            Ok(state) => {
                self.0.metrics.webhook_pending(state.pending);
                true
            }
            Err(_) => false,
        }
    }
}
