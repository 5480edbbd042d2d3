//! Every setting, typed, by concern.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::mistakes::one_line;
use super::read::{Reader, Typed};
use super::settings::{self as table, Kind, SETTINGS};
use super::sources::{Form, Given, Sources};
use super::{Dotenv, Flags, Mistakes, Provenance, SessionStorage, Setting, Signup, mask};
use crate::audit::Retention;
use crate::http::PublicUrl;
use crate::sessions::{Limit, SessionPolicy, Timeouts};
use crate::store::DatabaseAt;
use crate::telemetry::LogFormat;
use crate::throttle::ThrottleOptions;
use crate::webhook::WebhookOptions;

/// Every setting, typed and checked.
#[derive(Debug)]
pub struct Config {
    /// Where it listens, and whom it trusts there.
    pub door: HttpSettings,
    /// Where things are kept.
    pub keeping: Keeping,
    /// How long sessions live and how many a user may have.
    pub policy: SessionPolicy,
    /// Who may make an account.
    pub sign_ups: SignUps,
    /// How many attempts are let through.
    pub throttles: ThrottleOptions,
    /// For how long the audit trail is kept.
    pub retention: Retention,
    /// Who is told of it; `None` for nobody.
    pub webhook: Option<WebhookOptions>,
    /// What is logged.
    pub logging: Logging,
    /// Where metrics are told; `None` for nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// What each came from, in the order of [`SETTINGS`].
    pub(super) effective: Vec<Effective>,
    /// Names like those of an orchestrator, with a value that it would not give.
    pub(super) ignored: Vec<String>,
}

/// Where it listens, and whom it trusts there.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The URL under which browsers reach it.
    pub public_url: PublicUrl,
    /// Peers whose `X-Forwarded-*` headers are read.
    pub trusted_proxies: Vec<IpNet>,
    /// Other origins that may call the API with cookies, as browsers send them.
    pub trusted_origins: Vec<String>,
    /// Open connections at once, at least 1.
    pub max_connections: usize,
    /// Open connections of one network, at least 1.
    pub max_connections_per_network: usize,
}

/// Where things are kept.
#[derive(Clone, Debug)]
pub struct Keeping {
    /// Accounts and the audit trail.
    pub database: DatabaseAt,
    /// Sessions.
    pub sessions: SessionStorage,
    /// Whether sessions in use are kept in memory too.
    pub cache: bool,
    /// Connections to a `PostgreSQL` server, at least 1.
    pub database_connections: u32,
    /// How long a start waits for a store that does not answer; `None` for not at all.
    pub store_wait: Option<Duration>,
}

/// Who may make an account, and with which passwords.
#[derive(Clone, Copy, Debug)]
pub struct SignUps {
    /// Whether people may make their own.
    pub signup: Signup,
    /// Code points of a new password, 8 to 128.
    pub password_min_length: usize,
}
/// What is logged.
#[derive(Clone, Debug)]
pub struct Logging {
    /// Directives that [`crate::telemetry::start`] takes.
    pub log: String,
    /// The form of a line.
    pub format: LogFormat,
    /// Whether events of the audit trail are on stdout.
    pub audit_on_stdout: bool,
}

/// A value as it may be shown, and who wrote it.
#[derive(Debug)]
pub(super) struct Effective {
    pub(super) setting: &'static Setting,
    pub(super) text: String,
    pub(super) from: Provenance,
}

impl Effective {
    pub(super) fn new(setting: &'static Setting, text: &str, from: Provenance) -> Self {
        let text = match setting.kind {
            Kind::Secret => mask(text),
            Kind::Hidden if text.is_empty() => String::new(),
            Kind::Hidden => "***".to_owned(),
            Kind::Plain | Kind::List => one_line(text),
        };
        Self { setting, text, from }
    }
}

impl Config {
    /// Settles every setting: flags first, then the environment, then `.env`, then the default.
    ///
    /// # Errors
    /// Every mistake there is, not only the first. Names that begin with `ANTEROOM_` and are no
    /// setting are mistakes, unless an orchestrator injects them for services beside this one
    /// (`ANTEROOM_REDIS_SERVICE_HOST`, `ANTEROOM_PORT`).
    pub fn load(
        flags: Flags,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        dotenv: Dotenv,
    ) -> Result<Self, Mistakes> {
        let mut sources = Sources::gather(flags, environment, dotenv);
        let mistakes = std::mem::take(&mut sources.mistakes);
        let mut reader = Reader { sources, mistakes };
        let config = reader.config();
        match config {
            Some(config) if reader.mistakes.is_empty() => Ok(config),
            _ => {
                let format = reader.sources.effective(table::LOG_FORMAT.setting).text;
                let format = format.to_str().and_then(|text| (table::LOG_FORMAT.parse)(text).ok());
                let log_format = format.unwrap_or(LogFormat::Text);
                Err(Mistakes { all: reader.mistakes, log_format })
            }
        }
    }

    /// The name of the cookie that holds the token.
    #[must_use]
    pub fn cookie_name(&self) -> &'static str {
        if self.door.public_url.is_https() { "__Host-anteroom" } else { "anteroom" }
    }

    /// Whether somebody set `PUBLIC_URL`. Where nobody did and the system chooses the port
    /// (`LISTEN` with port 0), the URL is known only after listening: [`PublicUrl::parse`] it then.
    #[must_use]
    pub fn has_public_url(&self) -> bool {
        let set = |one: &Effective| one.from != Provenance::Default;
        self.effective.iter().any(|one| one.setting.name == "PUBLIC_URL" && set(one))
    }
}

impl Reader {
    /// Reads everything before it gives up on anything, so that no mistake hides another.
    fn config(&mut self) -> Option<Config> {
        let door = self.door();
        let keeping = self.keeping();
        let policy = self.policy();
        let sign_ups = self.sign_ups();
        let throttles = self.throttles();
        let retention = self.retention();
        let webhook = self.webhook();
        let metrics_listen = self.read(&table::METRICS_LISTEN);
        let logging = self.logging();
        Some(Config {
            door: door?,
            keeping: keeping?,
            policy: policy?,
            sign_ups: sign_ups?,
            throttles: throttles?,
            retention: retention?,
            webhook,
            logging: logging?,
            metrics_listen: metrics_listen?,
            effective: self.effective(),
            ignored: std::mem::take(&mut self.sources.ignored),
        })
    }

    fn door(&mut self) -> Option<HttpSettings> {
        let listen = self.read(&table::LISTEN);
        let public_url = self.public_url(listen);
        let trusted_proxies = self.read(&table::TRUSTED_PROXIES);
        let trusted_origins = self.read(&table::TRUSTED_ORIGINS);
        let max_connections = self.read(&table::MAX_CONNECTIONS);
        let max_connections_per_network = self.read(&table::MAX_CONNECTIONS_PER_NETWORK);
        Some(HttpSettings {
            listen: listen?,
            public_url: public_url?,
            trusted_proxies: trusted_proxies?,
            trusted_origins: trusted_origins?,
            max_connections: max_connections?,
            max_connections_per_network: max_connections_per_network?,
        })
    }

    /// Where nobody set it, the URL has the port that is listened on.
    fn public_url(&mut self, listen: Option<SocketAddr>) -> Option<PublicUrl> {
        let setting = table::PUBLIC_URL.setting;
        let port = listen.map(|listen| listen.port()).filter(|port| *port != 0);
        if let (Provenance::Default, Some(port)) = (self.sources.effective(setting).from, port) {
            let text = format!("http://localhost:{port}").into();
            self.sources.set(setting, Form::Value, Given { text, from: Provenance::Default });
        }
        self.read(&table::PUBLIC_URL)
    }

    fn keeping(&mut self) -> Option<Keeping> {
        let database = self.read(&table::DATABASE);
        let mut sessions = self.read(&table::SESSIONS);
        let cache = self.read(&table::CACHE);
        let memory_limit = self.read(&table::MEMORY_LIMIT);
        let database_connections = self.read(&table::DATABASE_CONNECTIONS);
        let store_wait = self.read(&table::STORE_WAIT);
        if let (Some(SessionStorage::Memory { limit }), Some(set)) = (&mut sessions, memory_limit) {
            *limit = set;
        }
        memory_limit?;
        Some(Keeping {
            database: database?,
            sessions: sessions?,
            cache: cache?,
            database_connections: database_connections?,
            store_wait: store_wait?,
        })
    }

    fn policy(&mut self) -> Option<SessionPolicy> {
        let standard = self.timeouts(&table::IDLE_TIMEOUT, &table::ABSOLUTE_TIMEOUT);
        let remembered =
            self.timeouts(&table::REMEMBER_IDLE_TIMEOUT, &table::REMEMBER_ABSOLUTE_TIMEOUT);
        let administrator =
            self.timeouts(&table::ADMIN_IDLE_TIMEOUT, &table::ADMIN_ABSOLUTE_TIMEOUT);
        let most = self.read(&table::SESSION_LIMIT);
        let policy = self.read(&table::SESSION_LIMIT_POLICY);
        Some(SessionPolicy {
            standard: standard?,
            remembered: remembered?,
            administrator: administrator?,
            limit: Limit { most: most?, policy: policy? },
        })
    }

    fn timeouts(&mut self, idle: &Typed<Duration>, absolute: &Typed<Duration>) -> Option<Timeouts> {
        let (idle_timeout, absolute_timeout) = (self.read(idle), self.read(absolute));
        let timeouts = Timeouts { idle: idle_timeout?, absolute: absolute_timeout? };
        if timeouts.idle > timeouts.absolute {
            let other = self.named(absolute.setting);
            self.mistake(idle.setting, &format!("is longer than {other}; write a shorter one"));
        }
        Some(timeouts)
    }

    fn sign_ups(&mut self) -> Option<SignUps> {
        let signup = self.read(&table::SIGNUP);
        let password_min_length = self.read(&table::PASSWORD_MIN_LENGTH);
        Some(SignUps { signup: signup?, password_min_length: password_min_length? })
    }

    fn throttles(&mut self) -> Option<ThrottleOptions> {
        let account = self.read(&table::THROTTLE_ACCOUNT);
        let network = self.read(&table::THROTTLE_NETWORK);
        let signup = self.read(&table::THROTTLE_SIGNUP);
        Some(ThrottleOptions { account: account?, network: network?, signup: signup? })
    }

    fn retention(&mut self) -> Option<Retention> {
        let events = self.read(&table::AUDIT_RETENTION);
        let addresses = self.read(&table::ADDRESS_RETENTION);
        Some(Retention { events: events?, addresses: addresses? })
    }

    /// Also `None` for a mistake, which is noted.
    fn webhook(&mut self) -> Option<WebhookOptions> {
        let target = self.read(&table::WEBHOOK_URL);
        let secrets = self.read(&table::WEBHOOK_SECRET);
        let events = self.read(&table::WEBHOOK_EVENTS);
        let (target, secrets) = (target??, secrets?);
        if secrets.is_none() {
            let what = "is empty, but ANTEROOM_WEBHOOK_URL is set; write at least 32 characters, \
                        for example what `openssl rand -base64 32` prints";
            self.mistake(table::WEBHOOK_SECRET.setting, what);
        }
        Some(WebhookOptions { target, secrets: secrets?, events: events? })
    }

    fn logging(&mut self) -> Option<Logging> {
        let log = self.read(&table::LOG);
        let format = self.read(&table::LOG_FORMAT);
        let audit_on_stdout = self.read(&table::AUDIT_LOG);
        Some(Logging { log: log?, format: format?, audit_on_stdout: audit_on_stdout? })
    }

    fn effective(&self) -> Vec<Effective> {
        let one = |setting: &&'static Setting| {
            let Given { text, from } = self.sources.effective(setting);
            Effective::new(setting, &text.to_string_lossy(), from)
        };
        SETTINGS.iter().map(one).collect()
    }
}
