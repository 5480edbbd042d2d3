//! Triggers that send a notification for every change, by any writer: a server, a command or
//! manual SQL.
//!
//! `freshness.rs` reads them. The payload is `s` or `u` followed by the ids of sessions or users in
//! hexadecimal digits, `*` for everything, or `.` for nothing. `.` is sent when a statement found
//! nothing to end. The end by another transaction may be visible a moment before its listeners are
//! signalled; any later notification signals them.

use std::collections::BTreeMap;

use sqlx::{Executor, PgConnection, Postgres, Row as _};

/// The notification channel.
pub(super) const CHANNEL: &str = "anteroom_changes";

/// A trigger, and the function of the same name that it calls.
struct NotificationTrigger {
    name: &'static str,
    function: &'static str,
    create: &'static str,
    enable: &'static str,
}

/// A trigger that notifies. Its function only uses the rows of the statement, so it works with any
/// search path. A trigger that changes in a later release gets a new name there, so that it is
/// found missing.
macro_rules! trigger {
    ($name:literal, $event:literal ON $table:literal, $for_each:literal, $says:expr) => {
        NotificationTrigger {
            name: $name,
            function: concat!(
                "CREATE OR REPLACE FUNCTION ",
                $name,
                "() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE says text; BEGIN says := (",
                $says,
                "); IF says IS NOT NULL THEN PERFORM pg_notify('anteroom_changes', says); END IF; \
                 RETURN NULL; END $$"
            ),
            create: concat!(
                "CREATE TRIGGER ",
                $name,
                " AFTER ",
                $event,
                " ON ",
                $table,
                " ",
                $for_each,
                " EXECUTE FUNCTION ",
                $name,
                "()"
            ),
            enable: concat!("ALTER TABLE ", $table, " ENABLE ALWAYS TRIGGER ", $name),
        }
    };
}

/// The payload with the ids that a query finds. A payload is limited to 8000 characters; too many
/// ids become `*`.
macro_rules! ids {
    ($kind:literal, $query:expr, or $none:literal) => {
        concat!(
            "SELECT CASE WHEN count(*) = 0 THEN ",
            $none,
            " WHEN sum(length(id)) > 3200 THEN '*' ELSE '",
            $kind,
            "' || string_agg(encode(id, 'hex'), '') END FROM (SELECT id FROM (",
            $query,
            ") AS found LIMIT 201) AS changed"
        )
    };
}

/// The ids of rows that are deleted or changed in one of these columns.
macro_rules! changed {
    ($id:literal, $columns:literal) => {
        concat!(
            "SELECT ",
            $id,
            " AS id FROM (SELECT ",
            $id,
            ", ",
            $columns,
            " FROM before EXCEPT SELECT ",
            $id,
            ", ",
            $columns,
            " FROM after) AS other"
        )
    };
}

const TRIGGERS: [NotificationTrigger; 23] = [
    trigger!(
        "tell_of_ended_sessions",
        "DELETE" ON "sessions",
        "REFERENCING OLD TABLE AS before FOR EACH STATEMENT",
        ids!("s", "SELECT session_id AS id FROM before", or "'.'")
    ),
    // Row by row, which costs nothing unless one of these columns changes. Activity and data are
    // not cached and change all the time. `anteroom.told` counts the rows of a transaction: beyond
    // 200 they become one `*`.
    trigger!(
        "tell_of_changed_sessions",
        "UPDATE" ON "sessions",
        "FOR EACH ROW WHEN ((OLD.session_id, OLD.token_digest, OLD.user_id, OLD.epoch, \
         OLD.created_at, OLD.authenticated_at, OLD.expires_at, OLD.timeout_rule, \
         OLD.remember_me, OLD.ip_address, OLD.user_agent) IS DISTINCT FROM (NEW.session_id, \
         NEW.token_digest, NEW.user_id, NEW.epoch, NEW.created_at, NEW.authenticated_at, \
         NEW.expires_at, NEW.timeout_rule, NEW.remember_me, NEW.ip_address, NEW.user_agent))",
        "SELECT CASE WHEN told > 200 THEN '*' ELSE 's' || encode(OLD.session_id, 'hex') END FROM \
         (SELECT set_config('anteroom.told', (COALESCE(NULLIF(current_setting('anteroom.told', \
         true), ''), '0')::integer + 1)::text, true)::integer AS told) AS counted"
    ),
    // Apart, as the trigger above may be of a release without these columns. A rotation changes
    // them with the token.
    trigger!(
        "tell_of_changed_factors",
        "UPDATE" ON "sessions",
        "FOR EACH ROW WHEN (OLD.token_digest = NEW.token_digest AND (OLD.second_factor, \
         OLD.factor_at, OLD.passkey_id, OLD.passkey_alone) IS DISTINCT FROM (NEW.second_factor, \
         NEW.factor_at, NEW.passkey_id, NEW.passkey_alone))",
        "SELECT CASE WHEN told > 200 THEN '*' ELSE 's' || encode(OLD.session_id, 'hex') END FROM \
         (SELECT set_config('anteroom.told', (COALESCE(NULLIF(current_setting('anteroom.told', \
         true), ''), '0')::integer + 1)::text, true)::integer AS told) AS counted"
    ),
    // A rotation of an ended session.
    trigger!(
        "tell_of_rotations",
        "UPDATE OF token_digest" ON "sessions",
        "FOR EACH STATEMENT",
        "'.'"
    ),
    trigger!("tell_of_no_sessions", "TRUNCATE" ON "sessions", "FOR EACH STATEMENT", "'*'"),
    // Silent where nothing ended: the same request has tried to end a session, and said so.
    trigger!(
        "tell_of_ended_children",
        "DELETE" ON "child_sessions",
        "REFERENCING OLD TABLE AS before FOR EACH STATEMENT",
        ids!("s", "SELECT child_id AS id FROM before", or "NULL")
    ),
    trigger!(
        "tell_of_changed_children",
        "UPDATE" ON "child_sessions",
        "REFERENCING OLD TABLE AS before FOR EACH STATEMENT",
        ids!("s", "SELECT child_id AS id FROM before", or "NULL")
    ),
    trigger!("tell_of_no_children", "TRUNCATE" ON "child_sessions", "FOR EACH STATEMENT", "'*'"),
    // Without the password: setting it raises the epoch.
    trigger!(
        "tell_of_changed_users",
        "UPDATE" ON "users",
        "REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT",
        ids!("u", changed!(
            "user_id",
            "email, email_verified, name, role, status, created_at"
        ), or "NULL")
    ),
    trigger!(
        "tell_of_changed_groups",
        "UPDATE" ON "users",
        "REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT",
        ids!("u", changed!("user_id", "group_names"), or "NULL")
    ),
    trigger!(
        "tell_of_deleted_users",
        "DELETE" ON "users",
        "REFERENCING OLD TABLE AS before FOR EACH STATEMENT",
        ids!("u", "SELECT user_id AS id FROM before", or "'.'")
    ),
    trigger!("tell_of_no_users", "TRUNCATE" ON "users", "FOR EACH STATEMENT", "'*'"),
    // Also for a raise that inserts nothing because the epoch is already higher.
    trigger!(
        "tell_of_new_epochs",
        "INSERT" ON "user_epochs",
        "REFERENCING NEW TABLE AS after FOR EACH STATEMENT",
        ids!("u", "SELECT user_id AS id FROM after", or "'.'")
    ),
    trigger!(
        "tell_of_raised_epochs",
        "UPDATE" ON "user_epochs",
        "REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT",
        ids!("u", changed!("user_id", "epoch, reason"), or "NULL")
    ),
    trigger!(
        "tell_of_deleted_epochs",
        "DELETE" ON "user_epochs",
        "REFERENCING OLD TABLE AS before FOR EACH STATEMENT",
        ids!("u", "SELECT user_id AS id FROM before", or "NULL")
    ),
    trigger!("tell_of_no_epochs", "TRUNCATE" ON "user_epochs", "FOR EACH STATEMENT", "'*'"),
    // A session that a passkey started is over once that is deleted.
    trigger!(
        "tell_of_removed_passkeys",
        "DELETE" ON "passkeys",
        "REFERENCING OLD TABLE AS before FOR EACH STATEMENT",
        ids!("u", "SELECT user_id AS id FROM before", or "'.'")
    ),
    trigger!("tell_of_no_passkeys", "TRUNCATE" ON "passkeys", "FOR EACH STATEMENT", "'*'"),
    // Clients and signing keys change seldom, and are remembered all at once.
    trigger!(
        "tell_of_clients",
        "INSERT OR UPDATE OR DELETE OR TRUNCATE" ON "oauth_clients",
        "FOR EACH STATEMENT",
        "'*'"
    ),
    trigger!(
        "tell_of_client_secrets",
        "INSERT OR UPDATE OR DELETE OR TRUNCATE" ON "oauth_client_secrets",
        "FOR EACH STATEMENT",
        "'*'"
    ),
    trigger!(
        "tell_of_signing_keys",
        "INSERT OR UPDATE OR DELETE OR TRUNCATE" ON "signing_keys",
        "FOR EACH STATEMENT",
        "'*'"
    ),
    // The cache knows an access token by its id, as it knows a session.
    trigger!(
        "tell_of_denied_tokens",
        "INSERT" ON "denied_tokens",
        "REFERENCING NEW TABLE AS after FOR EACH STATEMENT",
        ids!("s", "SELECT token_id AS id FROM after", or "'.'")
    ),
    // For sessions in the memory of servers.
    trigger!(
        "tell_of_orders",
        "INSERT" ON "session_orders",
        "FOR EACH ROW",
        "SELECT COALESCE(CASE NEW.kind WHEN 'raise_epoch' THEN 'u' || encode(NEW.user_id, 'hex') \
         WHEN 'end_one' THEN 's' || encode(NEW.session_id, 'hex') END, '*')"
    ),
];

/// Selects from the triggers of our tables.
macro_rules! of_our_tables {
    ($what:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM pg_trigger WHERE NOT tgisinternal AND tgrelid IN (to_regclass('sessions'), \
             to_regclass('child_sessions'), to_regclass('users'), to_regclass('user_epochs'), \
             to_regclass('passkeys'), to_regclass('oauth_clients'), \
             to_regclass('oauth_client_secrets'), to_regclass('signing_keys'), \
             to_regclass('denied_tokens'), to_regclass('session_orders'))"
        )
    };
}

/// Whether this connection listens on a primary, and the state of the triggers. The state is a text
/// that changes whenever a trigger is created, dropped, disabled or enabled, because each rewrites
/// its catalogue row.
pub(super) const LISTENING_STATE: &str = concat!(
    "SELECT EXISTS (SELECT 1 FROM pg_listening_channels() AS channel \
     WHERE channel = 'anteroom_changes') AND NOT pg_is_in_recovery(), state FROM (",
    of_our_tables!(
        "COALESCE(string_agg(concat_ws(' ', tgrelid, tgname, tgenabled, xmin), ',' \
         ORDER BY tgrelid, tgname), '') AS state"
    ),
    ") AS triggers"
);

/// The triggers of our tables, and whether each fires ALWAYS. A merely enabled one does not fire
/// with `session_replication_role = replica`.
type InstalledTriggers = BTreeMap<String, bool>;

async fn installed_triggers<'c>(
    connection: impl Executor<'c, Database = Postgres>,
) -> Result<InstalledTriggers, sqlx::Error> {
    let triggers = sqlx::query(of_our_tables!("tgname::text, tgenabled::text = 'A'"));
    let rows = triggers.fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Whether all triggers are installed.
pub(super) async fn triggers_are_installed<'c>(
    connection: impl Executor<'c, Database = Postgres>,
) -> Result<bool, sqlx::Error> {
    let installed = installed_triggers(connection).await?;
    Ok(TRIGGERS.iter().all(|trigger| installed.get(trigger.name) == Some(&true)))
}

/// Installs the missing triggers.
pub(super) async fn install_triggers(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let installed = installed_triggers(&mut *connection).await?;
    for trigger in &TRIGGERS {
        let fires_always = installed.get(trigger.name).copied();
        if fires_always.is_none() {
            connection.execute(trigger.function).await?;
            connection.execute(trigger.create).await?;
        }
        if fires_always != Some(true) {
            connection.execute(trigger.enable).await?;
        }
    }
    Ok(())
}
