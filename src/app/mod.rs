//! The whole of it, put together: services over stores, the door in front, the housekeeping behind.

use std::sync::Arc;

use axum::Router;
use ipnet::IpNet;
use secrecy::SecretString;
use tokio::sync::Notify;
use tokio::task::JoinSet;

mod housekeeping;
mod startup_error;

use housekeeping::Records;
pub use startup_error::StartupError;

use crate::accounts::{
    AccountStore, Accounts, AccountsOptions, Hasher, HasherOptions, PasswordPolicy, SetupLink,
};
use crate::audit::{AuditLines, AuditOptions, AuditOutputs, AuditStore, AuditTrail, Retention};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::failure::StoreError;
use crate::http::{
    FastPath, FormSettings, HttpOptions, PublicUrl, Service, SessionLayer, metrics_router,
};
use crate::metrics::Metrics;
use crate::network::TrustedProxies;
use crate::sessions::cache::Freshness;
use crate::sessions::{
    LeaseOptions, Outbox, SessionPolicy, SessionStore, Sessions, SessionsOptions,
};
use crate::store::{
    DatabaseAt, FollowingStore, MeasuredAccounts, MeasuredSessions, MemoryOptions, MemoryStore,
    RedisSessions, SessionsIn, SqlDatabase,
};
use crate::throttle::{Throttle, ThrottleOptions, ThrottleStore};
use crate::webhook::{DeliveryStore, Webhook, WebhookOptions, WebhookParts};

/// Where sessions are kept.
#[derive(Clone, Debug)]
pub enum SessionsKept {
    /// In the same database as the accounts: they outlive a restart.
    InDatabase,
    /// In the memory of this process, at most this many: they end with it.
    InMemory(usize),
    /// In a Redis or Valkey server, which several servers may share.
    InRedis {
        /// `redis://`, `rediss://` or `redis+sentinel://`, with user and password.
        url: SecretString,
    },
}

/// What Anteroom is made of. [`Options::new`] gives the defaults of the settings.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the accounts are kept.
    pub database: DatabaseAt,
    /// How many connections to a database server there may be, besides the one that hears of
    /// changes.
    pub database_connections: u32,
    /// Where sessions are kept.
    pub sessions: SessionsKept,
    /// Whether sessions are remembered beside the store, for checks that need not ask it.
    pub cache: bool,
    /// How long they live.
    pub policy: SessionPolicy,
    /// Where browsers find this server: https, or http on loopback.
    pub public_url: String,
    /// Whether anybody may sign up.
    pub signup_is_open: bool,
    /// The fewest characters of a new password, in code points, at least 8.
    pub password_min_length: usize,
    /// How many wrong passwords and sign-ups are let through. They are told apart by the address
    /// of the client: behind a proxy by [`Options::trusted_proxies`], and where the router is
    /// mounted without `axum::extract::ConnectInfo` not at all.
    pub throttles: ThrottleOptions,
    /// Proxies whose `X-Forwarded-*` headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins of front ends on the same site that may call the API.
    pub trusted_origins: Vec<String>,
    /// For how long the audit trail is kept, and the addresses in it.
    pub retention: Retention,
    /// Who is told of what happens, if anybody.
    pub webhook: Option<WebhookOptions>,
    /// Who reads the audit trail as lines of JSON, if anybody: [`AuditLines::to`].
    pub audit_lines: Option<AuditLines>,
    /// How passwords are hashed.
    pub hashing: HasherOptions,
    /// Tells the time.
    pub clock: Clock,
    /// Draws everything random.
    pub entropy: Entropy,
    /// Counts what goes on: [`Metrics::on`], and [`Anteroom::metrics_router`] shows it.
    pub metrics: Metrics,
}

impl Options {
    /// The defaults, with the accounts in `database` and browsers coming to `public_url`.
    pub fn new(database: impl Into<DatabaseAt>, public_url: impl Into<String>) -> Self {
        Self {
            database: database.into(),
            database_connections: 16,
            sessions: SessionsKept::InDatabase,
            cache: true,
            policy: SessionPolicy::default(),
            public_url: public_url.into(),
            signup_is_open: true,
            password_min_length: 15,
            throttles: ThrottleOptions::default(),
            trusted_proxies: Vec::new(),
            trusted_origins: Vec::new(),
            retention: Retention::default(),
            webhook: None,
            audit_lines: None,
            hashing: HasherOptions::default(),
            clock: Clock::system(),
            entropy: Entropy::operating_system(),
            metrics: Metrics::off(),
        }
    }
}

/// What a running Anteroom keeps things in, one for each port.
#[derive(Clone)]
pub struct Stores {
    /// Of the accounts.
    pub accounts: Arc<dyn AccountStore>,
    /// Of the sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// Of what the store of the sessions has still to be told, where it is not that of the accounts.
    pub outbox: Option<Arc<dyn Outbox>>,
    /// Of the counts of attempts.
    pub throttle: Arc<dyn ThrottleStore>,
    /// Of what happened.
    pub audit: Arc<dyn AuditStore>,
    /// Of what the webhook has still to be told.
    pub deliveries: Arc<dyn DeliveryStore>,
    /// Which of them tell what changes, and who else may remember what is in them.
    pub leases: LeaseOptions,
}

/// A running Anteroom, without a listener of its own: mount its [`Anteroom::router`], and put its
/// [`Anteroom::session_layer`] around handlers of yours.
pub struct Anteroom {
    database: SqlDatabase,
    services: Services,
    setup_link: SetupLink,
    service: Service,
    origin: String,
    entropy: Entropy,
    metrics: Metrics,
    housekeeping: JoinSet<()>,
}

/// The services, each over its store.
#[derive(Clone)]
struct Services {
    accounts: Accounts,
    sessions: Sessions,
    audit: AuditTrail,
    throttle: Throttle,
    webhook: Webhook,
}

impl Services {
    fn open(stores: Stores, options: &Options) -> Result<Self, StartupError> {
        let Options { clock, entropy, metrics, .. } = options;
        let hashing = HasherOptions { metrics: metrics.clone(), ..options.hashing.clone() };
        let hasher = Hasher::start_with(entropy.clone(), hashing).map_err(StartupError::Threads)?;
        let throttle = Throttle::new(stores.throttle, options.throttles, clock.clone());
        let accounts = Accounts::new(AccountsOptions {
            store: stores.accounts,
            hasher,
            policy: PasswordPolicy { min_length: options.password_min_length },
            throttle: throttle.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
        });
        let sessions = Sessions::new(SessionsOptions {
            store: stores.sessions,
            outbox: stores.outbox,
            policy: options.policy,
            clock: clock.clone(),
            entropy: entropy.clone(),
            leases: stores.leases,
        });
        let wake = Arc::<Notify>::default();
        let webhook = Webhook::new(WebhookParts {
            store: stores.deliveries,
            options: options.webhook.clone(),
            wake: wake.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            metrics: metrics.clone(),
        });
        let webhook = webhook.map_err(StartupError::Webhook)?;
        let announced = webhook.events().into_iter().collect();
        let outputs = AuditOutputs { lines: options.audit_lines.clone(), announced, wake };
        let (store, clock, entropy) = (stores.audit, clock.clone(), entropy.clone());
        let audit = AuditTrail::start_with_outputs(AuditOptions { store, clock, entropy }, outputs);
        Ok(Self { accounts, sessions, audit, throttle, webhook })
    }
}

impl Anteroom {
    /// Opens the stores, and starts the housekeeping in the background. Call it inside of a tokio
    /// runtime.
    ///
    /// # Errors
    /// [`StartupError`] says what to do.
    pub async fn start(options: Options) -> Result<Self, StartupError> {
        Self::start_around(options, |stores| stores).await
    }

    /// As [`Anteroom::start`], over stores that `wrap` makes of the usual ones: to measure their
    /// calls, or to have some of them fail.
    ///
    /// # Errors
    /// [`StartupError`] says what to do.
    pub async fn start_around(
        options: Options,
        wrap: impl FnOnce(Stores) -> Stores + Send,
    ) -> Result<Self, StartupError> {
        let public_url = PublicUrl::parse(&options.public_url).map_err(StartupError::PublicUrl)?;
        let (database, stores) = open_stores(&options).await?;
        let services = Services::open(measured(wrap(stores), &options.metrics), &options)?;
        let Options { clock, entropy, metrics, .. } = options;
        let setup_link = SetupLink::new(clock.clone());
        let origin = public_url.origin().to_owned();
        let service = Service::new(HttpOptions {
            accounts: services.accounts.clone(),
            sessions: services.sessions.clone(),
            audit: services.audit.clone(),
            webhook: services.webhook.clone(),
            setup_link: setup_link.clone(),
            public_url,
            trusted_origins: options.trusted_origins,
            proxies: TrustedProxies::new(options.trusted_proxies),
            form_settings: FormSettings {
                signup_is_open: options.signup_is_open,
                password_min_length: u32::try_from(options.password_min_length).unwrap_or(u32::MAX),
            },
            clock,
            entropy: entropy.clone(),
            metrics: metrics.clone(),
        });
        let records = Records {
            database: database.clone(),
            retention: options.retention,
            webhook: services.webhook.clone(),
        };
        let housekeeping = housekeeping::start(&services, records, &service);
        Ok(Self { database, services, setup_link, service, origin, entropy, metrics, housekeeping })
    }

    /// Every route of the service.
    pub fn router(&self) -> Router {
        self.service.router()
    }

    /// What [`Anteroom::router`] answers, in a form of its own that is served faster: to be handed
    /// to [`crate::server::serve_with`], as `anteroom serve` does.
    #[must_use]
    pub fn front(&self) -> FastPath {
        self.service.front()
    }

    /// `GET /metrics` and nothing else, for a listener that strangers do not reach; `None` where
    /// [`Options::metrics`] are off.
    #[must_use]
    pub fn metrics_router(&self) -> Option<Router> {
        let sessions = self.services.sessions.clone();
        self.metrics.is_on().then(|| metrics_router(self.metrics.clone(), sessions))
    }

    /// The layer that gives handlers [`crate::http::CurrentUser`] and `tower_sessions::Session`.
    #[must_use]
    pub fn session_layer(&self) -> SessionLayer {
        self.service.session_layer()
    }

    /// The accounts.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.services.accounts
    }

    /// The sessions.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.services.sessions
    }

    /// Who is told of it.
    #[must_use]
    pub fn webhook(&self) -> &Webhook {
        &self.services.webhook
    }

    /// What happened.
    #[must_use]
    pub fn audit(&self) -> &AuditTrail {
        &self.services.audit
    }

    /// A one-time link that makes the first administrator, valid for an hour; `None` where there
    /// is one already. Issuing it voids the one before.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn issue_setup_link(&self) -> Result<Option<String>, StoreError> {
        if self.services.accounts.has_administrator().await? {
            return Ok(None);
        }
        let token = self.setup_link.issue(&self.entropy)?;
        Ok(Some(format!("{}/setup?token={token}", self.origin)))
    }

    /// Writes what was noted and closes the stores, once nothing is being served any more.
    pub async fn stop(mut self) {
        crate::detached::drain().await;
        if self.services.webhook.is_on() {
            self.services.webhook.finish_deliveries().await;
        }
        self.housekeeping.shutdown().await;
        if let Err(error) = self.services.sessions.flush().await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the last activity of some sessions was not written");
        }
        housekeeping::record_timeouts(&self.services.sessions, &self.services.audit).await;
        self.services.audit.flush().await;
        self.database.close().await;
    }
}

async fn open_stores(options: &Options) -> Result<(SqlDatabase, Stores), StartupError> {
    let most = options.database_connections;
    let open = |place| SqlDatabase::open_for_server_with(options.database.clone(), place, most);
    let mut vouching = Vec::new();
    let (database, sessions, sessions_elsewhere): (_, Arc<dyn SessionStore>, _) =
        match &options.sessions {
            SessionsKept::InDatabase => {
                let database = open(SessionsIn::ThisDatabase).await?;
                (database.clone(), Arc::new(database.clone()), database.is_shared())
            }
            SessionsKept::InMemory(most_sessions) => {
                let database = open(SessionsIn::ServerMemory).await?;
                let memory = MemoryStore::new(MemoryOptions { most_sessions: *most_sessions });
                let following = FollowingStore::start(memory, database.clone()).await?;
                (database, Arc::new(following), false)
            }
            SessionsKept::InRedis { url } => {
                // Before anything is said in the database about where the sessions are.
                let redis = Arc::new(RedisSessions::open(url).await?);
                for warning in redis.warnings().await? {
                    tracing::warn!("{warning}");
                }
                vouching.push(Arc::clone(&redis) as Arc<dyn Freshness>);
                (open(SessionsIn::Elsewhere).await?, redis, true)
            }
        };
    vouching.push(database.freshness());
    let leases = LeaseOptions {
        telling: vouching.clone(),
        vouching: if options.cache { vouching } else { Vec::new() },
        sessions_elsewhere,
        users_elsewhere: database.is_shared(),
    };
    let (outbox, file) = (database.outbox(), Arc::new(database.clone()));
    let (accounts, throttle, deliveries) = (file.clone(), file.clone(), file.clone());
    let stores = Stores { accounts, sessions, outbox, throttle, audit: file, deliveries, leases };
    Ok((database, stores))
}

/// The same stores; around them, where metrics are on, what times their calls.
fn measured(stores: Stores, metrics: &Metrics) -> Stores {
    if !metrics.is_on() {
        return stores;
    }
    Stores {
        accounts: Arc::new(MeasuredAccounts::new(stores.accounts, metrics.clone())),
        sessions: Arc::new(MeasuredSessions::new(stores.sessions, metrics.clone())),
        ..stores
    }
}
