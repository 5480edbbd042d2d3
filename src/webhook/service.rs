//! The webhook service: its settings, its state and its cleanup.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::Notify;

use super::post::Post;
use super::{DeliveryRetention, DeliveryState, DeliveryStore, WebhookOptions};
use crate::audit::Kind;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::failure::StoreError;
use crate::metrics::Metrics;
use crate::queue::Places;

/// Retention of deliveries that were given up, and of pending ones while the webhook is off.
const KEPT: time::Duration = time::Duration::days(7);

/// The dependencies of the webhook.
pub struct WebhookParts {
    /// The store of pending deliveries.
    pub store: Arc<dyn DeliveryStore>,
    /// The receiver; `None` where the webhook is off.
    pub options: Option<WebhookOptions>,
    /// Wakes the worker when there is a new one.
    pub wake: Arc<Notify>,
    /// Tells the time.
    pub clock: Clock,
    /// Keeps attempts apart.
    pub entropy: Entropy,
    /// Counts what goes on.
    pub metrics: Metrics,
}

/// Sends events to a receiver. Cheap to clone.
#[derive(Clone)]
pub struct Webhook(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) store: Arc<dyn DeliveryStore>,
    pub(super) post: Option<Post>,
    pub(super) wake: Arc<Notify>,
    pub(super) clock: Clock,
    pub(super) entropy: Entropy,
    pub(super) metrics: Metrics,
    /// Whether the last attempt failed.
    pub(super) fails: AtomicBool,
    pub(super) places: Places,
}

impl Webhook {
    /// Creates the service; [`Webhook::run_deliveries`] sends the events.
    ///
    /// # Errors
    /// One sentence that says what to do, where no TLS connection is possible.
    pub fn new(parts: WebhookParts) -> Result<Self, String> {
        let WebhookParts { store, options, wake, clock, entropy, metrics } = parts;
        let post = options.map(Post::to).transpose()?;
        let (fails, places) = (AtomicBool::new(false), Places::default());
        Ok(Self(Arc::new(Inner { store, post, wake, clock, entropy, metrics, fails, places })))
    }

    /// Whether anything is sent.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.post.is_some()
    }

    /// Where events go, without what may be secret of the URL.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        self.0.post.as_ref().map(|post| post.options().target.shown())
    }

    /// Which events go there.
    #[must_use]
    pub fn events(&self) -> Vec<Kind> {
        let options = self.0.post.as_ref().map(Post::options);
        options.map(|options| options.events.iter().copied().collect()).unwrap_or_default()
    }

    /// Starts no more deliveries and waits for those in flight, three seconds at most. Those that
    /// are cancelled then are sent again later.
    pub async fn finish_deliveries(&self) {
        self.0.places.finish().await;
    }

    /// The state of the deliveries.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn state(&self) -> Result<DeliveryState, StoreError> {
        self.0.store.state().await
    }

    /// Deletes deliveries given up a week ago and, where the webhook is off, those pending as long.
    /// `true`: none is left.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn sweep(&self, most: u32) -> Result<bool, StoreError> {
        let since = self.0.clock.now() - KEPT;
        let waiting_since = (!self.is_on()).then_some(since);
        self.0.store.sweep(&DeliveryRetention { given_up_since: since, waiting_since }, most).await
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({})", self.url().unwrap_or_default())
    }
}
