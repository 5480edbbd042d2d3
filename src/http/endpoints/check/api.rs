//! `/auth/verify`: session check for reverse proxies and back ends.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use uuid::Uuid;

use crate::accounts::User;
use crate::http::response::error::Problem;
use crate::http::response::json::ProblemBody;
use crate::http::session::extract::CurrentUser;

/// Header values are printable ASCII; the rest goes as percent-encoded UTF-8, and with it the
/// percent sign, so that what was encoded can be told from what somebody is called.
const UNPRINTABLE: &AsciiSet = &CONTROLS.add(b'%');

/// `/auth/verify`: 200 with who it is in headers and nothing else. All four headers are there
/// always, so that a proxy overwrites whatever the client sent under these names. Only the cookie
/// counts: every method is taken, and no body is read. Where a body was announced, the connection
/// ends with the answer.
#[utoipa::path(get, path = "/auth/verify", tag = "forward auth", responses(
    (status = 200, description = "Signed in", headers(
        ("Remote-User" = String, description = "The id of the user"),
        ("Remote-Email" = String, description = "The address; empty until verified"),
        ("Remote-Name" = String, description = "The name; may be empty"),
        ("Remote-Groups" = String, description = "The role"),
    )),
    (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
))]
pub(crate) async fn verify(CurrentUser { user, .. }: CurrentUser) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::with_capacity(REMOTE.len());
    identify(&user, &mut headers)?;
    Ok(headers)
}

/// The headers with the identity of the user.
pub(in crate::http) const REMOTE: [HeaderName; 4] = [
    HeaderName::from_static("remote-user"),
    HeaderName::from_static("remote-email"),
    HeaderName::from_static("remote-name"),
    HeaderName::from_static("remote-groups"),
];

/// Sets all headers of [`REMOTE`].
pub(in crate::http) fn identify(user: &User, headers: &mut HeaderMap) -> Result<(), Problem> {
    let email = if user.email_verified { user.email.as_str() } else { "" };
    let values = [
        value(user.id.as_uuid().hyphenated().encode_lower(&mut Uuid::encode_buffer()))?,
        value(&encoded(email))?,
        value(&encoded(user.name.as_str()))?,
        HeaderValue::from_static(user.role.as_str()),
    ];
    for (name, value) in REMOTE.into_iter().zip(values) {
        headers.insert(name, value);
    }
    Ok(())
}

fn encoded(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, UNPRINTABLE).into()
}

fn value(text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(text).map_err(|_| Problem::internal())
}
