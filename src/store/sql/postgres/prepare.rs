//! What has to be true of a server before its database is used: it can be reached, it is of the
//! right kind, and its tables are those of this release.

use std::io;
use std::time::Duration;

use sqlx::migrate::{Migrate as _, MigrateError, Migration};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _};
use tokio::time::timeout;

use super::Address;
use super::append_only::{forbid_changes, refuses_changes};
use super::notifications::{make_them_tell, tell_changes};
use crate::store::sql::database::{IfAbsent, MIGRATIONS};
use crate::store::sql::engine::advice;
use crate::store::sql::{NO_TABLES, OpenError};

/// Where the driver notes what was applied.
const TABLE: &str = "_sqlx_migrations";
/// How long reaching the server may take.
const REACH_LIMIT: Duration = Duration::from_secs(5);

/// Reaches the server, looks at it, and brings its tables up to this release, if they are not.
/// Those who would do that at once wait for each other.
pub(in crate::store::sql) async fn prepare(
    address: &Address,
    if_absent: IfAbsent,
) -> Result<(), OpenError> {
    let mut connection = reach(address).await?;
    let is_durable = suits(address, &mut connection).await?;
    let missing = missing(address, &mut connection).await?;
    if if_absent == IfAbsent::Refuse && missing.everything() {
        return Err(OpenError::Absent { place: format!("{address}{NO_TABLES}") });
    }
    if !missing.nothing() {
        bring_up(address, &mut connection).await?;
    }
    if !is_durable {
        tracing::warn!(
            "the database server runs with fsync=off: what was acknowledged, revoked sessions \
             included, may come undone when its machine stops"
        );
    }
    // What goes wrong with saying goodbye does no harm.
    let _ = connection.close().await;
    Ok(())
}

async fn reach(address: &Address) -> Result<PgConnection, OpenError> {
    let connected = timeout(REACH_LIMIT, address.options.connect()).await.unwrap_or_else(|_| {
        let silence = "the server does not answer";
        Err(io::Error::new(io::ErrorKind::TimedOut, silence).into())
    });
    connected.map_err(|source| OpenError::Unreachable {
        place: address.to_string(),
        source: Box::new(source),
    })
}

/// Whether what it acknowledges survives its machine.
async fn suits(address: &Address, connection: &mut PgConnection) -> Result<bool, OpenError> {
    let failed = |source| database(address, source);
    let row = connection
        .fetch_one(
            "SELECT pg_is_in_recovery(), current_setting('server_encoding'), \
             current_setting('fsync')",
        )
        .await
        .map_err(failed)?;
    let unsuitable = |why| Err(OpenError::Unsuitable { place: address.to_string(), why });
    if row.try_get(0).map_err(failed)? {
        return unsuitable("it is a standby, which takes no writes: name the primary");
    }
    if row.try_get::<String, _>(1).map_err(failed)? != "UTF8" {
        return unsuitable(
            "its encoding is not UTF8: make one with CREATE DATABASE … ENCODING 'UTF8'",
        );
    }
    Ok(row.try_get::<String, _>(2).map_err(failed)? != "off")
}

/// What is to be done to the tables.
struct Missing {
    migrations: Vec<&'static Migration>,
    /// Whether the audit trail can be changed.
    refusal: bool,
    /// Whether something can be changed in silence.
    telling: bool,
}

impl Missing {
    fn nothing(&self) -> bool {
        self.migrations.is_empty() && !self.refusal && !self.telling
    }

    fn everything(&self) -> bool {
        self.migrations.len() == MIGRATIONS.iter().count()
    }
}

/// Looks at the tables, for which it takes no right but to read.
async fn missing(address: &Address, connection: &mut PgConnection) -> Result<Missing, OpenError> {
    let failed = |source| database(address, source);
    let any = sqlx::query("SELECT to_regclass('_sqlx_migrations') IS NOT NULL");
    let row = any.fetch_one(&mut *connection).await.map_err(failed)?;
    let applied = if row.try_get(0).map_err(failed)? {
        let applied = connection.list_applied_migrations(TABLE).await;
        applied.map_err(|source| migration(address, source))?
    } else {
        Vec::new()
    };
    let mut migrations: Vec<&Migration> = MIGRATIONS.iter().collect();
    for applied in applied {
        let ours = migrations.iter().position(|ours| ours.version == applied.version);
        let Some(ours) = ours.map(|place| migrations.remove(place)) else {
            return Err(OpenError::TooNew { path: address.to_string() });
        };
        if ours.checksum != applied.checksum {
            return Err(migration(address, MigrateError::VersionMismatch(applied.version)));
        }
    }
    let refusal = !refuses_changes(connection).await.map_err(failed)?;
    let telling = !tell_changes(&mut *connection).await.map_err(failed)?;
    Ok(Missing { migrations, refusal, telling })
}

async fn bring_up(address: &Address, connection: &mut PgConnection) -> Result<(), OpenError> {
    // A minute for those before us, and no longer than a request may wait for the tables, since
    // whoever comes after us waits as long. The lock goes with the connection.
    for command in [
        "SET lock_timeout = '60s'",
        "SELECT pg_advisory_lock(1634628716, 0)",
        "SET lock_timeout = '2s'",
    ] {
        connection.execute(command).await.map_err(|source| database(address, source))?;
    }
    // Those before us may have done it.
    let missing = missing(address, connection).await?;
    if !missing.migrations.is_empty() {
        let ready = connection.ensure_migrations_table(TABLE).await;
        ready.map_err(|source| migration(address, source))?;
    }
    for pending in missing.migrations {
        let applied = connection.apply(TABLE, pending).await;
        applied.map_err(|source| migration(address, source))?;
    }
    if missing.refusal {
        forbid_changes(connection).await.map_err(|source| lacking(address, source))?;
    }
    if missing.telling {
        make_them_tell(connection).await.map_err(|source| lacking(address, source))?;
    }
    Ok(())
}

fn database(address: &Address, source: sqlx::Error) -> OpenError {
    if let Some(why) = advice(&source) {
        return OpenError::Unsuitable { place: address.to_string(), why };
    }
    OpenError::Database { path: address.to_string(), source: source.into() }
}

fn migration(address: &Address, source: MigrateError) -> OpenError {
    match source {
        MigrateError::Execute(source) => lacking(address, source),
        MigrateError::ExecuteMigration(source, _) if lacks_rights(&source) => {
            lacking(address, source)
        }
        source => OpenError::Migration { path: address.to_string(), source },
    }
}

/// What failed while tables were to be changed.
fn lacking(address: &Address, source: sqlx::Error) -> OpenError {
    if lacks_rights(&source) {
        return OpenError::NeedsMigration { place: address.to_string() };
    }
    database(address, source)
}

fn lacks_rights(error: &sqlx::Error) -> bool {
    const INSUFFICIENT_PRIVILEGE: &str = "42501";
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == INSUFFICIENT_PRIVILEGE)
}
