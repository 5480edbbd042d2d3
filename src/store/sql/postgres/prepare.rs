//! Prepares a database server: connects, checks the server, and migrates the tables.

use std::io;
use std::time::Duration;

use sqlx::migrate::{Migrate as _, MigrateError, Migration};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _};
use tokio::time::timeout;

use super::Address;
use super::append_only::{is_append_only, make_append_only};
use super::notifications::{install_triggers, triggers_are_installed};
use crate::store::sql::database::IfAbsent;
use crate::store::sql::engine::advice;
use crate::store::sql::migrations::MIGRATIONS;
use crate::store::sql::{NO_TABLES, OpenError};

/// The driver's table of applied migrations.
const TABLE: &str = "_sqlx_migrations";
/// How long connecting may take.
const REACH_LIMIT: Duration = Duration::from_secs(5);

/// Connects, checks the server and migrates its tables. Concurrent migrations wait for each other.
pub(in crate::store::sql) async fn prepare(
    address: &Address,
    if_absent: IfAbsent,
) -> Result<(), OpenError> {
    let mut connection = reach(address).await?;
    let is_durable = check_server(address, &mut connection).await?;
    let missing = missing(address, &mut connection).await?;
    if if_absent == IfAbsent::Refuse && missing.is_new_database() {
        return Err(OpenError::Absent { place: format!("{address}{NO_TABLES}") });
    }
    if !missing.is_empty() {
        migrate(address, &mut connection).await?;
    }
    if !is_durable {
        tracing::warn!(
            "the database server runs with fsync=off: a crash of its machine can undo acknowledged \
             changes, including revocations; set fsync=on"
        );
    }
    // A failure to close is harmless.
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

/// Checks the kind of server. Returns whether acknowledged changes survive a crash of its machine.
async fn check_server(address: &Address, connection: &mut PgConnection) -> Result<bool, OpenError> {
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

/// The missing migrations and triggers.
struct Missing {
    migrations: Vec<&'static Migration>,
    /// The triggers that keep the audit trail append-only.
    append_only: bool,
    /// The triggers that send notifications.
    notifications: bool,
}

impl Missing {
    fn is_empty(&self) -> bool {
        self.migrations.is_empty() && !self.append_only && !self.notifications
    }

    fn is_new_database(&self) -> bool {
        self.migrations.len() == MIGRATIONS.iter().count()
    }
}

/// Finds what is missing; only needs the right to read.
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
        let Some(ours) = ours.map(|index| migrations.remove(index)) else {
            return Err(OpenError::TooNew { path: address.to_string() });
        };
        if ours.checksum != applied.checksum {
            return Err(migration(address, MigrateError::VersionMismatch(applied.version)));
        }
    }
    let append_only = !is_append_only(connection).await.map_err(failed)?;
    let notifications = !triggers_are_installed(&mut *connection).await.map_err(failed)?;
    Ok(Missing { migrations, append_only, notifications })
}

async fn migrate(address: &Address, connection: &mut PgConnection) -> Result<(), OpenError> {
    // Wait a minute for other migrations, but only two seconds for a table, because requests wait
    // behind us. Closing the connection releases the lock.
    for command in [
        "SET lock_timeout = '60s'",
        "SELECT pg_advisory_lock(1634628716, 0)",
        "SET lock_timeout = '2s'",
    ] {
        connection.execute(command).await.map_err(|source| database(address, source))?;
    }
    // Another server may have migrated in between.
    let missing = missing(address, connection).await?;
    if !missing.migrations.is_empty() {
        let ready = connection.ensure_migrations_table(TABLE).await;
        ready.map_err(|source| migration(address, source))?;
    }
    for pending in missing.migrations {
        let applied = connection.apply(TABLE, pending).await;
        applied.map_err(|source| migration(address, source))?;
    }
    if missing.append_only {
        make_append_only(connection).await.map_err(|source| lacking(address, source))?;
    }
    if missing.notifications {
        install_triggers(connection).await.map_err(|source| lacking(address, source))?;
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

/// An error of changing tables.
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
