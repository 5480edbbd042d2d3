//! Keeping the lease: one task for each store, which alone listens to it and asks it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::memory::Memory;
use super::rules::{Rule, is_kept};
use super::{Change, Freshness, LEASE, NotFresh, Subscription};
use crate::clock::Clock;
use crate::failure::StoreError;

/// How often a store is asked: four times in a lease, so that a late answer or two cost none.
const EVERY: Duration = Duration::from_millis(25);
/// How long a store may take to answer before the subscription is given up.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long nothing is tried after a subscription was lost.
const PAUSE: Duration = Duration::from_millis(250);
/// The same where somebody has to change something before it can succeed. Each try may leave a line
/// in the log of the store.
const LONG_PAUSE: Duration = Duration::from_secs(5);

/// What a keeper works with.
pub(in crate::sessions) struct Keeper {
    pub(in crate::sessions) memory: Arc<Memory>,
    /// Which of the stores that have to vouch.
    pub(in crate::sessions) number: usize,
    pub(in crate::sessions) store: Arc<dyn Freshness>,
    pub(in crate::sessions) clock: Clock,
}

/// The store took too long to answer.
#[derive(Debug, thiserror::Error)]
#[error("the store did not say within {} s whether it has told everything", PATIENCE.as_secs())]
struct Late;

impl Keeper {
    /// Keeps the lease for as long as the task runs. `told` hears of every change after it is
    /// dropped, and of [`Change::Everything`] after each subscription.
    pub(in crate::sessions) async fn run(self, told: impl Fn(Change) + Send) {
        let mut trouble = Trouble { store: self.store.name(), is_known: false };
        loop {
            let lost = match timeout(PATIENCE, self.store.subscribe()).await {
                Ok(Ok(subscription)) => {
                    self.memory.subscribed(self.number);
                    told(Change::Everything);
                    trouble.is_over();
                    self.follow(subscription, &told).await.into()
                }
                Ok(Err(error)) => error,
                Err(_) => StoreError::backend(Late).into(),
            };
            self.memory.cut(self.number);
            trouble.tell(&lost);
            sleep(if matches!(lost, NotFresh::Mute(_)) { LONG_PAUSE } else { PAUSE }).await;
        }
    }

    /// Until the subscription is over.
    async fn follow(
        &self,
        mut subscription: Box<dyn Subscription>,
        told: &(impl Fn(Change) + Send),
    ) -> StoreError {
        loop {
            // Before the question is handed over: from then on nothing is vouched for.
            let asked = self.clock.uptime();
            let changes = match timeout(PATIENCE, subscription.probe()).await {
                Ok(Ok(changes)) => changes,
                Ok(Err(error)) => return error,
                Err(_) => return StoreError::backend(Late),
            };
            for change in changes {
                if is_kept(Rule::ChangesBeforeAnswers) {
                    self.dropped(change, told);
                } else {
                    self.drop_late(change);
                }
            }
            self.memory.vouched(self.number, asked, self.clock.uptime());
            if let Err(error) = self.listen(&mut *subscription, told).await {
                return error;
            }
        }
    }

    /// Until it is time to ask again.
    async fn listen(
        &self,
        subscription: &mut dyn Subscription,
        told: &(impl Fn(Change) + Send),
    ) -> Result<(), StoreError> {
        let again = sleep(EVERY);
        tokio::pin!(again);
        loop {
            tokio::select! {
                biased;
                () = &mut again => return Ok(()),
                change = subscription.changed() => self.dropped(change?, told),
            }
        }
    }

    /// What must not be: the answer counts, and what came before it does not.
    fn drop_late(&self, change: Change) {
        let memory = Arc::clone(&self.memory);
        tokio::spawn(async move {
            sleep(4 * LEASE).await;
            memory.told(change);
        });
    }

    fn dropped(&self, change: Change, told: &impl Fn(Change)) {
        self.memory.told(change);
        told(change);
    }
}

/// Says once that there is no lease, and once that there is one again.
struct Trouble {
    store: &'static str,
    is_known: bool,
}

impl Trouble {
    fn tell(&mut self, error: &NotFresh) {
        if !std::mem::replace(&mut self.is_known, true) {
            let error: &dyn std::error::Error = error;
            tracing::warn!(
                error,
                store = self.store,
                "no leases for now: every request asks the stores"
            );
        }
    }

    fn is_over(&mut self) {
        if std::mem::take(&mut self.is_known) {
            tracing::info!(store = self.store, "leases are held again");
        }
    }
}
