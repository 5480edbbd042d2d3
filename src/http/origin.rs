//! The public address of this server, and what counts as the same.

use url::{Host, Url};

/// Scheme, host and port under which browsers know this server.
#[derive(Clone, Debug)]
pub struct PublicOrigin {
    url: Url,
    /// As browsers write it in `Origin`.
    text: String,
}

impl PublicOrigin {
    /// The origin of a public URL: https, or http on a loopback host. `None` for any other.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let origin = Self { text: url.origin().ascii_serialization(), url };
        let usable = match origin.url.scheme() {
            "https" => true,
            "http" => origin.is_loopback(),
            _ => false,
        };
        usable.then_some(origin)
    }

    /// As browsers write it, for example `https://auth.example`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is https, so that cookies are `Secure`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    fn is_loopback(&self) -> bool {
        self.url.host().is_some_and(|host| is_loopback(&host))
    }

    /// Whether a `Host` header names this server. On loopback, `localhost`, `127.0.0.1` and
    /// `[::1]` are one host.
    pub(crate) fn is_host(&self, host: &str) -> bool {
        let plausible = !host.is_empty() && !host.contains(['/', '@', '?', '#', '\\', ',', ' ']);
        let other = Url::parse(&format!("{}://{host}", self.url.scheme()));
        plausible && other.is_ok_and(|other| self.is_same(&other))
    }

    /// Whether an `Origin` header is this very origin, as a browser writes it.
    pub(crate) fn is_origin(&self, origin: &str) -> bool {
        let Ok(other) = Url::parse(origin) else { return false };
        other.origin().ascii_serialization() == origin
            && other.scheme() == self.url.scheme()
            && self.is_same(&other)
    }

    fn is_same(&self, other: &Url) -> bool {
        let same_host = match (self.url.host(), other.host()) {
            (Some(ours), Some(theirs)) => {
                ours == theirs || (is_loopback(&ours) && is_loopback(&theirs))
            }
            _ => false,
        };
        same_host && self.url.port_or_known_default() == other.port_or_known_default()
    }
}

fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(domain) => domain.as_ref() == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}
