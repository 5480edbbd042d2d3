//! Makes the tables tell what changes in them, whoever changes it: a server, a command, or somebody
//! at the database's own shell.
//!
//! Triggers send notifications, which `freshness.rs` reads. One says `s` or `u` and the ids of
//! sessions or users in hexadecimal digits; `*` is everything, and `.` nothing. That one is sent
//! where a statement found nothing to end: that somebody else has ended it may be seen a moment
//! before those who listen are woken, and whatever is sent after theirs wakes them.

use std::collections::BTreeMap;

use sqlx::{Executor, PgConnection, Postgres, Row as _};

/// What whoever listens listens to.
pub(super) const CHANNEL: &str = "anteroom_changes";

/// A trigger, and the function of the same name that it calls.
struct Telling {
    name: &'static str,
    function: &'static str,
    create: &'static str,
    enable: &'static str,
}

/// A trigger that says something. Its function names nothing of ours but the rows that it is given,
/// so that it works whatever the search path is. One that has to say something else in a later
/// release gets another name there, by which it is found missing.
macro_rules! telling {
    ($name:literal, $event:literal ON $table:literal, $for_each:literal, $says:expr) => {
        Telling {
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

/// Says which ids a query finds: all of them in one notification, which has room for eight thousand
/// characters, or that they are too many.
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

/// The ids of rows in which one of these columns is another than before, or which are gone.
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

const TELLINGS: [Telling; 12] = [
    telling!(
        "tell_of_ended_sessions",
        "DELETE" ON "sessions",
        "REFERENCING OLD TABLE AS before FOR EACH STATEMENT",
        ids!("s", "SELECT session_id AS id FROM before", or "'.'")
    ),
    // Row by row, which costs nothing where neither of these changes: neither activity nor data,
    // which nobody remembers and which are written all the time. `anteroom.told` counts the rows of
    // a transaction, of which too many are everything, said once.
    telling!(
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
    // A rotation of a session that is over.
    telling!(
        "tell_of_rotations",
        "UPDATE OF token_digest" ON "sessions",
        "FOR EACH STATEMENT",
        "'.'"
    ),
    telling!("tell_of_no_sessions", "TRUNCATE" ON "sessions", "FOR EACH STATEMENT", "'*'"),
    // Nor a password: whoever sets another one raises the epoch.
    telling!(
        "tell_of_changed_users",
        "UPDATE" ON "users",
        "REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT",
        ids!("u", changed!(
            "user_id",
            "email, email_verified, name, role, status, created_at"
        ), or "NULL")
    ),
    telling!(
        "tell_of_deleted_users",
        "DELETE" ON "users",
        "REFERENCING OLD TABLE AS before FOR EACH STATEMENT",
        ids!("u", "SELECT user_id AS id FROM before", or "'.'")
    ),
    telling!("tell_of_no_users", "TRUNCATE" ON "users", "FOR EACH STATEMENT", "'*'"),
    // Also a raise that comes too late, which inserts nothing.
    telling!(
        "tell_of_new_epochs",
        "INSERT" ON "user_epochs",
        "REFERENCING NEW TABLE AS after FOR EACH STATEMENT",
        ids!("u", "SELECT user_id AS id FROM after", or "'.'")
    ),
    telling!(
        "tell_of_raised_epochs",
        "UPDATE" ON "user_epochs",
        "REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT",
        ids!("u", changed!("user_id", "epoch, reason"), or "NULL")
    ),
    telling!(
        "tell_of_deleted_epochs",
        "DELETE" ON "user_epochs",
        "REFERENCING OLD TABLE AS before FOR EACH STATEMENT",
        ids!("u", "SELECT user_id AS id FROM before", or "NULL")
    ),
    telling!("tell_of_no_epochs", "TRUNCATE" ON "user_epochs", "FOR EACH STATEMENT", "'*'"),
    // Of sessions that servers have in their own memory.
    telling!(
        "tell_of_orders",
        "INSERT" ON "session_orders",
        "FOR EACH ROW",
        "SELECT COALESCE(CASE NEW.kind WHEN 'raise_epoch' THEN 'u' || encode(NEW.user_id, 'hex') \
         WHEN 'end_one' THEN 's' || encode(NEW.session_id, 'hex') END, '*')"
    ),
];

/// The triggers of our tables.
macro_rules! of_our_tables {
    ($what:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM pg_trigger WHERE NOT tgisinternal AND tgrelid IN (to_regclass('sessions'), \
             to_regclass('users'), to_regclass('user_epochs'), to_regclass('session_orders'))"
        )
    };
}

/// Whether this very session is told what changes in the primary, and the state of what tells it:
/// a text that becomes another one whenever a trigger of our tables is made, dropped, switched off
/// or on, even if it is as before in the end: each of these writes its row in the catalogue anew.
pub(super) const STANDS: &str = concat!(
    "SELECT EXISTS (SELECT 1 FROM pg_listening_channels() AS channel \
     WHERE channel = 'anteroom_changes') AND NOT pg_is_in_recovery(), state FROM (",
    of_our_tables!(
        "COALESCE(string_agg(concat_ws(' ', tgrelid, tgname, tgenabled, xmin), ',' \
         ORDER BY tgrelid, tgname), '') AS state"
    ),
    ") AS triggers"
);

/// Of the triggers of our tables, whether each is in force whoever writes. One that is merely
/// enabled does not fire for a session with `session_replication_role = replica`.
type There = BTreeMap<String, bool>;

async fn there<'c>(
    connection: impl Executor<'c, Database = Postgres>,
) -> Result<There, sqlx::Error> {
    let triggers = sqlx::query(of_our_tables!("tgname::text, tgenabled::text = 'A'"));
    let rows = triggers.fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Whether the tables tell what changes in them, whoever changes it.
pub(super) async fn tell_changes<'c>(
    connection: impl Executor<'c, Database = Postgres>,
) -> Result<bool, sqlx::Error> {
    let there = there(connection).await?;
    Ok(TELLINGS.iter().all(|telling| there.get(telling.name) == Some(&true)))
}

/// Makes the tables tell what they do not yet.
pub(super) async fn make_them_tell(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let there = there(&mut *connection).await?;
    for telling in &TELLINGS {
        let is_in_force = there.get(telling.name).copied();
        if is_in_force.is_none() {
            connection.execute(telling.function).await?;
            connection.execute(telling.create).await?;
        }
        if is_in_force != Some(true) {
            connection.execute(telling.enable).await?;
        }
    }
    Ok(())
}
