//! Loads and checks every setting.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::mistakes::one_line;
use super::read::Reader;
use super::settings::{self as table, SETTINGS, SettingForm, Typed, ValueKind};
use super::sources::{Given, Sources};
use super::{Dotenv, Flags, Mistakes, Provenance, SessionStorage, Setting, Signup, mask};
use crate::accounts::SecondFactorPolicy;
use crate::audit::Retention;
use crate::http::{ForwardAuthOptions, PublicUrl};
use crate::mail::{MailOptions, SenderAddress, Transport};
use crate::outbound::Target;
use crate::sessions::{Limit, SessionPolicy, Timeouts};
use crate::store::DatabaseAt;
use crate::telemetry::{self, LogFormat};
use crate::throttle::ThrottleOptions;
use crate::webhook::WebhookOptions;

/// Every setting, parsed and checked.
#[derive(Debug)]
pub struct Config {
    /// Listener, public URL, and trusted proxies and origins.
    pub http: HttpSettings,
    /// Database and session storage.
    pub storage: StorageSettings,
    /// Timeouts of sessions, and how many one user may have.
    pub policy: SessionPolicy,
    /// Sign-up and the password policy.
    pub accounts: AccountSettings,
    /// Limits on attempts.
    pub throttles: ThrottleOptions,
    /// How long audit events are kept.
    pub retention: Retention,
    /// Where audit events are sent; `None` sends none.
    pub webhook: Option<WebhookOptions>,
    /// Where mail to people goes; `None` sends none.
    pub mail: Option<MailOptions>,
    /// How long an access token is valid, a minute to an hour; `None` for no tokens at all.
    pub access_token_lifetime: Option<Duration>,
    /// Log level and format.
    pub logging: Logging,
    /// Address of the metrics listener; `None` for no listener.
    pub metrics_listen: Option<SocketAddr>,
    /// Each value with its source, in the order of [`SETTINGS`].
    pub(super) effective: Vec<Effective>,
    /// Variables that look injected by an orchestrator, with a value that none would inject.
    pub(super) ignored: Vec<String>,
}

/// Listener, public URL, and trusted proxies and origins.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The URL under which browsers reach the server.
    pub public_url: PublicUrl,
    /// Peers whose `X-Forwarded-*` headers are read.
    pub trusted_proxies: Vec<IpNet>,
    /// Other origins that may call the API with cookies.
    pub trusted_origins: Vec<String>,
    /// The proxy that asks for session checks, and the headers it is given.
    pub forward_auth: ForwardAuthOptions,
    /// Maximum of open connections, at least 1.
    pub max_connections: usize,
    /// Maximum of open connections per network, at least 1.
    pub max_connections_per_network: usize,
}

/// Database and session storage.
#[derive(Clone, Debug)]
pub struct StorageSettings {
    /// The database of accounts and the audit trail.
    pub database: DatabaseAt,
    /// The key file, relative to the folder of a `SQLite` file.
    pub key_file: PathBuf,
    /// Where sessions are stored.
    pub sessions: SessionStorage,
    /// Whether live sessions are cached in memory.
    pub cache: bool,
    /// Maximum of connections to a `PostgreSQL` server, at least 1.
    pub database_connections: u32,
    /// How long a start waits for a store that does not answer; `None` does not wait.
    pub store_wait: Option<Duration>,
}

/// Sign-up and the password policy.
#[derive(Clone, Copy, Debug)]
pub struct AccountSettings {
    /// Whether people may create their own account.
    pub signup: Signup,
    /// Minimum length of a new password in code points, 8 to 128.
    pub password_min_length: usize,
    /// Whether people may sign in with passkeys.
    pub passkeys: bool,
    /// Who must have a second factor.
    pub second_factor: SecondFactorPolicy,
}

/// Log level and format.
#[derive(Clone, Debug)]
pub struct Logging {
    /// Directives for [`crate::telemetry::start`].
    pub log: String,
    /// Format of a log line.
    pub format: LogFormat,
    /// Whether audit events are written to stdout.
    pub audit_on_stdout: bool,
    /// Where traces are sent; `None` sends none.
    pub collector: Option<Target>,
}

/// A value with secrets masked, and its source.
#[derive(Debug)]
pub(super) struct Effective {
    pub(super) setting: &'static Setting,
    pub(super) text: String,
    pub(super) from: Provenance,
}

impl Effective {
    pub(super) fn new(setting: &'static Setting, text: &str, from: Provenance) -> Self {
        let text = match setting.kind {
            ValueKind::Secret => mask(text),
            ValueKind::Hidden if text.is_empty() => String::new(),
            ValueKind::Hidden => "***".to_owned(),
            ValueKind::Plain | ValueKind::List => one_line(text),
        };
        Self { setting, text, from }
    }
}

impl Config {
    /// Resolves every setting: flags first, then the environment, then `.env`, then the default.
    ///
    /// # Errors
    /// All mistakes at once. An unknown name that begins with `ANTEROOM_` is a mistake, unless
    /// orchestrators inject it for neighbouring services (`ANTEROOM_REDIS_SERVICE_HOST`,
    /// `ANTEROOM_PORT`).
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

    /// The name of the session cookie.
    #[must_use]
    pub fn cookie_name(&self) -> &'static str {
        if self.http.public_url.is_https() { "__Host-anteroom" } else { "anteroom" }
    }

    /// Whether `PUBLIC_URL` is set. If not, and `LISTEN` has port 0, the URL is known only after
    /// binding.
    #[must_use]
    pub fn has_public_url(&self) -> bool {
        let set = |one: &Effective| one.from != Provenance::Default;
        self.effective.iter().any(|one| one.setting.name == "PUBLIC_URL" && set(one))
    }
}

impl Reader {
    /// Reads every setting before it fails, so that no mistake hides another.
    fn config(&mut self) -> Option<Config> {
        let http = self.http();
        let storage = self.storage();
        let policy = self.policy();
        let accounts = self.accounts();
        let throttles = self.throttles();
        let retention = self.retention();
        let webhook = self.webhook();
        let mail = self.mail();
        let access_token_lifetime = self.access_token_lifetime();
        let metrics_listen = self.read(&table::METRICS_LISTEN);
        let logging = self.logging();
        Some(Config {
            http: http?,
            storage: storage?,
            policy: policy?,
            accounts: accounts?,
            throttles: throttles?,
            retention: retention?,
            webhook,
            mail,
            access_token_lifetime,
            logging: logging?,
            metrics_listen: metrics_listen?,
            effective: self.effective(),
            ignored: std::mem::take(&mut self.sources.ignored),
        })
    }

    fn http(&mut self) -> Option<HttpSettings> {
        let listen = self.read(&table::LISTEN);
        let public_url = self.public_url(listen);
        let trusted_proxies = self.read(&table::TRUSTED_PROXIES);
        let trusted_origins = self.read(&table::TRUSTED_ORIGINS);
        let forward_auth = self.forward_auth(public_url.as_ref());
        let max_connections = self.read(&table::MAX_CONNECTIONS);
        let max_connections_per_network = self.read(&table::MAX_CONNECTIONS_PER_NETWORK);
        Some(HttpSettings {
            listen: listen?,
            public_url: public_url?,
            trusted_proxies: trusted_proxies?,
            trusted_origins: trusted_origins?,
            forward_auth: forward_auth?,
            max_connections: max_connections?,
            max_connections_per_network: max_connections_per_network?,
        })
    }

    /// The default URL has the port of `LISTEN`.
    fn public_url(&mut self, listen: Option<SocketAddr>) -> Option<PublicUrl> {
        let setting = table::PUBLIC_URL.setting;
        let port = listen.map(|listen| listen.port()).filter(|port| *port != 0);
        if let (Provenance::Default, Some(port)) = (self.sources.effective(setting).from, port) {
            let text = format!("http://localhost:{port}").into();
            self.sources.set(
                setting,
                SettingForm::Value,
                Given { text, from: Provenance::Default },
            );
        }
        self.read(&table::PUBLIC_URL)
    }

    fn storage(&mut self) -> Option<StorageSettings> {
        let database = self.read(&table::DATABASE);
        let key_file = self.read(&table::KEY_FILE);
        let mut sessions = self.read(&table::SESSIONS);
        let cache = self.read(&table::CACHE);
        let memory_limit = self.read(&table::MEMORY_LIMIT);
        let database_connections = self.read(&table::DATABASE_CONNECTIONS);
        let store_wait = self.read(&table::STORE_WAIT);
        if let (Some(SessionStorage::Memory { limit }), Some(set)) = (&mut sessions, memory_limit) {
            *limit = set;
        }
        memory_limit?;
        Some(StorageSettings {
            database: database?,
            key_file: key_file?,
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

    fn accounts(&mut self) -> Option<AccountSettings> {
        let signup = self.read(&table::SIGNUP);
        let password_min_length = self.read(&table::PASSWORD_MIN_LENGTH);
        let passkeys = self.read(&table::PASSKEYS);
        let second_factor = self.read(&table::SECOND_FACTOR);
        Some(AccountSettings {
            signup: signup?,
            password_min_length: password_min_length?,
            passkeys: passkeys?,
            second_factor: second_factor?,
        })
    }

    /// Also `None` after a mistake, which is recorded.
    fn access_token_lifetime(&mut self) -> Option<Duration> {
        let are_on = self.read(&table::TOKENS);
        let lifetime = self.read(&table::ACCESS_TOKEN_LIFETIME);
        lifetime.filter(|_| are_on == Some(true))
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

    /// Also `None` after a mistake, which is recorded.
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

    /// Also `None` after a mistake, which is recorded.
    fn mail(&mut self) -> Option<MailOptions> {
        let transport = self.read(&table::MAIL);
        let from = self.read(&table::MAIL_FROM);
        let is_required = self.read(&table::EMAIL_VERIFICATION);
        let (transport, from, verification_is_required) = (transport?, from?, is_required?);
        let Some(transport) = transport else {
            if verification_is_required {
                let what = "needs mail; set ANTEROOM_MAIL, or write optional";
                self.mistake(table::EMAIL_VERIFICATION.setting, what);
            }
            return None;
        };
        if from.is_none() && matches!(transport, Transport::Smtp(_)) {
            let what = "is none, but ANTEROOM_MAIL names a mail server; write the sender, for \
                        example 'Example <no-reply@example.org>'";
            self.mistake(table::MAIL_FROM.setting, what);
        }
        if matches!(transport, Transport::Log)
            && let Some(log) = self.read(&table::LOG)
            && !telemetry::shows_mail(&log)
        {
            let what = "hides the messages that ANTEROOM_MAIL=log writes to the log; add \
                        anteroom::mail::log=info, or name a mail server";
            self.mistake(table::LOG.setting, what);
        }
        let from = from.unwrap_or_else(SenderAddress::of_log);
        Some(MailOptions { transport, from, verification_is_required })
    }

    fn logging(&mut self) -> Option<Logging> {
        let log = self.read(&table::LOG);
        let format = self.read(&table::LOG_FORMAT);
        let audit_on_stdout = self.read(&table::AUDIT_LOG);
        let collector = self.read(&table::OTLP_ENDPOINT)?;
        Some(Logging { log: log?, format: format?, audit_on_stdout: audit_on_stdout?, collector })
    }

    fn effective(&self) -> Vec<Effective> {
        let one = |setting: &&'static Setting| {
            let Given { text, from } = self.sources.effective(setting);
            Effective::new(setting, &text.to_string_lossy(), from)
        };
        SETTINGS.iter().map(one).collect()
    }
}
