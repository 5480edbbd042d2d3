//! Records events: to the log, the JSON lines and the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

use super::figures::{PastSpans, SignInActivity};
use super::limits::Limits;
use super::{AuditLines, AuditStore, By, Event, EventId, Kind, Recorded};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::failure::StoreError;

/// The most writes that wait. Each one is a request that waits.
const QUEUE: usize = 1024;
/// The most writes of one transaction.
const MOST_AT_ONCE: usize = 256;
/// How long a request waits for room in the queue, and again for its events to be durable.
const PATIENCE: Duration = Duration::from_secs(3);

/// The dependencies of the trail.
pub struct AuditOptions {
    /// Where events are kept.
    pub store: Arc<dyn AuditStore>,
    /// Tells the time.
    pub clock: Clock,
    /// Draws ids.
    pub entropy: Entropy,
}

/// Outputs of events besides the store and the log.
#[derive(Clone, Debug, Default)]
pub struct AuditOutputs {
    /// JSON lines.
    pub lines: Option<AuditLines>,
    /// The events that the webhook sends.
    pub announced: BTreeSet<Kind>,
    /// Wakes the webhook worker when there is a new one.
    pub wake: Arc<Notify>,
}

/// Records what happened. Cheap to clone; one task writes for all clones, and ends with the last.
#[derive(Clone)]
pub struct AuditTrail(Arc<Inner>);

struct Inner {
    store: Arc<dyn AuditStore>,
    clock: Clock,
    entropy: Entropy,
    limits: Limits,
    outputs: AuditOutputs,
    queue: mpsc::Sender<Entry>,
    lost: Arc<AtomicU64>,
    past_spans: PastSpans,
}

/// The events of one action, and the request that waits for them.
struct Entry {
    events: Vec<Recorded>,
    done: oneshot::Sender<()>,
}

impl AuditTrail {
    /// Starts the task that writes. Call it inside of a tokio runtime.
    #[must_use]
    pub fn start(options: AuditOptions) -> Self {
        Self::start_with_outputs(options, AuditOutputs::default())
    }

    /// As [`AuditTrail::start`], with more outputs.
    #[must_use]
    pub fn start_with_outputs(options: AuditOptions, outputs: AuditOutputs) -> Self {
        let AuditOptions { store, clock, entropy } = options;
        let (queue, waiting) = mpsc::channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let task = Writing { store: store.clone(), lost: lost.clone(), wake: outputs.wake.clone() };
        tokio::spawn(task.go_on(waiting));
        let limits = Limits::new(&clock);
        let past_spans = PastSpans::default();
        Self(Arc::new(Inner { store, clock, entropy, limits, outputs, queue, lost, past_spans }))
    }

    /// Logs the events and returns once they are durable, after six seconds at the latest. Events
    /// of one call are written all or none. A store that fails is only an error in the log: the
    /// operation is not undone. Events that strangers can cause without limit are recorded a
    /// limited number of times a minute and network, then counted.
    pub async fn record(&self, events: impl IntoIterator<Item = Event>) {
        let events = events.into_iter().filter(|event| self.0.limits.admit(event));
        let events: Vec<Recorded> = events.filter_map(|event| self.recorded(event)).collect();
        if events.is_empty() {
            return;
        }
        for event in &events {
            log(event);
            if let Some(lines) = &self.0.outputs.lines {
                lines.tell(event);
            }
        }
        let Ok(Ok(place)) = timeout(PATIENCE, self.0.queue.reserve()).await else {
            return lose(&events, &self.0.lost, &"too many events wait to be written");
        };
        let (done, written) = oneshot::channel();
        place.send(Entry { events, done });
        if timeout(PATIENCE, written).await.is_err() {
            tracing::warn!(
                "the audit trail is slow: an action is answered before its event is recorded"
            );
        }
    }

    fn recorded(&self, event: Event) -> Option<Recorded> {
        let at = self.0.clock.now();
        match self.0.entropy.id(at) {
            Ok(id) => {
                let is_announced = self.0.outputs.announced.contains(&event.kind);
                let recorded = Recorded::new(EventId::from_uuid(id), at, event);
                Some(Recorded { is_announced, ..recorded })
            }
            Err(error) => {
                self.0.lost.fetch_add(1, Ordering::Relaxed);
                let kind = event.kind.as_str();
                tracing::error!(kind, %error, "could not record an audit event");
                None
            }
        }
    }

    pub(super) fn store(&self) -> &dyn AuditStore {
        &*self.0.store
    }

    /// How many signed in and failed to, hour by hour and day by day.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn activity(&self) -> Result<SignInActivity, StoreError> {
        self.0.past_spans.activity(self.store(), self.now()).await
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        self.0.clock.now()
    }

    /// Compares the settings of this start with those of the last, and records the names of those
    /// that differ. The values are kept for the next start to compare with: pass secrets masked.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn note_settings(
        &self,
        settings: &BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        let text = serde_json::to_string(settings).map_err(StoreError::backend)?;
        let last = self.0.store.last_settings().await?;
        if last.as_ref() == Some(&text) {
            return Ok(());
        }
        if let Some(last) = last {
            // Unreadable settings count as no settings: then all of them changed.
            let last: BTreeMap<String, String> = serde_json::from_str(&last).unwrap_or_default();
            let names: BTreeSet<&String> = last.keys().chain(settings.keys()).collect();
            let changed: Vec<Value> = names
                .into_iter()
                .filter(|name| last.get(*name) != settings.get(*name))
                .map(|name| name.as_str().into())
                .collect();
            let event = Event::new(Kind::SettingsChanged, &By::command_line());
            self.record([event.with("settings", changed)]).await;
        }
        self.0.store.keep_settings(&text).await
    }

    /// Logs how many events were passed over, and forgets networks that have been quiet.
    pub fn sweep(&self) {
        self.0.limits.sweep();
        if let Some(lines) = &self.0.outputs.lines {
            lines.report();
        }
    }

    /// How many events were lost since the start, because the store failed or was too slow.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Returns once everything recorded before is written, after nine seconds at the latest.
    pub async fn flush(&self) {
        self.written().await;
        if let Some(lines) = &self.0.outputs.lines {
            // A reader that has gone to sleep must not keep the server from stopping.
            let _ = timeout(PATIENCE, lines.written()).await;
            lines.report();
        }
    }

    async fn written(&self) {
        let Ok(Ok(place)) = timeout(PATIENCE, self.0.queue.reserve()).await else { return };
        let (done, written) = oneshot::channel();
        place.send(Entry { events: Vec::new(), done });
        // The writer logs what it could not write.
        let _ = timeout(PATIENCE, written).await;
    }
}

/// The task that writes.
struct Writing {
    store: Arc<dyn AuditStore>,
    lost: Arc<AtomicU64>,
    wake: Arc<Notify>,
}

impl Writing {
    /// Writes all waiting events in one transaction: under load, many actions share one commit.
    async fn go_on(self, mut waiting: mpsc::Receiver<Entry>) {
        let mut entries = Vec::new();
        while waiting.recv_many(&mut entries, MOST_AT_ONCE).await > 0 {
            let take = |entry: &mut Entry| std::mem::take(&mut entry.events);
            let events: Vec<Recorded> = entries.iter_mut().flat_map(take).collect();
            if !events.is_empty() {
                self.write(events).await;
            }
            for entry in entries.drain(..) {
                // The request may have timed out.
                let _ = entry.done.send(());
            }
        }
    }

    /// In a separate task, so that a panic of the store does not end the writer.
    async fn write(&self, events: Vec<Recorded>) {
        let (store, events) = (self.store.clone(), Arc::new(events));
        let to_write = events.clone();
        let written = tokio::spawn(async move { store.append(&to_write).await }).await;
        if let Err(error) = written.unwrap_or_else(|error| Err(StoreError::backend(error))) {
            lose(&events, &self.lost, &error);
        } else if events.iter().any(|event| event.is_announced) {
            self.wake.notify_one();
        }
    }
}

fn lose(events: &[Recorded], lost: &AtomicU64, why: &dyn std::fmt::Display) {
    lost.fetch_add(u64::try_from(events.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
    for Recorded { id, event, .. } in events {
        let kind = event.kind.as_str();
        tracing::error!(kind, event.id = %id, why = %why, "could not record an audit event");
    }
}

/// The line in the log, in the span of the request. It is there whatever becomes of the record.
fn log(Recorded { id, event, .. }: &Recorded) {
    let By { actor, client, .. } = &event.by;
    let details = (!event.details.is_empty())
        .then(|| serde_json::to_string(&event.details).unwrap_or_default());
    tracing::info!(
        target: "anteroom::audit",
        {
            event.id = %id,
            actor = %actor,
            user.id = event.subject.map(|user| user.to_string()),
            session.id = event.session.map(|session| session.to_string()),
            network = client.ip_address.map(|address| address.to_string()),
            user_agent = client.user_agent,
            outcome = &*event.outcome,
            details,
        },
        "{}", event.kind.as_str()
    );
}
