//! What goes on behind the door: activity is written, what has ended is cleared away.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Services;
use crate::audit::{AuditTrail, By, Event, Retention};
use crate::failure::StoreError;
use crate::http::Service;
use crate::sessions::{Pending, Sessions};
use crate::store::SqlDatabase;
use crate::throttle::Throttle;
use crate::webhook::Webhook;

/// How often activity that was noted is written.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// How often open streams look for what nobody told this server.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often what writers have left behind is looked for: after two looks it is finished.
const FINISH_EVERY: Duration = Duration::from_millis(250);
/// How often what has ended is cleared away.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// How many rows one step of a sweep may clear, so that a sign-in never waits long for it.
const SWEEP_ROWS: u32 = 100;

/// What grows unless it is cleared away, and no room looks after.
#[derive(Clone)]
pub(super) struct Records {
    pub(super) database: SqlDatabase,
    pub(super) retention: Retention,
    pub(super) webhook: Webhook,
}

impl Records {
    /// Lets go of what is past its time.
    async fn sweep(&self, now: OffsetDateTime) -> Result<(), StoreError> {
        self.database.sweep_records(now).await?;
        unhurried(|| self.webhook.sweep(SWEEP_ROWS)).await?;
        unhurried(|| self.database.sweep_audit(&self.retention, now, SWEEP_ROWS)).await
    }
}

/// Starts the tasks, which end with the set.
pub(super) fn start(services: &Services, records: Records, service: &Service) -> JoinSet<()> {
    let Services { sessions, audit, throttle, webhook, .. } = services.clone();
    let mut tasks = JoinSet::new();
    if sessions.has_outbox() {
        tasks.spawn(keep_finishing(sessions.clone()));
    }
    for keeper in sessions.lease_keepers() {
        tasks.spawn(keeper);
    }
    if webhook.is_on() {
        tasks.spawn(webhook.run_deliveries());
    }
    tasks.spawn(keep_flushing(sessions.clone(), audit));
    tasks.spawn(keep_looking(sessions.clone()));
    tasks.spawn(keep_sweeping(sessions, throttle, records, service.clone()));
    tasks
}

/// A timeout is nobody's deed, so no request waits for its record.
pub(super) async fn record_timeouts(sessions: &Sessions, audit: &AuditTrail) {
    let by = By::server();
    let ends = sessions.take_timed_out().into_iter();
    audit
        .record(ends.map(|end| Event::session_ended(end.id, end.ended.reason, &by).about(end.user)))
        .await;
}

async fn keep_flushing(sessions: Sessions, audit: AuditTrail) {
    let mut ticks = tokio::time::interval(FLUSH_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = sessions.flush().await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "activity is not written for now");
        }
        record_timeouts(&sessions, &audit).await;
    }
}

/// One tick for all open streams, which is cheaper than one for each.
async fn keep_looking(sessions: Sessions) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut is_silent = false;
    loop {
        ticks.tick().await;
        sessions.look_after_watches();
        let looked = sessions.look_after_lists().await;
        // Once: this is asked every second.
        if let Err(error) = &looked
            && !is_silent
        {
            let error: &dyn std::error::Error = error;
            tracing::warn!(error, "open lists of sessions are not looked after for now");
        }
        is_silent = looked.is_err();
    }
}

/// A server that died between the change of an account and the end of its sessions has left the
/// rest to whoever looks next.
async fn keep_finishing(sessions: Sessions) {
    let mut ticks = tokio::time::interval(FINISH_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut pending = Pending::default();
    let mut failing = false;
    loop {
        ticks.tick().await;
        match sessions.finish_left_behind(&mut pending).await {
            Ok(finished) => {
                failing = false;
                if finished > 0 {
                    tracing::info!(finished, "ended sessions that another server had left to end");
                }
            }
            // Once: this is asked four times a second.
            Err(error) if !failing => {
                failing = true;
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "what other servers left to end is not ended for now");
            }
            Err(_) => {}
        }
    }
}

async fn keep_sweeping(sessions: Sessions, throttle: Throttle, records: Records, service: Service) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        service.sweep();
        let swept = async {
            unhurried(|| sessions.sweep(SWEEP_ROWS)).await?;
            unhurried(|| throttle.sweep(SWEEP_ROWS)).await?;
            records.sweep(sessions.now()).await
        };
        if let Err(error) = swept.await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "what has ended is not cleared away for now");
        }
    }
}

/// Takes step after step until nothing is left to do, and leaves the store to everybody else for
/// as long as each step took.
async fn unhurried<F>(mut step: impl FnMut() -> F) -> Result<(), StoreError>
where
    F: Future<Output = Result<bool, StoreError>>,
{
    loop {
        let begun = Instant::now();
        if step().await? {
            return Ok(());
        }
        tokio::time::sleep(begun.elapsed()).await;
    }
}
