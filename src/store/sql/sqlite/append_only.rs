//! Triggers that keep the audit trail append-only, also against a bug in this program or manual
//! SQL.
//!
//! They allow two changes, by the clock of this machine and at least a day after the event.
//! An event older than `audit_retention` may be deleted, and the address of one older than
//! `address_retention` may be shortened. If those facts are missing or `off`, they allow neither.

use sqlx::SqlitePool;

use crate::store::sql::audit::retention::shortens;

/// Whether the old row is past this retention period, and older than a day.
macro_rules! past {
    ($fact:literal) => {
        concat!(
            "coalesce(OLD.occurred_at < unixepoch('now') * 1000 - max(86400000, \
             (SELECT CAST(nullif(value, 'off') AS INTEGER) FROM facts WHERE name = '",
            $fact,
            "')), FALSE)"
        )
    };
}

/// The third trigger is for `INSERT OR REPLACE`, which deletes without firing the first. Not part
/// of the migrations, because trigger syntax differs between databases. A trigger that changes in a
/// later release gets a new name there. A new column of the table must be added to the second.
const TRIGGERS: [&str; 3] = [
    concat!(
        "CREATE TRIGGER IF NOT EXISTS audit_events_stay_until_their_time BEFORE DELETE ON \
         audit_events WHEN NOT ",
        past!("audit_retention"),
        " BEGIN SELECT RAISE(ABORT, 'audit events are never deleted before their time'); END"
    ),
    concat!(
        "CREATE TRIGGER IF NOT EXISTS audit_events_change_by_their_address_alone BEFORE UPDATE ON \
         audit_events WHEN NOT (",
        past!("address_retention"),
        " AND coalesce(",
        shortens!(),
        ", FALSE) AND NEW.event_id IS OLD.event_id AND NEW.occurred_at IS OLD.occurred_at AND \
         NEW.kind IS OLD.kind AND NEW.actor IS OLD.actor AND NEW.actor_id IS OLD.actor_id AND \
         NEW.subject_id IS OLD.subject_id AND NEW.session_id IS OLD.session_id AND \
         NEW.user_agent IS OLD.user_agent AND NEW.outcome IS OLD.outcome AND \
         NEW.details IS OLD.details) BEGIN SELECT RAISE(ABORT, 'audit events are never changed'); \
         END"
    ),
    "CREATE TRIGGER IF NOT EXISTS audit_events_are_not_replaced BEFORE INSERT ON audit_events \
     WHEN EXISTS (SELECT 1 FROM audit_events WHERE event_id = NEW.event_id) \
     BEGIN SELECT RAISE(ABORT, 'audit events are never replaced'); END",
];

/// The triggers of earlier releases, which allowed no change.
const FORMER: [&str; 2] = [
    "DROP TRIGGER IF EXISTS audit_events_stay_as_they_are",
    "DROP TRIGGER IF EXISTS audit_events_stay",
];

/// Installs the triggers, if they are missing.
pub(super) async fn make_append_only(writer: &SqlitePool) -> Result<(), sqlx::Error> {
    // The new ones first, so that the table is never without one.
    for trigger in TRIGGERS.into_iter().chain(FORMER) {
        sqlx::query(trigger).execute(writer).await?;
    }
    Ok(())
}
