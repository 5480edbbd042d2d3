//! URLs that an operator sets, and that are sent to.

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// The URL of a receiver: https, or http to this machine or within a private network.
#[derive(Clone)]
pub struct Target {
    url: Url,
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// One sentence that says what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = "write a URL, for example https://example.org/hooks/anteroom";
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(form.to_owned());
        }
        // The parser would mend slashes that are missing.
        let has_slashes = text.split_once("://").is_some_and(|(scheme, _)| !scheme.contains(':'));
        let url = Url::parse(text).ok().filter(|_| has_slashes).ok_or(form)?;
        let is_near = url.host().map(|host| is_near(&host)).ok_or(form)?;
        if url.fragment().is_some() {
            return Err("leave out the # and what follows".to_owned());
        }
        match url.scheme() {
            "https" => {}
            "http" if is_near => {}
            "http" => {
                return Err("write https: http is for this machine, private addresses and host \
                            names without a dot"
                    .to_owned());
            }
            _ => return Err(form.to_owned()),
        }
        Ok(Self { url })
    }

    /// The URL without what may be secret: no user, no password, no query, and of the path only
    /// what is no token.
    #[must_use]
    pub fn shown(&self) -> String {
        let place = self.authority();
        format!("{}://{place}{}", self.url.scheme(), shown_path(self.url.path()))
    }

    /// The host, where what is sent can be read on the way to another machine.
    #[must_use]
    pub fn in_the_clear(&self) -> Option<&str> {
        let is_here = self.url.host().is_some_and(|host| is_here(&host));
        (!self.is_https() && !is_here).then(|| self.host())
    }

    /// The same with this path, or with it appended to its own, unless it ends with it already.
    #[cfg(feature = "otlp")]
    pub(crate) fn below(mut self, path: &str) -> Self {
        let own = self.url.path().trim_end_matches('/');
        if !own.ends_with(path) {
            let whole = format!("{own}{path}");
            self.url.set_path(&whole);
        }
        self
    }

    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The host as it is looked up, an IPv6 address without its brackets.
    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default().trim_matches(['[', ']'])
    }

    pub(crate) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(443)
    }

    /// The value of the header `Host`.
    pub(crate) fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    pub(crate) fn path_and_query(&self) -> String {
        let query = self.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", self.url.path())
    }

    /// The header that user and password of the URL make, if it has any.
    pub(crate) fn authorization(&self) -> Option<String> {
        let (user, password) = (self.url.username(), self.url.password());
        if user.is_empty() && password.is_none() {
            return None;
        }
        let mut pair: Vec<u8> = percent_decode_str(user).collect();
        pair.push(b':');
        pair.extend(percent_decode_str(password.unwrap_or_default()));
        Some(format!("Basic {}", STANDARD.encode(pair)))
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.shown())
    }
}

/// The beginning of a path up to the first part that could be a token, which many receivers put
/// there; plain words alone are shown.
#[must_use]
pub(crate) fn shown_path(path: &str) -> String {
    let mut shown = String::new();
    for part in path.strip_prefix('/').unwrap_or(path).split('/') {
        shown.push('/');
        if !is_word(part) {
            shown.push_str("***");
            break;
        }
        shown.push_str(part);
    }
    shown
}

fn is_word(part: &str) -> bool {
    let is_version = part.strip_prefix('v').is_some_and(|number| {
        (1..=2).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    let of_word = |byte: u8| byte.is_ascii_lowercase() || b"-_.".contains(&byte);
    is_version || (part.len() <= 16 && part.bytes().all(of_word))
}

fn is_here(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.to_canonical().is_loopback(),
    }
}

/// Whether a host is this machine, or in a private network: a private address, or a name without a
/// dot, which only a local resolver knows.
fn is_near(host: &Host<&str>) -> bool {
    let is_private = match host {
        Host::Domain(name) => !name.contains('.'),
        Host::Ipv4(address) => address.is_private(),
        Host::Ipv6(address) => match address.to_canonical() {
            IpAddr::V4(address) => address.is_private(),
            IpAddr::V6(address) => address.is_unique_local(),
        },
    };
    is_private || is_here(host)
}
