//! Every setting, declared once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use ipnet::IpNet;

use super::values::{self, SessionStorage, Signup};
use crate::accounts::SecondFactorPolicy;
use crate::audit::Kind as Event;
use crate::duration;
use crate::http::{ForwardAuthProxy, IdentityHeaders, PublicUrl};
use crate::mail::{SenderAddress, Transport};
use crate::outbound::Target;
use crate::sessions::LimitPolicy;
use crate::store::DatabaseAt;
use crate::telemetry::LogFormat;
use crate::throttle::Rate;
use crate::webhook::Secrets;

/// Prefix of every variable.
pub(super) const PREFIX: &str = "ANTEROOM_";

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// The name without prefix, for example `IDLE_TIMEOUT`.
    pub name: &'static str,
    /// The default, as an operator writes it.
    pub default: &'static str,
    /// Its documentation, in sentences for operators.
    pub meaning: &'static str,
    /// The heading under which it is listed.
    pub group: SettingGroup,
    /// Whether its value is secret, and whether it may be empty.
    pub kind: ValueKind,
}

/// The headings, in the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SettingGroup {
    /// Listener and public URL.
    Address,
    /// Database and session storage.
    Storage,
    /// Timeouts and limits of sessions.
    Sessions,
    /// Sign-up and the password policy.
    Accounts,
    /// Limits on attempts and connections.
    Limits,
    /// Proxies and other origins.
    Trust,
    /// Retention of the audit trail.
    Retention,
    /// Metrics and logs.
    Observation,
    /// Delivery of audit events.
    Webhook,
    /// Mail to people.
    Mail,
    /// Access tokens for other programs.
    Tokens,
}

impl SettingGroup {
    /// The heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Address => "Address",
            Self::Storage => "Storage",
            Self::Sessions => "Sessions",
            Self::Accounts => "Accounts",
            Self::Limits => "Limits",
            Self::Trust => "Proxies and other origins",
            Self::Retention => "Retention",
            Self::Observation => "Metrics and logs",
            Self::Webhook => "Webhook",
            Self::Mail => "Mail",
            Self::Tokens => "Tokens",
        }
    }
}

/// Whether a value is secret, and whether it may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// Not secret, not empty.
    Plain,
    /// May contain a password, which is masked.
    Secret,
    /// A secret as a whole, which is masked; empty means none.
    Hidden,
    /// Entries separated by commas; empty means none.
    List,
}

/// Whether a setting is given by value or by file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingForm {
    /// Its value.
    Value,
    /// The path of a file that holds its value, for secrets.
    File,
}

/// A setting with the parser of its values.
pub(super) struct Typed<T> {
    pub(super) setting: &'static Setting,
    /// The typed value, or one sentence that says what to write instead.
    pub(super) parse: fn(&str) -> Result<T, String>,
}

struct Spelling {
    flag: String,
    variable: String,
    file_flag: String,
    file_variable: String,
}

static SPELLINGS: LazyLock<BTreeMap<&'static str, Spelling>> = LazyLock::new(|| {
    let spell = |setting: &&'static Setting| {
        let flag = setting.name.to_ascii_lowercase().replace('_', "-");
        let variable = format!("{PREFIX}{}", setting.name);
        let (file_flag, file_variable) = (format!("{flag}-file"), format!("{variable}_FILE"));
        (setting.name, Spelling { flag, variable, file_flag, file_variable })
    };
    SETTINGS.iter().map(spell).collect()
});

impl Setting {
    /// The name of the flag without its dashes, for example `idle-timeout`.
    #[must_use]
    pub fn flag(&self) -> &'static str {
        SPELLINGS.get(self.name).map_or("", |spelling| &spelling.flag)
    }

    /// The variable of the environment and the key in `.env`, for example
    /// `ANTEROOM_IDLE_TIMEOUT`.
    #[must_use]
    pub fn variable(&self) -> &'static str {
        SPELLINGS.get(self.name).map_or("", |spelling| &spelling.variable)
    }

    /// Whether its value may hold a secret, so that a file may hold the value.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self.kind, ValueKind::Secret | ValueKind::Hidden)
    }

    /// Like [`Setting::flag`], for the path of the file that holds a secret, for example
    /// `database-file`.
    #[must_use]
    pub fn file_flag(&self) -> &'static str {
        SPELLINGS.get(self.name).map_or("", |spelling| &spelling.file_flag)
    }

    /// Like [`Setting::variable`], for the path of the file that holds a secret, for example
    /// `ANTEROOM_DATABASE_FILE`.
    #[must_use]
    pub fn file_variable(&self) -> &'static str {
        SPELLINGS.get(self.name).map_or("", |spelling| &spelling.file_variable)
    }

    /// The setting of this variable, and whether the variable is its value or a path.
    pub(super) fn of_variable(variable: &str) -> Option<(&'static Self, SettingForm)> {
        SETTINGS.iter().copied().find_map(|setting| match variable {
            _ if setting.variable() == variable => Some((setting, SettingForm::Value)),
            _ if setting.is_secret() && setting.file_variable() == variable => {
                Some((setting, SettingForm::File))
            }
            _ => None,
        })
    }
}

/// Each line makes a typed constant and an entry of [`SETTINGS`]. The compiler warns of a setting that
/// no code reads.
macro_rules! settings {
    ($($name:ident: $type:ty = $default:literal, $group:ident, $kind:ident, $parse:expr,
       $meaning:literal;)*) => {
        $(pub(super) const $name: Typed<$type> = Typed {
            setting: &Setting {
                name: stringify!($name),
                default: $default,
                meaning: $meaning,
                group: SettingGroup::$group,
                kind: ValueKind::$kind,
            },
            parse: $parse,
        };)*

        /// Every setting, in the order in which they are listed.
        pub static SETTINGS: &[&Setting] = &[$($name.setting),*];
    };
}

settings! {
    LISTEN: SocketAddr = "127.0.0.1:8080", Address, Plain, values::address,
        "IP address and port to listen on.";
    PUBLIC_URL: PublicUrl = "http://localhost:8080", Address, Plain, PublicUrl::parse,
        "The URL under which browsers reach the server; by default with the port of LISTEN. It sets \
         the name of the cookie, its Secure attribute, the accepted Origin and Host, and absolute \
         links. http only for a loopback host.";

    DATABASE: DatabaseAt = "sqlite:anteroom.db", Storage, Secret, values::database,
        "Database of accounts and the audit trail: sqlite:PATH, the path relative to the \
         working directory, or postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full.";
    KEY_FILE: PathBuf = "anteroom.key", Storage, Plain, values::path,
        "Path of the key file, relative to the folder of the SQLite file, or to the working directory \
         with PostgreSQL. Its key encrypts what the server must be able to read again. With SQLite it \
         is created at the first start; with PostgreSQL `anteroom key create` makes one. Keep a copy \
         apart from the backups of the database.";
    SESSIONS: SessionStorage = "database", Storage, Secret, values::sessions,
        "Store of the sessions: database (the same as the accounts), memory: (lost at a restart), or \
         Redis 7 or Valkey, which several servers may share: redis://USER:PASSWORD@HOST:PORT, \
         rediss:// for TLS, or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE. See \
         docs/deploy/redis.md.";
    CACHE: bool = "on", Storage, Plain, values::on_or_off,
        "Whether checks are answered from memory, under leases that every revoke waits for; off reads \
         the store at every request.";
    MEMORY_LIMIT: usize = "1000000", Storage, Plain, values::memory_limit,
        "Maximum number of sessions in memory:. At the limit anonymous ones are dropped first, then new \
         sign-ins are refused; a signed-in session is never dropped.";

    DATABASE_CONNECTIONS: u32 = "16", Storage, Plain, values::database_connections,
        "Maximum number of connections of one server to PostgreSQL, plus one that receives changes. \
         All servers together must stay below max_connections.";
    STORE_WAIT: Option<Duration> = "1m", Storage, Plain, values::duration_or_off,
        "How long a start waits for a database or a Redis that does not answer yet, or off. A wrong \
         password and similar errors end the start at once.";

    IDLE_TIMEOUT: Duration = "1h", Sessions, Plain, duration::parse,
        "Ends a session without \"remember me\" this long after its last request. Durations are \
         a number and s, m, h, d or w.";
    ABSOLUTE_TIMEOUT: Duration = "24h", Sessions, Plain, duration::parse,
        "Ends a session without \"remember me\" this long after sign-in, even while it is in use.";
    REMEMBER_IDLE_TIMEOUT: Duration = "14d", Sessions, Plain, duration::parse,
        "Ends a session with \"remember me\" this long after its last request.";
    REMEMBER_ABSOLUTE_TIMEOUT: Duration = "30d", Sessions, Plain, duration::parse,
        "Ends a session with \"remember me\" this long after sign-in.";
    ADMIN_IDLE_TIMEOUT: Duration = "15m", Sessions, Plain, duration::parse,
        "Ends a session of an administrator this long after its last request, also with \"remember \
         me\".";
    ADMIN_ABSOLUTE_TIMEOUT: Duration = "12h", Sessions, Plain, duration::parse,
        "Ends a session of an administrator this long after sign-in.";
    SESSION_LIMIT: u32 = "20", Sessions, Plain, values::session_limit,
        "Maximum number of live sessions of a user.";
    SESSION_LIMIT_POLICY: LimitPolicy = "evict-idle", Sessions, Plain, values::limit_policy,
        "Effect of a sign-in beyond that limit: evict-idle ends the least recently used session, \
         evict-oldest the one that started first, refuse rejects the sign-in.";

    SIGNUP: Signup = "open", Accounts, Plain, values::signup,
        "Whether people may create their own account: open or closed.";
    PASSWORD_MIN_LENGTH: usize = "15", Accounts, Plain, values::password_min_length,
        "Minimum length of a new password in characters, 8 to 128. Existing passwords still work.";
    SECOND_FACTOR: SecondFactorPolicy = "optional", Accounts, Plain, values::second_factor,
        "Who must have a second factor: optional (nobody), administrators or required (everybody). \
         Accounts without one set it up at their next sign-in; their earlier sessions end.";
    PASSKEYS: bool = "on", Accounts, Plain, values::on_or_off,
        "Whether people may sign in with passkeys: on or off. Browsers accept them where the host of \
         ANTEROOM_PUBLIC_URL is a name. After a change of that host, earlier passkeys no longer work.";

    THROTTLE_ACCOUNT: Option<Rate> = "10/10m", Limits, Plain, values::throttle,
        "Wrong passwords allowed for an account from one network, as COUNT/DURATION, or off. COUNT are \
         allowed at once, then one for each DURATION/COUNT. A day allows five times as many, and \
         ten times as many from all networks without a recent sign-in of the owner.";
    THROTTLE_NETWORK: Option<Rate> = "30/10m", Limits, Plain, values::throttle,
        "Wrong passwords allowed per network (an IPv4 address, an IPv6 /64) for all accounts, or off; \
         ten times as many per IPv6 /48.";
    THROTTLE_SIGNUP: Option<Rate> = "20/1h", Limits, Plain, values::throttle,
        "Sign-ups allowed per network, or off: created accounts, and addresses found to be taken. Ten \
         times as many per IPv6 /48.";
    MAX_CONNECTIONS: usize = "4096", Limits, Plain, values::connections,
        "Maximum number of open connections. Beyond it the longest idle one is closed; if none is idle, \
         the new one gets 503.";
    MAX_CONNECTIONS_PER_NETWORK: usize = "256", Limits, Plain, values::connections,
        "Maximum number of open connections of one network (an IPv4 address, an IPv6 /64). Trusted \
         proxies are exempt.";

    TRUSTED_PROXIES: Vec<IpNet> = "", Trust, List, values::networks,
        "Addresses and networks of trusted proxies, separated by commas, for example \
         10.0.0.0/8,fd00::1. Only their X-Forwarded-For, -Proto and -Host headers count.";
    TRUSTED_ORIGINS: Vec<String> = "", Trust, List, values::origins,
        "Origins of the same site that may call the API with cookies, separated by commas, for example \
         https://app.example.org.";

    APPLICATIONS: Vec<PublicUrl> = "", Trust, List, values::applications,
        "Origins of applications on other hosts that this server guards, separated by commas, for \
         example https://wiki.example.org. They need https, as PUBLIC_URL does then, and a host \
         each. One sign-in counts for all. See docs/protect/several-applications.md.";
    FORWARD_AUTH: Option<ForwardAuthProxy> = "none", Trust, Plain, values::forward_auth,
        "The proxy that asks /auth/verify about requests to an application: nginx, haproxy, caddy, \
         traefik or none. It decides which headers tell the original request; they count only from \
         TRUSTED_PROXIES. See docs/protect.";
    IDENTITY_HEADERS: IdentityHeaders = "remote", Trust, Plain, values::identity_headers,
        "Headers with the user in answers of /auth/verify: remote (Remote-User), x-auth-request \
         (X-Auth-Request-User) or x-forwarded (X-Forwarded-User).";

    RULES: Option<PathBuf> = "none", Trust, Plain, values::path_or_none,
        "Path of a file of rules: which users may send which requests to an application, or none for \
         all signed-in users. SIGHUP reloads the file. See docs/protect/rules.md.";

    AUDIT_RETENTION: Option<Duration> = "365d", Retention, Plain, values::retention,
        "How long audit events are kept, at least 1d, or off to keep them without a limit.";
    ADDRESS_RETENTION: Option<Duration> = "30d", Retention, Plain, values::retention,
        "After this time network addresses in audit events are shortened, IPv4 to /24 and IPv6 to /48; at \
         least 1d, or off. See docs/operate/privacy.md.";

    METRICS_LISTEN: Option<SocketAddr> = "off", Observation, Plain, values::address_or_off,
        "IP address and port for metrics in the Prometheus text format, or off. There is no password: \
         use loopback or a private network.";
    LOG: String = "info", Observation, Plain, values::log,
        "Log level on stderr: error, warn, info, debug, trace or off, also per module, for example \
         info,anteroom::http=debug.";
    LOG_FORMAT: LogFormat = "text", Observation, Plain, values::log_format,
        "text or json, one line per event.";
    AUDIT_LOG: bool = "off", Observation, Plain, values::stdout_or_off,
        "Whether each event of the audit trail is written to stdout as one line of JSON, with the \
         fields of GET /api/admin/audit: stdout or off. Nothing else is on stdout then.";

    OTLP_ENDPOINT: Option<Target> = "off", Observation, Secret, values::collector,
        "URL of an OpenTelemetry collector that gets traces by OTLP over HTTP, for example \
         http://localhost:4318, or off. /v1/traces is appended. Needs a build with the feature otlp. \
         See docs/operate/monitor.md.";

    WEBHOOK_URL: Option<Target> = "off", Webhook, Secret, values::webhook_url,
        "URL that receives audit events as signed requests, or off: an https URL, or http to this \
         machine, a private address or a host name without a dot. See docs/integrate/webhook.md.";
    WEBHOOK_SECRET: Option<Secrets> = "", Webhook, Hidden, values::webhook_secret,
        "Secret that signs those requests: at least 32 characters without spaces or commas, for example \
         the output of `openssl rand -base64 32`. During a rotation, the new and the old secret \
         separated by a comma.";
    WEBHOOK_EVENTS: BTreeSet<Event> = "all", Webhook, Plain, values::webhook_events,
        "Event kinds that are sent, separated by commas, for example login_failed,account_deleted, \
         or all.";

    MAIL: Option<Transport> = "off", Mail, Secret, values::mail,
        "Mail server: smtp://USER:PASSWORD@HOST:587 (with STARTTLS), smtps://USER:PASSWORD@HOST:465, \
         smtp://127.0.0.1:1025?tls=off within this machine, log (each message goes to the log, for \
         development), or off. See docs/operate/mail.md.";
    MAIL_FROM: Option<SenderAddress> = "none", Mail, Plain, values::mail_from,
        "Sender of mail, for example 'Example <no-reply@example.org>'. Required with a mail server.";
    EMAIL_VERIFICATION: bool = "optional", Mail, Plain, values::email_verification,
        "Whether people have to confirm their email address before they can sign in: optional or \
         required, which needs MAIL.";

    TOKENS: bool = "on", Tokens, Plain, values::on_or_off,
        "Whether other programs get access tokens that show a session: on or off. There are none before \
         the first `anteroom client add`. See docs/tokens.md.";
    ACCESS_TOKEN_LIFETIME: Duration = "5m", Tokens, Plain, values::access_token_lifetime,
        "How long an access token is valid, 1m to 1h, if its session does not end before. A program that \
         verifies it without asking this server accepts it until then.";
}
