//! Keeps what is recorded as it is, also from a mistake in this program or at the database's own
//! shell.

use sqlx::SqlitePool;

/// The third one is for `INSERT OR REPLACE`, which deletes without asking the second. They are not
/// part of the migrations, because no two databases write triggers alike.
const TRIGGERS: [&str; 3] = [
    "CREATE TRIGGER IF NOT EXISTS audit_events_stay_as_they_are BEFORE UPDATE ON audit_events \
     BEGIN SELECT RAISE(ABORT, 'audit events are never changed'); END",
    "CREATE TRIGGER IF NOT EXISTS audit_events_stay BEFORE DELETE ON audit_events \
     BEGIN SELECT RAISE(ABORT, 'audit events are never deleted'); END",
    "CREATE TRIGGER IF NOT EXISTS audit_events_are_not_replaced BEFORE INSERT ON audit_events \
     WHEN EXISTS (SELECT 1 FROM audit_events WHERE event_id = NEW.event_id) \
     BEGIN SELECT RAISE(ABORT, 'audit events are never replaced'); END",
];

/// Makes the table refuse changes, unless it does already.
pub(super) async fn forbid_changes(writer: &SqlitePool) -> Result<(), sqlx::Error> {
    for trigger in TRIGGERS {
        sqlx::query(trigger).execute(writer).await?;
    }
    Ok(())
}
