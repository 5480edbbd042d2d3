//! Opening a database, and what servers leave in it for the commands beside them.

use std::sync::Arc;

use secrecy::SecretString;
use sqlx::migrate::Migrator;

use super::engine::{Engine, statement};
use super::postgres::{Address, CONNECTIONS, PostgresServer, prepare};
use super::sqlite::SqliteFile;
use super::{DatabaseAt, OpenError};
use crate::failure::StoreError;
use crate::sessions::cache::Freshness;

/// The same for every engine.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!();

/// Where the sessions of these accounts are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionsIn {
    /// In this database: a change of an account ends sessions in its own transaction.
    ThisDatabase,
    /// In the memory of each server, which follows the orders in this database.
    ServerMemory,
    /// In a store of its own: whoever changes an account tells it right after, by the outbox.
    Elsewhere,
}

impl SessionsIn {
    fn as_str(self) -> &'static str {
        match self {
            Self::ThisDatabase => "database",
            Self::ServerMemory => "memory",
            Self::Elsewhere => "elsewhere",
        }
    }
}

/// What becomes of a database that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfAbsent {
    Make,
    Refuse,
}

/// An open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqlDatabase {
    pub(super) engine: Engine,
    pub(super) sessions_in: SessionsIn,
}

impl SqlDatabase {
    /// As [`SqlDatabase::open_for_server_with`], with as many connections as are usual.
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    pub async fn open_for_server(
        at: impl Into<DatabaseAt>,
        sessions_in: SessionsIn,
    ) -> Result<Self, OpenError> {
        Self::open_for_server_with(at, sessions_in, CONNECTIONS).await
    }

    /// Opens a database for a server: migrates it as needed, and leaves word where this server
    /// keeps sessions. A file is made as needed (mode 0600), and refused when another server has
    /// it. To a database server there are so many connections at most, besides the one that hears
    /// of changes.
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    pub async fn open_for_server_with(
        at: impl Into<DatabaseAt>,
        sessions_in: SessionsIn,
        connections: u32,
    ) -> Result<Self, OpenError> {
        let engine = match at.into() {
            DatabaseAt::Sqlite(path) => Engine::Sqlite(SqliteFile::open_for_server(&path).await?),
            DatabaseAt::Postgres(url) => postgres(&url, IfAbsent::Make, connections).await?,
        };
        let database = Self { engine, sessions_in };
        database.leave_word().await.map_err(|error| OpenError::Database {
            path: database.name(),
            source: match error {
                StoreError::Backend(cause) => cause,
                other => other.into(),
            },
        })?;
        Ok(database)
    }

    /// Opens a database for a command, beside a server that may be running. Makes and migrates it
    /// as needed.
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    pub async fn open(
        at: impl Into<DatabaseAt>,
        sessions_in: SessionsIn,
    ) -> Result<Self, OpenError> {
        Self::open_or(IfAbsent::Make, at.into(), sessions_in).await
    }

    /// As [`SqlDatabase::open`], but a database that nobody has made is refused.
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    pub async fn open_existing(
        at: impl Into<DatabaseAt>,
        sessions_in: SessionsIn,
    ) -> Result<Self, OpenError> {
        Self::open_or(IfAbsent::Refuse, at.into(), sessions_in).await
    }

    async fn open_or(
        if_absent: IfAbsent,
        at: DatabaseAt,
        sessions_in: SessionsIn,
    ) -> Result<Self, OpenError> {
        let engine = match at {
            DatabaseAt::Sqlite(path) => Engine::Sqlite(SqliteFile::open(&path, if_absent).await?),
            DatabaseAt::Postgres(url) => postgres(&url, if_absent, CONNECTIONS).await?,
        };
        Ok(Self { engine, sessions_in })
    }

    /// Its name for people: the path of the file, or host, port and name.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.engine {
            Engine::Sqlite(file) => file.path().display().to_string(),
            Engine::Postgres(server) => server.name(),
        }
    }

    /// Tells commands where this server keeps sessions, whatever their own settings say.
    pub(super) async fn leave_word(&self) -> Result<(), StoreError> {
        let word = statement(
            "INSERT INTO facts (name, value) VALUES ('sessions_in', $1) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        );
        self.engine.execute(word.bind(self.sessions_in.as_str())).await?;
        super::accounts::renew_search_texts(&self.engine).await
    }

    /// The same database, for sessions where the server that was started last keeps them.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn as_the_server_has_it(mut self) -> Result<Self, StoreError> {
        let fact = statement("SELECT value FROM facts WHERE name = 'sessions_in'");
        let Some(row) = self.engine.row(fact).await? else { return Ok(self) };
        let value: String = row.get(0)?;
        let places = [SessionsIn::ThisDatabase, SessionsIn::ServerMemory, SessionsIn::Elsewhere];
        if let Some(place) = places.into_iter().find(|place| place.as_str() == value) {
            self.sessions_in = place;
        }
        Ok(self)
    }

    /// Tells what changes here, whoever changes it.
    #[must_use]
    pub fn freshness(&self) -> Arc<dyn Freshness> {
        match &self.engine {
            Engine::Sqlite(file) => Arc::new(file.clone()),
            Engine::Postgres(server) => Arc::new(server.clone()),
        }
    }

    /// Whether several servers may have it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(&self.engine, Engine::Postgres(_))
    }

    /// Where the sessions are.
    #[must_use]
    pub fn sessions_in(&self) -> SessionsIn {
        self.sessions_in
    }

    /// Closes the database once what is under way is done.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(file) => file.close().await,
            Engine::Postgres(server) => server.close().await,
        }
    }

    /// Whether it is able to serve.
    pub(super) async fn answers(&self) -> Result<(), StoreError> {
        match &self.engine {
            Engine::Sqlite(file) => file.answers().await,
            Engine::Postgres(server) => server.answers().await,
        }
    }
}

/// A server that is ready to be used.
async fn postgres(
    url: &SecretString,
    if_absent: IfAbsent,
    connections: u32,
) -> Result<Engine, OpenError> {
    let address = Address::parse(url)?;
    prepare(&address, if_absent).await?;
    Ok(Engine::Postgres(PostgresServer::at(address, connections.max(1))))
}
