//! Opens the stores that the settings name, for the server and for the command line.

use std::sync::Arc;

use super::{Options, OwnStore, StartupError};
use crate::accounts::{AccountStore, FactorStore, SecondFactorPolicy};
use crate::audit::AuditStore;
use crate::config::SessionStorage;
use crate::mail::MailStore;
use crate::metrics::Metrics;
use crate::sessions::cache::Freshness;
use crate::sessions::{LeaseOptions, Outbox, SessionStore};
use crate::store::{
    FollowingStore, Intercepted, MemoryOptions, MemoryStore, RedisSessions, SessionLocation,
    SqlDatabase,
};
use crate::telemetry::TRACES;
use crate::throttle::ThrottleStore;
use crate::tokens::TokenStore;
use crate::webhook::DeliveryStore;

/// The process that opens the stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opener {
    /// A server. The database is created and migrated as needed.
    Server,
    /// A command beside a server that may be running.
    Command {
        /// Whether a missing database is created. Otherwise it is an error.
        may_create: bool,
    },
}

/// One store for each port.
#[derive(Clone)]
pub struct Stores {
    /// Accounts.
    pub accounts: Arc<dyn AccountStore>,
    /// Second factors and pending sessions.
    pub factors: Arc<dyn FactorStore>,
    /// Sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// Account changes that the session store has yet to apply. `None` where both are in one
    /// database.
    pub outbox: Option<Arc<dyn Outbox>>,
    /// Counters of attempts.
    pub throttle: Arc<dyn ThrottleStore>,
    /// Audit events.
    pub audit: Arc<dyn AuditStore>,
    /// Pending webhook deliveries.
    pub deliveries: Arc<dyn DeliveryStore>,
    /// Queued mail.
    pub mail: Arc<dyn MailStore>,
    /// Clients, signing keys and revoked tokens.
    pub tokens: Arc<dyn TokenStore>,
    /// Which stores confirm cache leases, and whether other processes hold leases.
    pub leases: LeaseOptions,
}

/// Opened stores, and the database behind them.
pub(crate) struct OpenStores {
    pub(crate) stores: Stores,
    pub(crate) database: SqlDatabase,
    /// The database, and the place of the sessions where that is another. For people; without
    /// user and password.
    pub(crate) location: String,
}

/// A session store, and the handle to Redis where it is that.
struct SessionBackend {
    store: Arc<dyn SessionStore>,
    redis: Option<Arc<RedisSessions>>,
}

impl Stores {
    /// Opens the database and the session store.
    ///
    /// # Errors
    /// [`StartupError`] says what to do.
    pub(crate) async fn open(
        options: &Options,
        opener: Opener,
    ) -> Result<OpenStores, StartupError> {
        let (database, sessions) = match opener {
            Opener::Server => open_for_server(options).await?,
            Opener::Command { may_create } => open_for_command(options, may_create).await?,
        };
        let database = database.with_key_file(&options.key_file, options.entropy.clone());
        if opener == Opener::Server {
            check_key(&database, options.second_factor).await?;
        }
        let sessions_in = database.sessions_in();
        let mut confirming = Vec::new();
        if let Some(redis) = &sessions.redis {
            confirming.push(Arc::clone(redis) as Arc<dyn Freshness>);
        }
        confirming.push(database.freshness());
        // The store of an embedder sends no invalidations, so no server caches its sessions.
        let is_own = options.session_store.is_some();
        let leases = match opener {
            Opener::Server => LeaseOptions {
                publishing: confirming.clone(),
                confirming: if options.cache && !is_own { confirming } else { Vec::new() },
                sessions_elsewhere: match sessions_in {
                    SessionLocation::ThisDatabase => database.is_shared(),
                    SessionLocation::ServerMemory => false,
                    SessionLocation::Elsewhere => !is_own,
                },
                users_elsewhere: database.is_shared(),
            },
            // A running server may hold leases of what the command changes.
            Opener::Command { .. } => LeaseOptions {
                sessions_elsewhere: true,
                users_elsewhere: true,
                ..LeaseOptions::default()
            },
        };
        let sql = Arc::new(database.clone());
        Ok(OpenStores {
            location: location(&database, sessions.redis.as_deref()),
            stores: Self {
                accounts: sql.clone(),
                factors: sql.clone(),
                sessions: sessions.store,
                outbox: database.outbox(),
                throttle: sql.clone(),
                audit: sql.clone(),
                deliveries: sql.clone(),
                mail: sql.clone(),
                tokens: sql,
                leases,
            },
            database,
        })
    }

    /// Adds timing of store calls where metrics or traces are on.
    pub(super) fn measured(self, metrics: &Metrics) -> Self {
        let traces_are_on = tracing::span_enabled!(target: TRACES, tracing::Level::TRACE);
        if !metrics.is_on() && !traces_are_on {
            return self;
        }
        Self {
            accounts: Arc::new(Intercepted::new(self.accounts, metrics.clone())),
            factors: Arc::new(Intercepted::new(self.factors, metrics.clone())),
            tokens: Arc::new(Intercepted::new(self.tokens, metrics.clone())),
            sessions: Arc::new(Intercepted::new(self.sessions, metrics.clone())),
            ..self
        }
    }
}

/// A wrong or lost key is noticed before anything is encrypted or read with it. Only a database file
/// gets a new one: servers that share a database need the same.
async fn check_key(database: &SqlDatabase, policy: SecondFactorPolicy) -> Result<(), StartupError> {
    let may_create = !database.is_shared();
    let checked = database.check_key(may_create).await.map_err(StartupError::from_key)?;
    let file = database.key_file();
    let path = file.path().display();
    if checked {
        if file.is_readable_by_all() {
            tracing::warn!("everybody can read the key file {path}: run chmod 600 on it");
        }
    } else if policy == SecondFactorPolicy::Optional {
        tracing::info!(
            "there is no key file at {path}: what needs one is off until `anteroom key create`, or \
             a copy from another server, and a restart"
        );
    } else {
        return Err(StartupError::Setting(format!(
            "ANTEROOM_SECOND_FACTOR demands second factors, but there is no key file at {path}: run \
             `anteroom key create`, or copy the key file from another server of this database"
        )));
    }
    Ok(())
}

async fn open_for_server(options: &Options) -> Result<(SqlDatabase, SessionBackend), StartupError> {
    let open = |sessions_in| {
        let connections = options.database_connections;
        SqlDatabase::open_for_server_with(options.database.clone(), sessions_in, connections)
    };
    if let Some(OwnStore(store)) = &options.session_store {
        let sessions = SessionBackend { store: Arc::clone(store), redis: None };
        return Ok((open(SessionLocation::Elsewhere).await?, sessions));
    }
    Ok(match &options.sessions {
        SessionStorage::Database => {
            let database = open(SessionLocation::ThisDatabase).await?;
            let store = Arc::new(database.clone());
            (database, SessionBackend { store, redis: None })
        }
        SessionStorage::Memory { limit } => {
            let database = open(SessionLocation::ServerMemory).await?;
            let store = in_memory(*limit, &database).await?;
            (database, SessionBackend { store, redis: None })
        }
        SessionStorage::Redis { url } => {
            // Before the database records where the sessions are.
            let redis = Arc::new(RedisSessions::open(url).await?);
            for warning in redis.warnings().await? {
                tracing::warn!("{warning}");
            }
            let sessions = SessionBackend { store: redis.clone(), redis: Some(redis) };
            (open(SessionLocation::Elsewhere).await?, sessions)
        }
    })
}

/// The database says where the server keeps sessions. A shell without the server's settings would
/// look in the wrong place.
async fn open_for_command(
    options: &Options,
    may_create: bool,
) -> Result<(SqlDatabase, SessionBackend), StartupError> {
    let at = options.database.clone();
    let sessions_in = match options.sessions {
        SessionStorage::Memory { .. } => SessionLocation::ServerMemory,
        SessionStorage::Database => SessionLocation::ThisDatabase,
        SessionStorage::Redis { .. } => SessionLocation::Elsewhere,
    };
    let database = if may_create {
        SqlDatabase::open(at, sessions_in).await?
    } else {
        SqlDatabase::open_existing(at, sessions_in).await?
    };
    let database = database.as_the_server_has_it().await?;
    let sessions = match (database.sessions_in(), &options.sessions) {
        (SessionLocation::ThisDatabase, _) => {
            SessionBackend { store: Arc::new(database.clone()), redis: None }
        }
        // The sessions are in the server. The command sends orders through the database.
        (SessionLocation::ServerMemory, _) => {
            SessionBackend { store: in_memory(0, &database).await?, redis: None }
        }
        (SessionLocation::Elsewhere, SessionStorage::Redis { url }) => {
            let redis = Arc::new(RedisSessions::open(url).await?);
            SessionBackend { store: redis.clone(), redis: Some(redis) }
        }
        (SessionLocation::Elsewhere, _) => return Err(StartupError::SessionsElsewhere),
    };
    Ok((database, sessions))
}

async fn in_memory(
    limit: usize,
    database: &SqlDatabase,
) -> Result<Arc<dyn SessionStore>, StartupError> {
    let memory = MemoryStore::new(MemoryOptions { most_sessions: limit });
    Ok(Arc::new(FollowingStore::start(memory, database.clone()).await?))
}

fn location(database: &SqlDatabase, redis: Option<&RedisSessions>) -> String {
    let name = database.name();
    match (database.sessions_in(), redis) {
        (_, Some(redis)) => format!("{name} (sessions in Redis at {})", redis.place()),
        (SessionLocation::ServerMemory, None) => {
            format!("{name} (sessions in the memory of the server)")
        }
        (_, None) => name,
    }
}
