//! Opens a database, and records where the server keeps sessions.

use std::sync::Arc;

use secrecy::SecretString;

use super::engine::{Engine, statement};
use super::postgres::{Address, CONNECTIONS, PostgresServer, prepare};
use super::sqlite::SqliteFile;
use super::{DatabaseAt, OpenError};
use crate::failure::StoreError;
use crate::sealing::Sealing;
use crate::sessions::cache::Freshness;

/// The location of the sessions of these accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionLocation {
    /// In this database: a change of an account ends sessions in its own transaction.
    ThisDatabase,
    /// In the memory of each server, which follows the orders in this database.
    ServerMemory,
    /// In a separate store, which the outbox updates after a change of an account.
    Elsewhere,
}

impl SessionLocation {
    fn as_str(self) -> &'static str {
        match self {
            Self::ThisDatabase => "database",
            Self::ServerMemory => "memory",
            Self::Elsewhere => "elsewhere",
        }
    }
}

/// Whether to create a missing database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfAbsent {
    Make,
    Refuse,
}

/// An open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqlDatabase {
    pub(super) engine: Engine,
    pub(super) sessions_in: SessionLocation,
    /// The keys of sealed columns.
    pub(super) sealing: Sealing,
}

impl SqlDatabase {
    /// As [`SqlDatabase::open_for_server_with`], with the default number of connections.
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    pub async fn open_for_server(
        at: impl Into<DatabaseAt>,
        sessions_in: SessionLocation,
    ) -> Result<Self, OpenError> {
        Self::open_for_server_with(at, sessions_in, CONNECTIONS).await
    }

    /// Opens a database for a server: migrates it and records where this server keeps sessions. A
    /// file is created as needed (mode 0600), and refused if another server uses it. `connections`
    /// is the limit for a database server, besides the connection for notifications.
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    pub async fn open_for_server_with(
        at: impl Into<DatabaseAt>,
        sessions_in: SessionLocation,
        connections: u32,
    ) -> Result<Self, OpenError> {
        let engine = match at.into() {
            DatabaseAt::Sqlite(path) => Engine::Sqlite(SqliteFile::open_for_server(&path).await?),
            DatabaseAt::Postgres(url) => postgres(&url, IfAbsent::Make, connections).await?,
        };
        let database = Self { engine, sessions_in, sealing: Sealing::without_file() };
        database.record_session_location().await.map_err(|error| OpenError::Database {
            path: database.name(),
            source: match error {
                StoreError::Backend(cause) => cause,
                other => other.into(),
            },
        })?;
        Ok(database)
    }

    /// Opens a database for a command, while a server may be running. Creates and migrates it as
    /// needed.
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    pub async fn open(
        at: impl Into<DatabaseAt>,
        sessions_in: SessionLocation,
    ) -> Result<Self, OpenError> {
        Self::open_or(IfAbsent::Make, at.into(), sessions_in).await
    }

    /// As [`SqlDatabase::open`], but refuses a database that does not exist.
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    pub async fn open_existing(
        at: impl Into<DatabaseAt>,
        sessions_in: SessionLocation,
    ) -> Result<Self, OpenError> {
        Self::open_or(IfAbsent::Refuse, at.into(), sessions_in).await
    }

    async fn open_or(
        if_absent: IfAbsent,
        at: DatabaseAt,
        sessions_in: SessionLocation,
    ) -> Result<Self, OpenError> {
        let engine = match at {
            DatabaseAt::Sqlite(path) => Engine::Sqlite(SqliteFile::open(&path, if_absent).await?),
            DatabaseAt::Postgres(url) => postgres(&url, if_absent, CONNECTIONS).await?,
        };
        Ok(Self { engine, sessions_in, sealing: Sealing::without_file() })
    }

    /// The display name: the path of the file, or host, port and database.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.engine {
            Engine::Sqlite(file) => file.path().display().to_string(),
            Engine::Postgres(server) => server.name(),
        }
    }

    /// Records where this server keeps sessions, which overrides the settings of commands.
    pub(super) async fn record_session_location(&self) -> Result<(), StoreError> {
        let word = statement(
            "INSERT INTO facts (name, value) VALUES ('sessions_in', $1) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        );
        self.engine.execute(word.bind(self.sessions_in.as_str())).await?;
        super::accounts::renew_search_texts(&self.engine).await
    }

    /// The database with the session location that the last started server recorded.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn as_the_server_has_it(mut self) -> Result<Self, StoreError> {
        let fact = statement("SELECT value FROM facts WHERE name = 'sessions_in'");
        let Some(row) = self.engine.row(fact).await? else { return Ok(self) };
        let value: String = row.get(0)?;
        let places = [
            SessionLocation::ThisDatabase,
            SessionLocation::ServerMemory,
            SessionLocation::Elsewhere,
        ];
        if let Some(place) = places.into_iter().find(|place| place.as_str() == value) {
            self.sessions_in = place;
        }
        Ok(self)
    }

    /// Reports changes of any writer to the session cache.
    #[must_use]
    pub fn freshness(&self) -> Arc<dyn Freshness> {
        match &self.engine {
            Engine::Sqlite(file) => Arc::new(file.clone()),
            Engine::Postgres(server) => Arc::new(server.clone()),
        }
    }

    /// Whether several servers may use it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(&self.engine, Engine::Postgres(_))
    }

    /// The location of the sessions.
    #[must_use]
    pub fn sessions_in(&self) -> SessionLocation {
        self.sessions_in
    }

    /// Closes the database after running operations.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(file) => file.close().await,
            Engine::Postgres(server) => server.close().await,
        }
    }

    /// Checks that the database can be read and written.
    pub(super) async fn answers(&self) -> Result<(), StoreError> {
        match &self.engine {
            Engine::Sqlite(file) => file.answers().await,
            Engine::Postgres(server) => server.answers().await,
        }
    }
}

/// Prepares a server and opens the pool.
async fn postgres(
    url: &SecretString,
    if_absent: IfAbsent,
    connections: u32,
) -> Result<Engine, OpenError> {
    let address = Address::parse(url)?;
    prepare(&address, if_absent).await?;
    Ok(Engine::Postgres(PostgresServer::at(address, connections.max(1))))
}
