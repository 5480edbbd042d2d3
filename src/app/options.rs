//! The settings of a server, as the composition root takes them.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::accounts::{HasherOptions, SecondFactorPolicy};
use crate::audit::{AuditLines, Retention};
use crate::clock::Clock;
use crate::config::{Config, SessionStorage, Signup};
use crate::entropy::Entropy;
use crate::http::ForwardAuthOptions;
use crate::mail::MailOptions;
use crate::metrics::Metrics;
use crate::sessions::{SessionPolicy, SessionStore};
use crate::store::DatabaseAt;
use crate::throttle::ThrottleOptions;
use crate::webhook::WebhookOptions;

/// Every setting of a server. [`Options::new`] gives the defaults. Embedders use
/// [`crate::AnteroomBuilder`] instead.
#[derive(Clone, Debug)]
pub struct Options {
    /// The database of accounts and the audit trail.
    pub database: DatabaseAt,
    /// The key file, relative to the folder of a `SQLite` file.
    pub key_file: PathBuf,
    /// The most connections to a database server, without the one that listens for changes.
    pub database_connections: u32,
    /// Where sessions are stored.
    pub sessions: SessionStorage,
    /// The session store of an embedder, instead of [`Options::sessions`].
    pub session_store: Option<OwnStore>,
    /// Whether live sessions are cached in memory, so that a check needs no store.
    pub cache: bool,
    /// Timeouts of sessions, and how many one user may have.
    pub policy: SessionPolicy,
    /// The URL under which browsers reach this server: https, or http on loopback.
    pub public_url: String,
    /// Whether people may create their own account.
    pub signup_is_open: bool,
    /// Minimum length of a new password in code points, at least 8.
    pub password_min_length: usize,
    /// Whether people may sign in with passkeys. Browsers refuse them where the host of
    /// [`Options::public_url`] is an IP address.
    pub passkeys: bool,
    /// Who must have a second factor.
    pub second_factor: SecondFactorPolicy,
    /// How long an access token is valid, at most an hour; `None` for no tokens at all.
    pub access_token_lifetime: Option<Duration>,
    /// Limits on wrong passwords and sign-ups, per account and per client network. Behind a proxy
    /// the network comes from [`Options::trusted_proxies`]. A router that is mounted without
    /// `axum::extract::ConnectInfo` has no per-network limits.
    pub throttles: ThrottleOptions,
    /// Proxies whose `X-Forwarded-*` headers are read.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins of front ends on the same site that may call the API.
    pub trusted_origins: Vec<String>,
    /// The proxy that asks for session checks, and the headers it is given.
    pub forward_auth: ForwardAuthOptions,
    /// How long audit events and the network addresses in them are kept.
    pub retention: Retention,
    /// Where audit events are sent; `None` sends none.
    pub webhook: Option<WebhookOptions>,
    /// Where mail to people goes; `None` sends none.
    pub mail: Option<MailOptions>,
    /// Writes audit events as lines of JSON ([`AuditLines::to`]); `None` writes none.
    pub audit_lines: Option<AuditLines>,
    /// Parameters of the password hash.
    pub hashing: HasherOptions,
    /// The clock.
    pub clock: Clock,
    /// The source of random bytes.
    pub entropy: Entropy,
    /// Counts requests and store calls. [`Metrics::on`] enables them.
    pub metrics: Metrics,
}

/// The session store of an embedder.
#[derive(Clone)]
pub struct OwnStore(pub Arc<dyn SessionStore>);

impl fmt::Debug for OwnStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnStore")
    }
}

impl Options {
    /// The defaults, for a database and a public URL.
    pub fn new(database: impl Into<DatabaseAt>, public_url: impl Into<String>) -> Self {
        Self {
            database: database.into(),
            key_file: "anteroom.key".into(),
            database_connections: 16,
            sessions: SessionStorage::Database,
            session_store: None,
            cache: true,
            policy: SessionPolicy::default(),
            public_url: public_url.into(),
            signup_is_open: true,
            password_min_length: 15,
            passkeys: true,
            second_factor: SecondFactorPolicy::Optional,
            access_token_lifetime: Some(Duration::from_mins(5)),
            throttles: ThrottleOptions::default(),
            trusted_proxies: Vec::new(),
            trusted_origins: Vec::new(),
            forward_auth: ForwardAuthOptions::default(),
            retention: Retention::default(),
            webhook: None,
            mail: None,
            audit_lines: None,
            hashing: HasherOptions::default(),
            clock: Clock::system(),
            entropy: Entropy::operating_system(),
            metrics: Metrics::off(),
        }
    }
}

impl From<&Config> for Options {
    fn from(config: &Config) -> Self {
        let clock = Clock::system();
        let metrics =
            if config.metrics_listen.is_some() { Metrics::on(&clock) } else { Metrics::off() };
        Self {
            key_file: config.storage.key_file.clone(),
            database_connections: config.storage.database_connections,
            sessions: config.storage.sessions.clone(),
            cache: config.storage.cache,
            policy: config.policy,
            signup_is_open: config.accounts.signup == Signup::Open,
            password_min_length: config.accounts.password_min_length,
            passkeys: config.accounts.passkeys,
            access_token_lifetime: config.access_token_lifetime,
            second_factor: config.accounts.second_factor,
            throttles: config.throttles,
            trusted_proxies: config.http.trusted_proxies.clone(),
            trusted_origins: config.http.trusted_origins.clone(),
            forward_auth: config.http.forward_auth.clone(),
            retention: config.retention,
            webhook: config.webhook.clone(),
            mail: config.mail.clone(),
            clock,
            metrics,
            ..Self::new(config.storage.database.clone(), config.http.public_url.to_string())
        }
    }
}
