//! The headers with the identity of the user.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use uuid::Uuid;

use crate::accounts::User;
use crate::http::forward_auth::settings::IdentityHeaders;
use crate::http::response::error::Problem;

/// Header values are printable ASCII; the rest goes as percent-encoded UTF-8, and with it the
/// percent sign, so that what was encoded can be told from what somebody is called.
const UNPRINTABLE: &AsciiSet = &CONTROLS.add(b'%');

static REMOTE: [HeaderName; 4] = [
    HeaderName::from_static("remote-user"),
    HeaderName::from_static("remote-email"),
    HeaderName::from_static("remote-name"),
    HeaderName::from_static("remote-groups"),
];
static X_AUTH_REQUEST: [HeaderName; 4] = [
    HeaderName::from_static("x-auth-request-user"),
    HeaderName::from_static("x-auth-request-email"),
    HeaderName::from_static("x-auth-request-preferred-username"),
    HeaderName::from_static("x-auth-request-groups"),
];
static X_FORWARDED: [HeaderName; 4] = [
    HeaderName::from_static("x-forwarded-user"),
    HeaderName::from_static("x-forwarded-email"),
    HeaderName::from_static("x-forwarded-preferred-username"),
    HeaderName::from_static("x-forwarded-groups"),
];

impl IdentityHeaders {
    /// The names for the id, the address, the name and the groups.
    pub(super) fn names(self) -> &'static [HeaderName; 4] {
        match self {
            Self::Remote => &REMOTE,
            Self::XAuthRequest => &X_AUTH_REQUEST,
            Self::XForwarded => &X_FORWARDED,
        }
    }

    /// Sets all of them, also empty ones, so that a proxy overwrites what a client sent.
    pub(super) fn identify(
        self,
        user: Option<&User>,
        headers: &mut HeaderMap,
    ) -> Result<(), Problem> {
        const EMPTY: HeaderValue = HeaderValue::from_static("");
        let values = match user {
            Some(user) => values(user)?,
            None => [EMPTY; 4],
        };
        for (name, value) in self.names().iter().zip(values) {
            headers.insert(name.clone(), value);
        }
        Ok(())
    }

    /// The header of a request that an application could take for one of these.
    pub(super) fn brought_by(self, headers: &HeaderMap) -> Option<&HeaderName> {
        let names = self.names();
        headers.keys().find(|sent| names.iter().any(|name| is_spelling_of(sent, name)))
    }
}

/// Whether a proxy, CGI or WSGI may make one name of both: they replace every character that is no
/// letter and no digit. Names are in lower case already.
fn is_spelling_of(sent: &HeaderName, name: &HeaderName) -> bool {
    let (sent, name) = (sent.as_str().as_bytes(), name.as_str().as_bytes());
    let is_same =
        |(sent, name): (&u8, &u8)| sent == name || (*name == b'-' && !sent.is_ascii_alphanumeric());
    sent.len() == name.len() && sent.iter().zip(name).all(is_same)
}

fn values(user: &User) -> Result<[HeaderValue; 4], Problem> {
    let email = if user.email_verified { user.email.as_str() } else { "" };
    Ok([
        value(user.id.as_uuid().hyphenated().encode_lower(&mut Uuid::encode_buffer()))?,
        value(&encoded(email))?,
        value(&encoded(user.name.as_str()))?,
        groups(user)?,
    ])
}

/// The role, then the groups. Nothing is allocated for a user without groups.
fn groups(user: &User) -> Result<HeaderValue, Problem> {
    let role = user.role.as_str();
    if user.groups.is_empty() {
        return Ok(HeaderValue::from_static(role));
    }
    let all = [role, user.groups.as_str()].join(",");
    HeaderValue::try_from(all).map_err(|_| Problem::internal())
}

fn encoded(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, UNPRINTABLE).into()
}

fn value(text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(text).map_err(|_| Problem::internal())
}
