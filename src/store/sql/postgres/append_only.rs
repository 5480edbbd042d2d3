//! Keeps what is recorded as it is, also from a mistake in this program or at the database's own
//! shell. Rights do the same for a role that has none to change it.

use sqlx::{PgConnection, Row as _};

/// What makes the table refuse changes, in this order. It is not part of the migrations, because no
/// two databases write triggers alike.
const REFUSAL: [&str; 2] = [
    "CREATE OR REPLACE FUNCTION refuse_change_of_audit_events() RETURNS trigger \
     LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''audit events are never changed''; END'",
    "CREATE TRIGGER audit_events_stay_as_they_are BEFORE UPDATE OR DELETE OR TRUNCATE \
     ON audit_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit_events()",
];

/// Whether the table refuses changes.
pub(super) async fn refuses_changes(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let trigger = sqlx::query(
        "SELECT EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass('audit_events') \
         AND tgname = 'audit_events_stay_as_they_are')",
    );
    trigger.fetch_one(connection).await?.try_get(0)
}

/// Makes the table refuse changes, which it does not yet.
pub(super) async fn forbid_changes(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    for statement in REFUSAL {
        sqlx::query(statement).execute(&mut *connection).await?;
    }
    Ok(())
}
