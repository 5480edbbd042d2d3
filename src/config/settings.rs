//! Every setting, declared once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use ipnet::IpNet;

use super::sources::Form;
use super::values::{self, SessionStorage, Signup};
use super::{duration, read::Typed};
use crate::audit::Kind as Event;
use crate::http::PublicUrl;
use crate::sessions::LimitPolicy;
use crate::store::DatabaseAt;
use crate::telemetry::LogFormat;
use crate::throttle::Rate;
use crate::webhook::{Secrets, Target};

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
    pub group: Group,
    /// Whether its value is secret, and whether it may be empty.
    pub kind: Kind,
}

/// The headings, in the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
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
}

impl Group {
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
        }
    }
}

/// Whether a value is secret, and whether it may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Not secret, not empty.
    Plain,
    /// May contain a password, which is masked.
    Secret,
    /// A secret as a whole, which is masked; empty means none.
    Hidden,
    /// Entries separated by commas; empty means none.
    List,
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
        matches!(self.kind, Kind::Secret | Kind::Hidden)
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
    pub(super) fn of_variable(variable: &str) -> Option<(&'static Self, Form)> {
        SETTINGS.iter().copied().find_map(|setting| match variable {
            _ if setting.variable() == variable => Some((setting, Form::Value)),
            _ if setting.is_secret() && setting.file_variable() == variable => {
                Some((setting, Form::File))
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
                group: Group::$group,
                kind: Kind::$kind,
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
        "The URL under which browsers reach it; by default with the port of LISTEN. Decides the \
         name of the cookie and whether it is Secure, the Origin and Host that are let in, and \
         every absolute link. http only for a loopback host.";

    DATABASE: DatabaseAt = "sqlite:anteroom.db", Storage, Secret, values::database,
        "Where accounts and the audit trail are kept: sqlite:PATH, the path relative to the \
         working directory, or postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full.";
    SESSIONS: SessionStorage = "database", Storage, Secret, values::sessions,
        "Where sessions are kept: database (the same as the accounts), memory: (gone at a restart), \
         or Redis 7 or Valkey, which several servers may share: redis://USER:PASSWORD@HOST:PORT, \
         rediss:// for TLS, or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE. See docs/redis.md.";
    CACHE: bool = "on", Storage, Plain, values::on_or_off,
        "Whether sessions in use are kept in memory too, under leases that no revoke escapes; off \
         asks the store at every request.";
    MEMORY_LIMIT: usize = "1000000", Storage, Plain, values::memory_limit,
        "How many sessions memory: keeps. At the limit anonymous ones go first, then new \
         sign-ins are turned away; a signed-in session is never dropped.";

    DATABASE_CONNECTIONS: u32 = "16", Storage, Plain, values::database_connections,
        "How many connections to PostgreSQL one server uses at most; one more is used to hear of \
         changes. Fewer where the servers together would take more than max_connections allows.";
    STORE_WAIT: Option<Duration> = "1m", Storage, Plain, values::duration_or_off,
        "How long a start waits for a database or a Redis that does not answer yet, or off. \
         A wrong password and the like end the start at once.";

    IDLE_TIMEOUT: Duration = "1h", Sessions, Plain, duration::parse,
        "Ends a session without \"remember me\" this long after its last request. Durations are \
         a number and s, m, h, d or w.";
    ABSOLUTE_TIMEOUT: Duration = "24h", Sessions, Plain, duration::parse,
        "Ends a session without \"remember me\" this long after sign-in, however busy it is.";
    REMEMBER_IDLE_TIMEOUT: Duration = "14d", Sessions, Plain, duration::parse,
        "Ends a session with \"remember me\" this long after its last request.";
    REMEMBER_ABSOLUTE_TIMEOUT: Duration = "30d", Sessions, Plain, duration::parse,
        "Ends a session with \"remember me\" this long after sign-in.";
    ADMIN_IDLE_TIMEOUT: Duration = "15m", Sessions, Plain, duration::parse,
        "Ends a session of an administrator this long after its last request, whatever was \
         ticked.";
    ADMIN_ABSOLUTE_TIMEOUT: Duration = "12h", Sessions, Plain, duration::parse,
        "Ends a session of an administrator this long after sign-in.";
    SESSION_LIMIT: u32 = "20", Sessions, Plain, values::session_limit,
        "How many live sessions a user may have.";
    SESSION_LIMIT_POLICY: LimitPolicy = "evict-idle", Sessions, Plain, values::limit_policy,
        "What a sign-in beyond that does: evict-idle ends the session that was used least \
         recently, evict-oldest the one that started first, refuse turns the sign-in away.";

    SIGNUP: Signup = "open", Accounts, Plain, values::signup,
        "Whether people may make their own account: open or closed.";
    PASSWORD_MIN_LENGTH: usize = "15", Accounts, Plain, values::password_min_length,
        "How many characters a new password has at least, 8 to 128. Existing passwords go on \
         working.";

    THROTTLE_ACCOUNT: Option<Rate> = "10/10m", Limits, Plain, values::throttle,
        "Wrong passwords let through for an account from one network and time, or off: so many at \
         once, then one each time its part of the time has passed. In a day five times as many, \
         and ten times as many from all networks from which the owner has not signed in lately.";
    THROTTLE_NETWORK: Option<Rate> = "30/10m", Limits, Plain, values::throttle,
        "Wrong passwords let through per network (an IPv4 address, an IPv6 /64) and time, whatever \
         the account, or off; ten times as many per IPv6 /48.";
    THROTTLE_SIGNUP: Option<Rate> = "20/1h", Limits, Plain, values::throttle,
        "Sign-ups let through per network and time, or off: accounts made, and addresses found to \
         be taken. Ten times as many per IPv6 /48.";
    MAX_CONNECTIONS: usize = "4096", Limits, Plain, values::connections,
        "How many connections may be open at once. Past it idle ones are closed, and where none is \
         idle new ones get 503.";
    MAX_CONNECTIONS_PER_NETWORK: usize = "256", Limits, Plain, values::connections,
        "How many of them one network (an IPv4 address, an IPv6 /64) may have; trusted proxies have \
         no cap of their own.";

    TRUSTED_PROXIES: Vec<IpNet> = "", Trust, List, values::networks,
        "Addresses and networks of the proxies in front, between commas, for example \
         10.0.0.0/8,fd00::1. X-Forwarded-For, -Proto and -Host are read from these alone.";
    TRUSTED_ORIGINS: Vec<String> = "", Trust, List, values::origins,
        "Origins of the same site that may call the API with cookies, between commas, for example \
         https://app.example.org.";

    AUDIT_RETENTION: Option<Duration> = "365d", Retention, Plain, values::retention,
        "For how long the audit trail is kept, at least 1d, or off: for ever.";
    ADDRESS_RETENTION: Option<Duration> = "30d", Retention, Plain, values::retention,
        "After this time the network addresses in it are shortened, IPv4 to /24 and IPv6 to /48; at \
         least 1d, or off. See docs/privacy.md.";

    METRICS_LISTEN: Option<SocketAddr> = "off", Observation, Plain, values::address_or_off,
        "IP address and port for metrics in a text form that Prometheus reads, or off. Nobody is \
         asked for a password there: keep it to loopback or a private network.";
    LOG: String = "info", Observation, Plain, values::log,
        "What is logged to stderr: error, warn, info, debug, trace or off, also per part, for \
         example info,anteroom::http=debug.";
    LOG_FORMAT: LogFormat = "text", Observation, Plain, values::log_format,
        "text or json, one line per event.";
    AUDIT_LOG: bool = "off", Observation, Plain, values::stdout_or_off,
        "Whether each event of the audit trail is written to stdout as one line of JSON, with the \
         fields of GET /api/admin/audit: stdout or off. Nothing else is on stdout then.";

    WEBHOOK_URL: Option<Target> = "off", Webhook, Secret, values::webhook_url,
        "Where events of the audit trail are sent as signed requests, or off: an https URL, or http \
         to this machine, a private address or a host name without a dot. See docs/webhook.md.";
    WEBHOOK_SECRET: Option<Secrets> = "", Webhook, Hidden, values::webhook_secret,
        "What those requests are signed with: at least 32 characters without blanks or commas, for \
         example what `openssl rand -base64 32` prints. While you change it, the new one and the old \
         one with a comma in between.";
    WEBHOOK_EVENTS: BTreeSet<Event> = "all", Webhook, Plain, values::webhook_events,
        "Which kinds of events are sent, between commas, for example login_failed,account_deleted, \
         or all.";
}
