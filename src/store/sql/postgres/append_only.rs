//! Triggers that keep the audit trail append-only, also against a bug in this program or manual
//! SQL.
//!
//! They allow two changes, by the clock of the database and at least a day after the event.
//! An event older than `audit_retention` may be deleted, and the address of one older than
//! `address_retention` may be shortened. If those facts are missing or `off`, they allow neither.

use sqlx::{Connection as _, PgConnection, Row as _};

use crate::store::sql::audit::retention::shortens;

/// Run in this order. Not part of the migrations, because trigger syntax differs between databases.
/// A trigger that changes in a later release gets a new name there, so that it is found missing.
///
/// The function reads `facts` from the schema of the table, and everything else from `pg_catalog`,
/// whatever the search path of the writer.
const STATEMENTS: [&str; 7] = [
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
    // The trigger of an earlier release, which allowed no change.
    "DROP TRIGGER IF EXISTS audit_events_stay_as_they_are ON audit_events",
];

/// Whether the current triggers are in place.
pub(super) async fn is_append_only(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let triggers = sqlx::query(
        "SELECT count(*) FILTER (WHERE tgname IN ('audit_events_stay_until_their_time', \
         'audit_events_are_not_emptied') AND tgenabled IN ('O', 'A')) = 2 \
         AND count(*) FILTER (WHERE tgname = 'audit_events_stay_as_they_are') = 0 \
         FROM pg_trigger WHERE tgrelid = to_regclass('audit_events')",
    );
    triggers.fetch_one(connection).await?.try_get(0)
}

/// Installs the triggers in one transaction, so that the table is never without one.
pub(super) async fn make_append_only(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for statement in STATEMENTS {
        sqlx::query(statement).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}
