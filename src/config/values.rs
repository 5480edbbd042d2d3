//! Parsers of setting values. Each returns the typed value, or one sentence that says what to write
//! instead.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;

use super::mask;
use crate::accounts::SecondFactorPolicy;
use crate::audit::{Kind as Event, Retention};
use crate::duration;
use crate::http::{ForwardAuthProxy, IdentityHeaders, PublicUrl};
use crate::mail::{SenderAddress, Transport};
use crate::outbound::Target;
use crate::sessions::LimitPolicy;
use crate::store::DatabaseAt;
use crate::telemetry::{self, LogFormat, Traces};
use crate::throttle::Rate;
use crate::webhook::Secrets;

/// Where sessions are stored.
#[derive(Clone, Debug)]
pub enum SessionStorage {
    /// In the same database as the accounts. Sessions survive a restart.
    Database,
    /// In the memory of this process. Sessions end with the process.
    Memory {
        /// The most sessions that are kept. At the limit anonymous sessions are dropped first, then
        /// new sign-ins get 503.
        limit: usize,
    },
    /// In a Redis 7 or Valkey server, which several servers may share.
    Redis {
        /// `redis://`, `rediss://` or `redis+sentinel://`, with user and password.
        url: SecretString,
    },
}

/// Whether people may make their own accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signup {
    /// Everyone may sign up.
    Open,
    /// Only administrators create accounts.
    Closed,
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "write an IP address and a port, for example 127.0.0.1:8080 or [::]:8080".into()
    })
}

pub(super) fn address_or_off(text: &str) -> Result<Option<SocketAddr>, String> {
    match text {
        "off" => Ok(None),
        text => address(text).map(Some).map_err(|_| {
            "write off, or an IP address and a port, for example 127.0.0.1:9090".into()
        }),
    }
}

pub(super) fn path_or_none(text: &str) -> Result<Option<PathBuf>, String> {
    match text {
        "none" => Ok(None),
        text if text.contains(char::is_control) => Err("write the path of a file, or none".into()),
        text => Ok(Some(text.into())),
    }
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    if text.contains(char::is_control) {
        Err("write the path of a file".into())
    } else {
        Ok(text.into())
    }
}

pub(super) fn database(text: &str) -> Result<DatabaseAt, String> {
    let form = || {
        "write sqlite:PATH, for example sqlite:/var/lib/anteroom/anteroom.db, or \
         postgres://USER:PASSWORD@HOST/DATABASE"
            .to_owned()
    };
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(DatabaseAt::Postgres(server_url(text)?));
    }
    let path = text.strip_prefix("sqlite:").ok_or_else(form)?;
    if path.starts_with("//") {
        return Err(format!("leave out the slashes after sqlite: ; {}", form()));
    }
    if path == ":memory:" {
        return Err(format!("accounts need a file; {}", form()));
    }
    if path.contains('?') {
        return Err(format!("leave out the ? and what follows; {}", form()));
    }
    if path.is_empty() || path.contains(char::is_control) {
        return Err(form());
    }
    Ok(DatabaseAt::Sqlite(path.into()))
}

/// `memory:` has the default of `MEMORY_LIMIT`, which is another setting.
pub(super) fn sessions(text: &str) -> Result<SessionStorage, String> {
    match text {
        "memory:" => Ok(SessionStorage::Memory { limit: 1_000_000 }),
        "database" => Ok(SessionStorage::Database),
        url if url.starts_with("redis://") || url.starts_with("rediss://") => {
            Ok(SessionStorage::Redis { url: server_url(url)? })
        }
        url if url.starts_with("redis+sentinel://") || url.starts_with("rediss+sentinel://") => {
            Ok(SessionStorage::Redis { url: sentinels_url(url)? })
        }
        _ => Err("write database, memory: or redis://HOST:PORT".to_owned()),
    }
}

fn server_url(text: &str) -> Result<SecretString, String> {
    let has_host = url::Url::parse(text).is_ok_and(|url| url.has_host());
    let form = "write a URL with a host; percent-encode special characters of the password";
    kept_as_written(text, has_host, form)
}

/// Several hosts, which no ordinary URL has.
fn sentinels_url(text: &str) -> Result<SecretString, String> {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let hosts = rest.rsplit_once('@').map_or(rest, |(_, hosts)| hosts);
    let has_all = hosts.split_once('/').is_some_and(|(hosts, service)| {
        !service.is_empty() && hosts.split(',').all(|host| !host.is_empty())
    });
    kept_as_written(text, has_all, "write redis+sentinel://HOST:PORT,HOST:PORT/SERVICE")
}

/// Nothing but its password is hidden where it is shown, so nothing may be in it that a terminal
/// obeys.
fn kept_as_written(text: &str, is_one: bool, form: &str) -> Result<SecretString, String> {
    if is_one && !text.contains(char::is_control) { Ok(text.into()) } else { Err(form.into()) }
}

pub(super) fn on_or_off(text: &str) -> Result<bool, String> {
    one_of(text, [("on", true), ("off", false)])
}

pub(super) fn stdout_or_off(text: &str) -> Result<bool, String> {
    one_of(text, [("stdout", true), ("off", false)])
}

pub(super) fn signup(text: &str) -> Result<Signup, String> {
    one_of(text, [("open", Signup::Open), ("closed", Signup::Closed)])
}

pub(super) fn second_factor(text: &str) -> Result<SecondFactorPolicy, String> {
    one_of(text, SecondFactorPolicy::ALL.map(|policy| (policy.as_str(), policy)))
}

pub(super) fn limit_policy(text: &str) -> Result<LimitPolicy, String> {
    let policies = [
        ("evict-idle", LimitPolicy::EvictIdle),
        ("evict-oldest", LimitPolicy::EvictOldest),
        ("refuse", LimitPolicy::Refuse),
    ];
    one_of(text, policies)
}

pub(super) fn forward_auth(text: &str) -> Result<Option<ForwardAuthProxy>, String> {
    let proxies = [
        ("nginx", Some(ForwardAuthProxy::Nginx)),
        ("haproxy", Some(ForwardAuthProxy::Haproxy)),
        ("caddy", Some(ForwardAuthProxy::Caddy)),
        ("traefik", Some(ForwardAuthProxy::Traefik)),
        ("none", None),
    ];
    one_of(text, proxies)
}

pub(super) fn identity_headers(text: &str) -> Result<IdentityHeaders, String> {
    let families = [
        ("remote", IdentityHeaders::Remote),
        ("x-auth-request", IdentityHeaders::XAuthRequest),
        ("x-forwarded", IdentityHeaders::XForwarded),
    ];
    one_of(text, families)
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    one_of(text, [("text", LogFormat::Text), ("json", LogFormat::Json)])
}

fn one_of<T, const N: usize>(text: &str, known: [(&str, T); N]) -> Result<T, String> {
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let form = match &names[..] {
        [all @ .., last] if !all.is_empty() => format!("write {} or {last}", all.join(", ")),
        _ => format!("write {}", names.concat()),
    };
    known.into_iter().find(|(name, _)| *name == text).map(|(_, value)| value).ok_or(form)
}

pub(crate) fn session_limit(text: &str) -> Result<u32, String> {
    number(text, 1, 10_000)
}

/// A session in memory takes some hundred bytes, so that a larger number could never be kept.
pub(crate) fn memory_limit(text: &str) -> Result<usize, String> {
    number(text, 1, 1_000_000_000)
}

/// A limit against mistakes: `max_connections` of a server is usually about 100.
pub(crate) fn database_connections(text: &str) -> Result<u32, String> {
    number(text, 1, 1000)
}

pub(super) fn duration_or_off(text: &str) -> Result<Option<Duration>, String> {
    match text {
        "off" => Ok(None),
        text => duration::parse(text).map(Some).map_err(|form| format!("{form}; or write off")),
    }
}

/// Longer ones than this would turn every phrase away.
pub(crate) fn password_min_length(text: &str) -> Result<usize, String> {
    number(text, 8, 128)
}

pub(super) fn connections(text: &str) -> Result<usize, String> {
    number(text, 1, 1_000_000)
}

fn number<T: TryFrom<u64>>(text: &str, least: u64, most: u64) -> Result<T, String> {
    let form = || format!("write a whole number from {least} to {most}");
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(form());
    }
    let number = text.parse().map_err(|_| form())?;
    if !(least..=most).contains(&number) {
        return Err(form());
    }
    T::try_from(number).map_err(|_| form())
}

pub(super) fn throttle(text: &str) -> Result<Option<Rate>, String> {
    if text == "off" {
        return Ok(None);
    }
    let (count, per) =
        text.split_once('/').ok_or("write COUNT/DURATION, for example 10/10m, or off")?;
    let count = number(count, 1, 1_000_000).map_err(|form| format!("before the slash, {form}"))?;
    let per = duration::parse(per).map_err(|form| format!("after the slash, {form}"))?;
    Ok(Some(Rate { count, per }))
}

/// Ten years at most, which is as long as anybody has to keep such things.
pub(super) fn access_token_lifetime(text: &str) -> Result<Duration, String> {
    let lifetime = duration::parse(text)?;
    if (Duration::from_mins(1)..=Duration::from_hours(1)).contains(&lifetime) {
        Ok(lifetime)
    } else {
        Err("write 1m to 1h".to_owned())
    }
}

pub(super) fn retention(text: &str) -> Result<Option<Duration>, String> {
    if text == "off" {
        return Ok(None);
    }
    let kept = duration::parse_up_to(3660, text)
        .map_err(|form| format!("{form}; or write off to keep it without a limit"))?;
    if kept < Retention::LEAST {
        return Err("write 1d or more, or off to keep it without a limit".to_owned());
    }
    Ok(Some(kept))
}

pub(crate) fn webhook_url(text: &str) -> Result<Option<Target>, String> {
    if text == "off" {
        return Ok(None);
    }
    Target::parse(text).map(Some).map_err(|form| format!("{form}; or write off"))
}

pub(crate) fn collector(text: &str) -> Result<Option<Target>, String> {
    if text == "off" {
        return Ok(None);
    }
    if !Traces::ARE_BUILT_IN {
        return Err(
            "this build sends no traces: build it with `--features otlp`, or write off".to_owned()
        );
    }
    Target::parse(text).map(Some).map_err(|form| format!("{form}; or write off"))
}

pub(crate) fn webhook_secret(text: &str) -> Result<Option<Secrets>, String> {
    if text.is_empty() { Ok(None) } else { Secrets::parse(text).map(Some) }
}

pub(super) fn mail(text: &str) -> Result<Option<Transport>, String> {
    Transport::parse(text)
}

pub(super) fn mail_from(text: &str) -> Result<Option<SenderAddress>, String> {
    if text == "none" { Ok(None) } else { SenderAddress::parse(text).map(Some) }
}

pub(super) fn email_verification(text: &str) -> Result<bool, String> {
    one_of(text, [("optional", false), ("required", true)])
}

pub(super) fn webhook_events(text: &str) -> Result<BTreeSet<Event>, String> {
    if text == "all" {
        return Ok(Event::ALL.into());
    }
    let known = |word: &str| {
        Event::parse(word).ok_or_else(|| {
            let words: Vec<&str> = Event::ALL.into_iter().map(Event::as_str).collect();
            format!("write all, or some of {}", words.join(", "))
        })
    };
    let events: BTreeSet<Event> = list(text, known)?.into_iter().collect();
    if events.is_empty() { Err("write all, or at least one kind".to_owned()) } else { Ok(events) }
}

pub(crate) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    list(text, network)
}

pub(crate) fn origins(text: &str) -> Result<Vec<String>, String> {
    list(text, parse_origin)
}

pub(crate) fn applications(text: &str) -> Result<Vec<PublicUrl>, String> {
    list(text, PublicUrl::parse)
}

/// Reads entries between commas; an empty text has none.
fn list<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    text.split(',')
        .map(str::trim)
        .map(|entry| match entry {
            two if two.contains(char::is_whitespace) => {
                Err(format!("{:?}: write several with commas between them", mask(two)))
            }
            "" => Err("leave out the comma that has nothing beside it".to_owned()),
            entry => read(entry).map_err(|form| format!("{:?}: {form}", mask(entry))),
        })
        .collect()
}

fn network(text: &str) -> Result<IpNet, String> {
    let network = text
        .parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "write an address or a network, for example 10.0.0.0/8 or fd00::1")?;
    if network.trunc() != network {
        return Err(format!("write {}, or the address alone", network.trunc()));
    }
    match network.addr() {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => {
            Err("write it in the form of IPv4, for example 10.0.0.0/8".to_owned())
        }
        _ => Ok(network),
    }
}

pub(super) fn log(text: &str) -> Result<String, String> {
    telemetry::check(text).map(|()| text.to_owned())
}

/// Reads an origin exactly as browsers send it, under the rules of the public URL.
pub(super) fn parse_origin(text: &str) -> Result<String, String> {
    let url = PublicUrl::parse(text)?;
    if url.origin() == text {
        Ok(text.to_owned())
    } else {
        Err(format!("write it as browsers do: {}", url.origin()))
    }
}
