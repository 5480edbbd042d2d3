//! Authentication of clients (RFC 6749, section 2.3.1): by HTTP Basic, or in the body.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode;

use super::oauth_error::OAuthError;
use crate::http::request::body::Form;
use crate::tokens::{OAuthClient, Registry};

/// The client that sent this request, which has proven who it is by its secret.
pub(super) fn authenticated<'r>(
    registry: &'r Registry,
    headers: &HeaderMap,
    form: &Form,
) -> Result<&'r OAuthClient, OAuthError> {
    let client = authenticated_or_public(registry, headers, form)?;
    Some(client).filter(|client| !client.is_public).ok_or_else(OAuthError::invalid_client)
}

/// As [`authenticated`], or a public client, which says its name only.
pub(super) fn authenticated_or_public<'r>(
    registry: &'r Registry,
    headers: &HeaderMap,
    form: &Form,
) -> Result<&'r OAuthClient, OAuthError> {
    let in_body = !form.get("client_secret").is_empty();
    let (id, secret) = match basic(headers)? {
        Some(_) if in_body => {
            let detail = "The client authenticates in two ways: use one of them.";
            return Err(OAuthError::invalid_request(detail));
        }
        Some(credentials) => credentials,
        None => (form.get("client_id").to_owned(), form.get("client_secret").to_owned()),
    };
    let sent = form.find("client_id").filter(|id| !id.is_empty());
    let is_proven = |client: &&OAuthClient| {
        if client.is_public { secret.is_empty() } else { client.accepts(&secret) }
    };
    let client = registry.client(&id).filter(is_proven);
    client.filter(|_| sent.is_none_or(|sent| sent == id)).ok_or_else(OAuthError::invalid_client)
}

/// The id and the secret of an `Authorization` header; `None` without the header.
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, OAuthError> {
    let mut sent = headers.get_all(header::AUTHORIZATION).into_iter();
    let Some(value) = sent.next() else { return Ok(None) };
    if sent.next().is_some() {
        return Err(OAuthError::invalid_request("There are several Authorization headers."));
    }
    let credentials = value.to_str().ok().and_then(|value| value.split_once(' '));
    let credentials = credentials.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let decoded = credentials.and_then(|(_, encoded)| STANDARD.decode(encoded.trim()).ok());
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = text.as_deref().and_then(|text| text.split_once(':'));
    let (id, secret) = pair.ok_or_else(OAuthError::invalid_client)?;
    Ok(Some((form_decoded(id)?, form_decoded(secret)?)))
}

/// Both are encoded as in a form before they are joined.
fn form_decoded(text: &str) -> Result<String, OAuthError> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode(spaced.as_bytes()).decode_utf8();
    decoded.map(Into::into).map_err(|_| OAuthError::invalid_client())
}
