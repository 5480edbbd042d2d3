//! Redirect URIs: where the browser of a person who signs in may be sent with a code.

use url::{Host, Url};

/// The longest, in bytes.
const LONGEST: usize = 500;

/// A registered redirect URI. Two are the same only if their texts are (RFC 9700, section 4.1), but
/// for the port of a loopback address (RFC 8252, section 7.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri(Box<str>);

impl RedirectUri {
    /// Reads one. `None`: it has another scheme, a user name, a fragment or a character that browsers
    /// repair, or it is too long.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        if text.len() > LONGEST || !is_visible || text.contains(['#', '"', '<', '>', '*']) {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        let is_allowed = match url.scheme() {
            "https" => has_plain_host(&url),
            "http" => is_loopback(&url),
            // Of an app on a device, under a name that it owns (RFC 8252, section 7.1).
            scheme => scheme.contains('.'),
        };
        (is_plain && is_allowed && is_as_browsers_send_it(&url, text)).then(|| Self(text.into()))
    }

    /// One as it was written to a store.
    pub(crate) fn from_stored(texts: &str) -> Vec<Self> {
        texts.split_ascii_whitespace().map(|text| Self(text.into())).collect()
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether only one party can receive what is sent there. Any program of a device can listen at its
    /// loopback address, or take a scheme (RFC 8252, section 8.6).
    #[must_use]
    pub fn is_of_one_owner(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// Whether a request may name this URI: the same text, or the same loopback address with another
    /// port.
    #[must_use]
    pub fn allows(&self, requested: &str) -> bool {
        if *self.0 == *requested {
            return true;
        }
        let (Some(own), Some(other)) = (Self::parse(&self.0), Self::parse(requested)) else {
            return false;
        };
        let without_port = |uri: &Self| {
            let mut url = Url::parse(&uri.0).ok()?;
            let is_address = matches!(url.host()?, Host::Ipv4(_) | Host::Ipv6(_));
            (url.scheme() == "http" && is_address).then_some(())?;
            url.set_port(None).ok()?;
            Some(url)
        };
        without_port(&own).is_some_and(|own| Some(own) == without_port(&other))
    }
}

/// Letters, digits, points and hyphens, or an address. The parser takes more, such as `;`, which ends a
/// part of a content security policy.
fn has_plain_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        }
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        None => false,
    }
}

/// `localhost` too: it is what developers write. Only addresses may differ in their port.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Whether a browser sends the very text. It repairs `..`, letters of the host in upper case, and
/// missing slashes; then the text that was compared would not be where the browser goes.
fn is_as_browsers_send_it(url: &Url, text: &str) -> bool {
    let sent = url.as_str();
    // `https://app.example.org` is sent with a slash, which changes nothing.
    sent == text || sent.strip_suffix('/') == Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_uri_is_exact_and_leads_where_it_says() {
        for text in [
            "https://app.example.org",
            "https://app.example.org/callback",
            "https://app.example.org:8443/callback?provider=anteroom",
            "http://localhost:3000/callback",
            "http://127.0.0.1/callback",
            "http://[::1]:7000/",
            "com.example.app:/callback",
        ] {
            assert!(RedirectUri::parse(text).is_some(), "{text}");
        }
        for text in [
            "",
            "app.example.org/callback",
            "//app.example.org/callback",
            "https:app.example.org/callback",
            "https:///callback",
            "http://app.example.org/callback",
            "http://127.0.0.1.example.org/callback",
            "https://app.example.org/callback#here",
            "https://ada@app.example.org/callback",
            "https://ada:secret@app.example.org/callback",
            "https://app.example.org/a/../callback",
            "https://app.example.org/a/..;/callback\\",
            "https://app.example.org\\@other.example.org/",
            "https://APP.example.org/callback",
            "https://app.example.org/call back",
            "https://*.example.org/callback",
            "https://app.example.org;sandbox/callback",
            "https://app.example.org/%2e%2e/callback",
            "javascript:alert(1)",
            "data:text/html,x",
            "myapp:/callback",
            &format!("https://app.example.org/{}", "a".repeat(500)),
        ] {
            assert!(RedirectUri::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn only_the_port_of_a_loopback_address_may_differ() {
        let of = |text: &str| RedirectUri::parse(text).unwrap();
        let app = of("https://app.example.org/callback");
        assert!(app.allows("https://app.example.org/callback"));
        for other in [
            "https://app.example.org/callback/",
            "https://app.example.org/callback?",
            "https://app.example.org/callback?a=b",
            "https://app.example.org:443/callback",
            "https://app.example.org:8443/callback",
            "https://app.example.org/CALLBACK",
            "https://app.example.org/%63allback",
            "https://app.example.org/callback#",
            "https://app.example.org",
            "https://app.example.org.evil.example/callback",
            "https://app.example.org@evil.example/callback",
            "http://app.example.org/callback",
            "",
        ] {
            assert!(!app.allows(other), "{other}");
        }
        let device = of("http://127.0.0.1/callback");
        assert!(device.allows("http://127.0.0.1:51004/callback"));
        for other in [
            "http://127.0.0.1:51004/other",
            "http://127.0.0.2:51004/callback",
            "http://localhost:51004/callback",
            "http://[::1]:51004/callback",
            "https://127.0.0.1:51004/callback",
            "http://127.0.0.1:51004/callback?a=b",
            "http://127.0.0.1:51004@evil.example/callback",
        ] {
            assert!(!device.allows(other), "{other}");
        }
        assert!(!of("http://localhost:3000/callback").allows("http://localhost:3001/callback"));
        assert!(of("http://[::1]/").allows("http://[::1]:9/"));
    }
}
