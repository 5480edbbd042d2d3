//! Renews the lease: one task for each store, which alone receives its invalidations and probes it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::memory::Memory;
use super::rules::{Rule, is_kept};
use super::{Change, Freshness, LEASE, NotFresh, Subscription};
use crate::clock::Clock;
use crate::failure::StoreError;

/// The interval between probes: a quarter of a lease, so that one late answer does not lose it.
const PROBE_INTERVAL: Duration = Duration::from_millis(25);
/// How long a store may take to answer before the subscription is closed.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pause after a subscription was lost.
const PAUSE: Duration = Duration::from_millis(250);
/// The pause where an operator has to change the setup first. Each attempt may write a line to the
/// log of the store.
const LONG_PAUSE: Duration = Duration::from_secs(5);

/// The background task for one store.
pub(in crate::sessions) struct LeaseRenewer {
    pub(in crate::sessions) memory: Arc<Memory>,
    /// The index of the store among those that have to confirm.
    pub(in crate::sessions) number: usize,
    pub(in crate::sessions) store: Arc<dyn Freshness>,
    pub(in crate::sessions) clock: Clock,
}

/// The store took too long to answer.
#[derive(Debug, thiserror::Error)]
#[error("the store did not answer a probe within {} s", PATIENCE.as_secs())]
struct Late;

impl LeaseRenewer {
    /// Renews the lease for as long as the task runs. Calls `notify` for every change after its
    /// invalidation, and with [`Change::Everything`] after each subscription.
    pub(in crate::sessions) async fn run(self, notify: impl Fn(Change) + Send) {
        let mut report = LossReport::of(self.store.name());
        loop {
            let lost = match timeout(PATIENCE, self.store.subscribe()).await {
                Ok(Ok(subscription)) => {
                    self.memory.subscribed(self.number);
                    notify(Change::Everything);
                    report.regained();
                    self.follow(subscription, &notify).await.into()
                }
                Ok(Err(error)) => error,
                Err(_) => StoreError::backend(Late).into(),
            };
            self.memory.unsubscribed(self.number);
            report.lost(&lost);
            sleep(if matches!(lost, NotFresh::Mute(_)) { LONG_PAUSE } else { PAUSE }).await;
        }
    }

    /// Runs until the subscription fails.
    async fn follow(
        &self,
        mut subscription: Box<dyn Subscription>,
        notify: &(impl Fn(Change) + Send),
    ) -> StoreError {
        loop {
            // Read before the probe is sent: the lease counts from here.
            let asked = self.clock.uptime();
            let changes = match timeout(PATIENCE, subscription.probe()).await {
                Ok(Ok(changes)) => changes,
                Ok(Err(error)) => return error,
                Err(_) => return StoreError::backend(Late),
            };
            for change in changes {
                if is_kept(Rule::ChangesBeforeAnswers) {
                    self.apply(change, notify);
                } else {
                    self.apply_late(change);
                }
            }
            self.memory.confirmed(self.number, asked, self.clock.uptime());
            if let Err(error) = self.receive(&mut *subscription, notify).await {
                return error;
            }
        }
    }

    /// Applies changes until the next probe is due.
    async fn receive(
        &self,
        subscription: &mut dyn Subscription,
        notify: &(impl Fn(Change) + Send),
    ) -> Result<(), StoreError> {
        let again = sleep(PROBE_INTERVAL);
        tokio::pin!(again);
        loop {
            tokio::select! {
                biased;
                () = &mut again => return Ok(()),
                change = subscription.changed() => self.apply(change?, notify),
            }
        }
    }

    /// Wrong on purpose, for the test of the rule: the answer counts before the changes ahead of
    /// it.
    fn apply_late(&self, change: Change) {
        let memory = Arc::clone(&self.memory);
        tokio::spawn(async move {
            sleep(4 * LEASE).await;
            memory.apply_from_store(change);
        });
    }

    fn apply(&self, change: Change, notify: &impl Fn(Change)) {
        self.memory.apply_from_store(change);
        notify(change);
    }
}

/// Logs the loss of the lease once, and its return once. A database without triggers is a reason
/// with advice, so it is logged even after another one.
struct LossReport {
    store: &'static str,
    is_reported: bool,
    is_mute_reported: bool,
}

impl LossReport {
    fn of(store: &'static str) -> Self {
        Self { store, is_reported: false, is_mute_reported: false }
    }

    fn lost(&mut self, error: &NotFresh) {
        let is_mute = matches!(error, NotFresh::Mute(_));
        if !self.is_reported || is_mute && !self.is_mute_reported {
            self.is_reported = true;
            self.is_mute_reported |= is_mute;
            let error: &dyn std::error::Error = error;
            tracing::warn!(
                error,
                store = self.store,
                "lost the lease of the session cache; will retry, and requests ask the store"
            );
        }
    }

    fn regained(&mut self) {
        if std::mem::replace(self, Self::of(self.store)).is_reported {
            tracing::info!(store = self.store, "regained the lease of the session cache");
        }
    }
}
