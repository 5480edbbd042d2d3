//! What goes on behind the door: activity is written, what has ended is cleared away.

use std::time::Duration;

use tokio::task::JoinSet;

use super::Rooms;
use crate::audit::{AuditTrail, By, Event};
use crate::http::Service;
use crate::sessions::Sessions;
use crate::store::SqlDatabase;
use crate::throttle::Throttle;

/// How often activity that was noted is written.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// How often what has ended is cleared away.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// How many rows one sweep may clear, so that a sign-in never waits long for it.
const SWEEP_ROWS: u32 = 500;

/// Starts the tasks, which end with the set.
pub(super) fn start(rooms: &Rooms, database: &SqlDatabase, service: &Service) -> JoinSet<()> {
    let Rooms { sessions, audit, throttle, .. } = rooms.clone();
    let mut tasks = JoinSet::new();
    tasks.spawn(keep_flushing(sessions.clone(), audit));
    tasks.spawn(keep_sweeping(sessions, throttle, database.clone(), service.clone()));
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

async fn keep_sweeping(
    sessions: Sessions,
    throttle: Throttle,
    database: SqlDatabase,
    service: Service,
) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        service.sweep();
        let swept = async {
            while !sessions.sweep(SWEEP_ROWS).await? {
                tokio::task::yield_now().await;
            }
            while !throttle.sweep(SWEEP_ROWS).await? {
                tokio::task::yield_now().await;
            }
            database.sweep_records(sessions.now()).await
        };
        if let Err(error) = swept.await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "what has ended is not cleared away for now");
        }
    }
}
