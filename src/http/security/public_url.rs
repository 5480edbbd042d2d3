//! The public URL of the service, and its comparison with `Host` and `Origin` headers.

use std::fmt;

use url::{Host, Url};

/// The public URL: `https`, or `http` under a loopback host. Only scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    url: Url,
    /// As browsers write it in `Origin`.
    origin: String,
}

impl PublicUrl {
    /// Reads a URL of scheme, host and perhaps a port; one trailing `/` is accepted.
    ///
    /// # Errors
    /// One sentence that says what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form =
            || "write scheme and host alone, for example https://auth.example.org".to_owned();
        let (scheme, rest) = text.split_once("://").ok_or_else(form)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        // Looked for in the text: the parser would drop or mend most of these without a word.
        let foreign = |c: char| c.is_control() || c.is_whitespace() || "/\\?#@%*".contains(c);
        if authority.is_empty() || authority.contains(foreign) {
            return Err(form());
        }
        if !["https", "http"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err("begin it with https://".to_owned());
        }
        let url = Url::parse(text).map_err(|error| format!("{error}; {}", form()))?;
        if url.port() == Some(0) {
            return Err("leave out the port 0, browsers cannot reach it".to_owned());
        }
        let url = Self { origin: url.origin().ascii_serialization(), url };
        // The URL parser accepts more characters in a host than we accept in a `Host` header.
        if !could_be_a_host(url.authority()) {
            return Err(form());
        }
        if !url.is_https() && !url.is_loopback() {
            return Err(
                "begin it with https://; http is for localhost, 127.0.0.0/8 and [::1] only"
                    .to_owned(),
            );
        }
        Ok(url)
    }

    /// `https` or `http`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// The host, lower case, in ASCII; IPv6 in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The port, that of the scheme where none is written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// Whether browsers come by TLS, so that cookies are `Secure` and `__Host-`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme() == "https"
    }

    /// Whether the host is `localhost`, of 127.0.0.0/8, or `[::1]`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.url.host().is_some_and(|host| is_loopback(&host))
    }

    /// The `Origin` header of its pages: no slash at the end, no default port.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The `Host` header of requests to it: no default port.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.url.authority()
    }

    /// Whether a `Host` header names this server. On loopback, `localhost`, `127.0.0.1` and
    /// `[::1]` are one host.
    pub(crate) fn is_host(&self, host: &str) -> bool {
        // Nearly every request writes it as we do; the parser is for the others.
        if self.origin.get(self.scheme().len() + "://".len()..) == Some(host) {
            return true;
        }
        let other = Url::parse(&format!("{}://{host}", self.scheme()));
        could_be_a_host(host) && other.is_ok_and(|other| self.is_same(&other))
    }

    /// As [`Self::is_host`], but a loopback host is only itself.
    pub(crate) fn is_this_very_host(&self, host: &str) -> bool {
        if self.origin.get(self.scheme().len() + "://".len()..) == Some(host) {
            return true;
        }
        let other = Url::parse(&format!("{}://{host}", self.scheme()));
        could_be_a_host(host)
            && other.is_ok_and(|other| other.origin().ascii_serialization() == self.origin)
    }

    /// Whether an `Origin` header is this very origin, as a browser writes it.
    pub(crate) fn is_origin(&self, origin: &str) -> bool {
        let Ok(other) = Url::parse(origin) else { return false };
        other.origin().ascii_serialization() == origin
            && other.scheme() == self.scheme()
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

/// Whether this may be a host with a port: the parser would mend other characters, and decode percent
/// signs.
pub(crate) fn could_be_a_host(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    !text.is_empty() && text.chars().all(known)
}

fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(domain) => domain.as_ref() == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}
