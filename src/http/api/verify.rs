//! `/auth/verify`: who is there, for a proxy or a back end.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::http::error::Problem;
use crate::http::extract::CurrentUser;
use crate::http::json::ProblemBody;

/// Header values are printable ASCII; the rest goes as percent-encoded UTF-8, and with it the
/// percent sign, so that what was encoded can be told from what somebody is called.
const UNPRINTABLE: &AsciiSet = &CONTROLS.add(b'%');

/// `GET /auth/verify`: 200 with who it is in headers and nothing else. All four headers are there
/// always, so that a proxy overwrites whatever the client sent under these names.
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
    let email = if user.email_verified { user.email.as_str() } else { "" };
    let mut headers = HeaderMap::with_capacity(4);
    for (name, value) in [
        ("remote-user", user.id.to_string()),
        ("remote-email", encoded(email)),
        ("remote-name", encoded(user.name.as_str())),
        ("remote-groups", user.role.as_str().to_owned()),
    ] {
        let value = HeaderValue::try_from(value).map_err(|_| Problem::internal())?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNPRINTABLE).to_string()
}
