//! Session cookie and preference cookies: parsing and `Set-Cookie`.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::http::security::public_url::PublicUrl;
use crate::sessions::Token;

/// The session cookie of a request.
#[derive(Clone, Debug)]
pub(crate) enum Presented {
    /// No cookie of our name.
    Nothing,
    /// A value that is no token.
    Malformed,
    /// Several cookies of our name. It is unknown which one we set, so none counts.
    Several,
    /// A token.
    Token(Token),
}

/// How the session cookie is called and whether it needs a secure connection.
#[derive(Clone, Debug)]
pub struct CookieShape {
    name: &'static str,
    secure: bool,
}

impl CookieShape {
    /// The cookie under an https public URL. The prefix makes browsers refuse it from anybody but
    /// this very host, over a secure connection.
    pub const SECURE: Self = Self { name: "__Host-anteroom", secure: true };
    /// The cookie under a loopback http one, where browsers refuse the prefix.
    pub const LOOPBACK: Self = Self { name: "anteroom", secure: false };

    /// The cookie under this public URL.
    pub(in crate::http) fn of(public_url: &PublicUrl) -> Self {
        if public_url.is_https() { Self::SECURE } else { Self::LOOPBACK }
    }

    /// The cookie of a hand-over at the same host.
    pub(in crate::http) fn of_state(&self) -> Self {
        let name = if self.secure { "__Host-anteroom-state" } else { "anteroom-state" };
        Self { name, ..*self }
    }

    /// The cookie that ties the challenge for a passkey to a browser where nobody is signed in.
    pub(in crate::http) fn of_passkey(&self) -> Self {
        let name = if self.secure { "__Host-anteroom-passkey" } else { "anteroom-passkey" };
        Self { name, ..*self }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Finds our cookie among all that a request sent, however many lines they stand in.
    pub(crate) fn presented(&self, headers: &HeaderMap) -> Presented {
        let mut values = values_of(headers, self.name);
        match (values.next(), values.next()) {
            (None, _) => Presented::Nothing,
            (Some(_), Some(_)) => Presented::Several,
            (Some(value), None) => {
                Token::parse(value).map_or(Presented::Malformed, Presented::Token)
            }
        }
    }

    /// The header that hands a token out. `max_age` in seconds makes the cookie persistent.
    pub(crate) fn set(&self, token: &Token, max_age: Option<i64>) -> Option<HeaderValue> {
        let age = max_age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let mut value = HeaderValue::from_str(&format!(
            "{}={}; HttpOnly; Path=/; SameSite=Lax{}{age}",
            self.name,
            token.reveal(),
            self.secure_attribute()
        ))
        .ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The header that takes the cookie away, with the attributes it was set with: browsers
    /// refuse it otherwise.
    pub(crate) fn remove(&self) -> Option<HeaderValue> {
        let secure = self.secure_attribute();
        let text = format!("{}=; HttpOnly; Path=/; SameSite=Lax{secure}; Max-Age=0", self.name);
        HeaderValue::from_str(&text).ok()
    }

    fn secure_attribute(&self) -> &'static str {
        if self.secure { "; Secure" } else { "" }
    }
}

/// The value of a preference cookie that is no secret; `None` unless it is one printable word.
pub(crate) fn preference<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let value = values_of(headers, name).next()?;
    std::str::from_utf8(value).ok().filter(|value| value.len() <= 32)
}

/// The header that keeps a preference for a year.
pub(crate) fn set_preference(
    shape: &CookieShape,
    name: &str,
    value: &'static str,
) -> Option<HeaderValue> {
    const YEAR_SECONDS: u32 = 365 * 24 * 60 * 60;
    let secure = shape.secure_attribute();
    HeaderValue::from_str(&format!(
        "{name}={value}; Path=/; SameSite=Lax{secure}; Max-Age={YEAR_SECONDS}"
    ))
    .ok()
}

fn values_of<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h [u8]> {
    headers
        .get_all(header::COOKIE)
        .into_iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(move |pair| {
            let start = pair.iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
            pair[start..].strip_prefix(name.as_bytes())?.strip_prefix(b"=")
        })
}
