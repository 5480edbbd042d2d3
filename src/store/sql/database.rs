//! Opening a database, and what servers leave in it for the commands beside them.

use std::error::Error;
use std::io;
use std::sync::Arc;

use secrecy::SecretString;
use sqlx::migrate::{MigrateError, Migrator};

use super::DatabaseAt;
use super::engine::{Engine, statement};
use super::postgres::{Address, PostgresServer, prepare};
use super::sqlite::{RememberedAccounts, SqliteFile, Stamp};
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

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server has it.
    #[error(
        "another Anteroom server already uses {path}: stop it first, or give this one another \
         ANTEROOM_DATABASE"
    )]
    InUse {
        /// The database.
        path: String,
    },
    /// The file cannot be made or opened.
    #[error(
        "cannot open {path}: {source}; check the path and its permissions, or set ANTEROOM_DATABASE"
    )]
    File {
        /// The database, or the lock beside it.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// A newer release has migrated it.
    #[error("{path} was written by another release: run that one, or restore a backup")]
    TooNew {
        /// The database.
        path: String,
    },
    /// The driver failed.
    #[error(
        "cannot use {path} as a database: {source}; check what it is, or set ANTEROOM_DATABASE"
    )]
    Database {
        /// The database.
        path: String,
        /// What the driver says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The URL is wrong.
    #[error("the URL of the database cannot be used: {what}; check ANTEROOM_DATABASE")]
    Address {
        /// What is wrong with it, without the URL.
        what: String,
    },
    /// The server is not there, or does not let us in.
    #[error(
        "cannot reach the database at {place}: {source}; check that it runs and lets this user \
         in, or set ANTEROOM_DATABASE"
    )]
    Unreachable {
        /// Host, port and name.
        place: String,
        /// What the driver says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server is there, and of no use.
    #[error("the database at {place} cannot be used: {why}")]
    Unsuitable {
        /// Host, port and name.
        place: String,
        /// Why, and what to do.
        why: &'static str,
    },
    /// The tables are of an earlier release, and this role may not change them.
    #[error(
        "the tables at {place} are not those of this release, and this role may not change them: \
         run `anteroom migrate` as their owner"
    )]
    NeedsMigration {
        /// Host, port and name.
        place: String,
    },
    /// A migration failed; the database is as it was before it.
    #[error("cannot migrate {path}: {source}")]
    Migration {
        /// The database.
        path: String,
        /// What failed.
        source: MigrateError,
    },
}

/// An open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqlDatabase {
    pub(super) engine: Engine,
    pub(super) sessions_in: SessionsIn,
    pub(super) remembered: Arc<RememberedAccounts>,
}

impl SqlDatabase {
    /// Opens a database for a server: migrates it as needed, and leaves word where this server
    /// keeps sessions. A file is made as needed (mode 0600), and refused when another server has
    /// it.
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    pub async fn open_for_server(
        at: impl Into<DatabaseAt>,
        sessions_in: SessionsIn,
    ) -> Result<Self, OpenError> {
        let (engine, name) = match at.into() {
            DatabaseAt::Sqlite(path) => {
                let file = SqliteFile::open_for_server(&path).await?;
                (Engine::Sqlite(file), path.display().to_string())
            }
            DatabaseAt::Postgres(url) => postgres(&url).await?,
        };
        let database = Self::over(engine, sessions_in);
        database.leave_word().await.map_err(|error| OpenError::Database {
            path: name,
            source: match error {
                StoreError::Backend(cause) => cause,
                other => other.into(),
            },
        })?;
        if let Engine::Sqlite(file) = &database.engine {
            file.count_commits();
        }
        Ok(database)
    }

    /// Opens a database for a command, beside a server that may be running. Migrates it as needed.
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    pub async fn open(
        at: impl Into<DatabaseAt>,
        sessions_in: SessionsIn,
    ) -> Result<Self, OpenError> {
        let engine = match at.into() {
            DatabaseAt::Sqlite(path) => Engine::Sqlite(SqliteFile::open(&path).await?),
            DatabaseAt::Postgres(url) => postgres(&url).await?.0,
        };
        Ok(Self::over(engine, sessions_in))
    }

    fn over(engine: Engine, sessions_in: SessionsIn) -> Self {
        Self { engine, sessions_in, remembered: Arc::default() }
    }

    /// Tells commands where this server keeps sessions, whatever their own settings say.
    async fn leave_word(&self) -> Result<(), StoreError> {
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

    /// Tells whether anybody has committed since; `None` where that cannot be told.
    pub(in crate::store) fn stamp(&self) -> Option<Stamp> {
        match &self.engine {
            Engine::Sqlite(file) => file.stamp(),
            Engine::Postgres(_) => None,
        }
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

/// A server that is ready to be used, and its name for people.
async fn postgres(url: &SecretString) -> Result<(Engine, String), OpenError> {
    let address = Address::parse(url)?;
    prepare(&address).await?;
    let name = address.to_string();
    Ok((Engine::Postgres(PostgresServer::at(address)), name))
}
