//! The address under which browsers reach the service, and the rule for every other origin.

use std::fmt;

use url::{Host, Url};

/// The public URL: `https`, or `http` under a loopback host. Only scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(Url);

impl PublicUrl {
    /// Reads a URL of scheme, host and perhaps a port; one `/` at the end is let pass.
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
        let url = Self(url);
        if !url.is_https() && !url.is_loopback() {
            return Err(
                "begin it with https://; http is for localhost, 127.0.0.0/8 and [::1] only"
                    .to_owned(),
            );
        }
        Ok(url)
    }

    /// `http://localhost:PORT`, for whoever sets none.
    pub(super) fn local_text(port: u16) -> String {
        format!("http://localhost:{port}")
    }

    /// `https` or `http`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.scheme()
    }

    /// The host, lower case, in ASCII; IPv6 in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The port, that of the scheme where none is written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// Whether browsers come by TLS, so that cookies are `Secure` and `__Host-`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme() == "https"
    }

    /// Whether the host is `localhost`, of 127.0.0.0/8, or `[::1]`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// The `Origin` header of its pages: no slash at the end, no default port.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The `Host` header of requests to it: no default port.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.0.authority()
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())
    }
}

/// Reads an origin exactly as browsers send it, under the same rules.
pub(super) fn parse_origin(text: &str) -> Result<String, String> {
    let origin = PublicUrl::parse(text)?.origin();
    if origin == text { Ok(origin) } else { Err(format!("write it as browsers do: {origin}")) }
}
