//! Keeps what is recorded as it is until its time is over, also from a mistake in this program or
//! at the database's own shell. Rights do the same for a role that has none to change it.
//!
//! Two things pass, both by the clock of the database and no sooner than a day after the event:
//! taking away an event that is older than `audit_retention`, and shortening the address, and
//! nothing else, of one that is older than `address_retention`. Where those facts are not known or
//! `off`, nothing passes.

use sqlx::{Connection as _, PgConnection, Row as _};

use crate::store::sql::audit::retention::shortens;

/// What makes the table refuse changes, in this order. It is not part of the migrations, because no
/// two databases write triggers alike. A trigger that has to say something else in a later release
/// gets another name there, by which it is found missing.
///
/// The function looks for the facts where the table is, and everything else where nobody but the
/// database can put things, whatever the search path of whoever writes.
const REFUSAL: [&str; 7] = [
    "CREATE OR REPLACE FUNCTION refuse_change_of_audit_events() RETURNS trigger \
     LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''audit events are never changed''; END'",
    concat!(
        "CREATE OR REPLACE FUNCTION keep_audit_events_until_their_time() RETURNS trigger \
         LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$ \
         DECLARE fact text := CASE TG_OP WHEN 'DELETE' THEN 'audit_retention' \
         ELSE 'address_retention' END; kept bigint; \
         BEGIN \
         EXECUTE format('SELECT nullif(value, ''off'')::bigint FROM %I.facts WHERE name = $1', \
         TG_TABLE_SCHEMA) INTO kept USING fact; \
         IF kept IS NULL OR OLD.occurred_at >= \
         extract(epoch FROM statement_timestamp()) * 1000 - greatest(kept, 86400000) THEN \
         RAISE EXCEPTION 'audit events are never changed before their time'; END IF; \
         IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; \
         IF to_jsonb(NEW) - 'network' = to_jsonb(OLD) - 'network' AND coalesce(",
        shortens!(),
        ", FALSE) THEN RETURN NEW; END IF; \
         RAISE EXCEPTION 'audit events are never changed but for their address'; END $$"
    ),
    "DROP TRIGGER IF EXISTS audit_events_stay_until_their_time ON audit_events",
    "CREATE TRIGGER audit_events_stay_until_their_time BEFORE UPDATE OR DELETE ON audit_events \
     FOR EACH ROW EXECUTE FUNCTION keep_audit_events_until_their_time()",
    "DROP TRIGGER IF EXISTS audit_events_are_not_emptied ON audit_events",
    "CREATE TRIGGER audit_events_are_not_emptied BEFORE TRUNCATE ON audit_events \
     FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit_events()",
    // Of an earlier release, which let nothing pass.
    "DROP TRIGGER IF EXISTS audit_events_stay_as_they_are ON audit_events",
];

/// Whether the table refuses changes, and lets go of what is past its time.
pub(super) async fn refuses_changes(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let triggers = sqlx::query(
        "SELECT count(*) FILTER (WHERE tgname IN ('audit_events_stay_until_their_time', \
         'audit_events_are_not_emptied') AND tgenabled IN ('O', 'A')) = 2 \
         AND count(*) FILTER (WHERE tgname = 'audit_events_stay_as_they_are') = 0 \
         FROM pg_trigger WHERE tgrelid = to_regclass('audit_events')",
    );
    triggers.fetch_one(connection).await?.try_get(0)
}

/// Makes the table refuse changes, which it does not yet. In one step: at no moment is there
/// nothing that refuses.
pub(super) async fn forbid_changes(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut step = connection.begin().await?;
    for statement in REFUSAL {
        sqlx::query(statement).execute(&mut *step).await?;
    }
    step.commit().await
}
