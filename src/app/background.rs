//! Background tasks: write activity, poll open streams, apply the outbox, delete expired records.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::Services;
use crate::audit::{AuditTrail, By, Event, Retention};
use crate::failure::StoreError;
use crate::http::Service;
use crate::mail::Mail;
use crate::sessions::{Pending, Sessions};
use crate::store::SqlDatabase;
use crate::throttle::Throttle;
use crate::use_cases::Clients;
use crate::webhook::Webhook;

/// Between two writes of session activity.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);
/// Between two polls for changes that other servers made to what open streams show.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Between two looks at the outbox. An entry that is still there at the second look has been left
/// behind, and is applied.
const OUTBOX_INTERVAL: Duration = Duration::from_millis(250);
/// Between two deletions of expired records.
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);
/// Rows that one step of a sweep may delete, so that a sign-in never waits long for it.
const SWEEP_ROWS: u32 = 100;

/// Records that no service deletes by itself.
#[derive(Clone)]
pub(super) struct Records {
    pub(super) database: SqlDatabase,
    pub(super) retention: Retention,
    pub(super) webhook: Webhook,
    pub(super) mail: Mail,
    pub(super) clients: Clients,
}

impl Records {
    async fn sweep(&self, now: OffsetDateTime) -> Result<(), StoreError> {
        self.database.sweep_records(now).await?;
        at_half_speed(|| self.webhook.sweep(SWEEP_ROWS)).await?;
        at_half_speed(|| self.mail.sweep(SWEEP_ROWS)).await?;
        at_half_speed(|| self.database.sweep_audit(&self.retention, now, SWEEP_ROWS)).await?;
        // Last: a key that cannot be decrypted delays nothing else.
        self.clients.maintain_keys().await
    }
}

/// Starts the tasks. Dropping the set aborts them.
pub(super) fn start(services: &Services, records: Records, service: &Service) -> JoinSet<()> {
    let Services { sessions, audit, throttle, webhook, mail, .. } = services.clone();
    let mut tasks = JoinSet::new();
    if sessions.has_outbox() {
        tasks.spawn(apply_outbox(sessions.clone()));
    }
    for renewer in sessions.lease_renewers() {
        tasks.spawn(renewer);
    }
    if webhook.is_on() {
        tasks.spawn(webhook.run_deliveries());
    }
    if mail.is_on() {
        tasks.spawn(mail.run_deliveries());
    }
    tasks.spawn(lower_imported_costs(records.database.clone()));
    tasks.spawn(flush_activity(sessions.clone(), audit));
    tasks.spawn(poll_streams(sessions.clone()));
    tasks.spawn(sweep_expired(sessions, throttle, records, service.clone()));
    tasks
}

/// Records sessions that timed out. No request waits for these events.
pub(super) async fn record_timeouts(sessions: &Sessions, audit: &AuditTrail) {
    let by = By::server();
    let ends = sessions.take_timed_out().into_iter();
    audit
        .record(ends.map(|end| Event::session_ended(end.id, end.ended.reason, &by).about(end.user)))
        .await;
}

fn every(period: Duration) -> Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

async fn flush_activity(sessions: Sessions, audit: AuditTrail) {
    let mut ticks = every(FLUSH_INTERVAL);
    loop {
        ticks.tick().await;
        if let Err(error) = sessions.flush().await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "could not write session activity; will retry");
        }
        record_timeouts(&sessions, &audit).await;
    }
}

/// One query per second for all open streams, which is cheaper than one for each.
async fn poll_streams(sessions: Sessions) {
    let mut ticks = every(POLL_INTERVAL);
    let mut was_failing = false;
    loop {
        ticks.tick().await;
        sessions.notify_unconfirmed();
        let polled = sessions.poll_lists().await;
        // Log the first failure only: this runs every second.
        if let Err(error) = &polled
            && !was_failing
        {
            let error: &dyn std::error::Error = error;
            tracing::warn!(error, "could not poll open session lists; will retry");
        }
        was_failing = polled.is_err();
    }
}

/// Ends sessions whose account was changed by a server that stopped before it ended them.
async fn apply_outbox(sessions: Sessions) {
    let mut ticks = every(OUTBOX_INTERVAL);
    let mut pending = Pending::default();
    let mut was_failing = false;
    loop {
        ticks.tick().await;
        match sessions.process_outbox(&mut pending).await {
            Ok(finished) => {
                was_failing = false;
                if finished > 0 {
                    tracing::info!(finished, "ended sessions for another server's account change");
                }
            }
            // Log the first failure only: this runs four times a second.
            Err(error) if !was_failing => {
                was_failing = true;
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "could not process the outbox; will retry");
            }
            Err(_) => {}
        }
    }
}

async fn sweep_expired(sessions: Sessions, throttle: Throttle, records: Records, service: Service) {
    let mut ticks = every(SWEEP_INTERVAL);
    loop {
        ticks.tick().await;
        service.sweep();
        let swept = async {
            at_half_speed(|| sessions.sweep(SWEEP_ROWS)).await?;
            at_half_speed(|| throttle.sweep(SWEEP_ROWS)).await?;
            records.sweep(sessions.now()).await
        };
        if let Err(error) = swept.await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "could not delete expired sessions; will retry");
        }
    }
}

/// Once: hashes of other systems are replaced as their owners sign in, and refusals cost less.
async fn lower_imported_costs(database: SqlDatabase) {
    if let Err(error) = database.lower_imported_costs().await {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(error, "could not read which imported hashes are left; refusals cost more");
    }
}

/// Repeats `step` until it returns `true`, and pauses after each step for as long as it took: a
/// sweep uses at most half of the store's time.
async fn at_half_speed<F>(mut step: impl FnMut() -> F) -> Result<(), StoreError>
where
    F: Future<Output = Result<bool, StoreError>>,
{
    loop {
        let start = Instant::now();
        if step().await? {
            return Ok(());
        }
        tokio::time::sleep(start.elapsed()).await;
    }
}
