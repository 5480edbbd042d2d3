//! Keeps what is recorded as it is until its time is over, also from a mistake in this program or
//! at the database's own shell.
//!
//! Two things pass, both by the clock of this machine and no sooner than a day after the event:
//! taking away an event that is older than `audit_retention`, and shortening the address, and
//! nothing else, of one that is older than `address_retention`. Where those facts are not known or
//! `off`, nothing passes.

use sqlx::SqlitePool;

use crate::store::sql::audit::retention::shortens;

/// Whether the row before a change is older than this fact wants it kept, and than a day.
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

/// The third one is for `INSERT OR REPLACE`, which deletes without asking the second. They are not
/// part of the migrations, because no two databases write triggers alike. One that has to say
/// something else in a later release gets another name there. A column that is added to the table
/// belongs into the second.
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

/// Those of earlier releases, which let nothing pass.
const FORMER: [&str; 2] = [
    "DROP TRIGGER IF EXISTS audit_events_stay_as_they_are",
    "DROP TRIGGER IF EXISTS audit_events_stay",
];

/// Makes the table refuse changes, unless it does already.
pub(super) async fn forbid_changes(writer: &SqlitePool) -> Result<(), sqlx::Error> {
    // The new ones first: at no moment is there nothing that refuses.
    for trigger in TRIGGERS.into_iter().chain(FORMER) {
        sqlx::query(trigger).execute(writer).await?;
    }
    Ok(())
}
