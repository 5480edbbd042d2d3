//! Redirect targets: `next` is a path of this site, or the default.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::http::routes::may_be_next;

/// The characters that stay unencoded in a query value.
const QUERY_VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// A path of this site that is a safe redirect target after a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Next(String);

impl Next {
    /// The longest, in bytes.
    const LONGEST: usize = 2048;

    /// Accepts a same-origin absolute path. Both the parsed form and the text that is sent are
    /// checked, for browsers repair addresses in ways that turn paths into hosts.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let next = Self::of_this_site(text)?;
        let path = next.0.split(['?', '#']).next().unwrap_or_default();
        may_be_next(path).then_some(next)
    }

    /// Accepts any page of this site, also those that [`Self::parse`] would not lead to.
    pub(crate) fn for_preferences(text: &str) -> Option<Self> {
        Self::of_this_site(text)
    }

    fn of_this_site(text: &str) -> Option<Self> {
        let plausible = text.len() <= Self::LONGEST
            && text.starts_with('/')
            && !text.starts_with("//")
            && !text.contains('\\')
            && !text.chars().any(char::is_control);
        if !plausible {
            return None;
        }
        let base = Url::parse("http://base.invalid/").ok()?;
        let parsed = base.join(text).ok()?;
        if parsed.origin() != base.origin() || !parsed.username().is_empty() {
            return None;
        }
        let mut path = parsed.path().to_owned();
        if let Some(query) = parsed.query() {
            path.push('?');
            path.push_str(query);
        }
        // Only the browser reads the fragment, so it cannot change the target.
        if let Some(fragment) = parsed.fragment() {
            path.push('#');
            path.push_str(fragment);
        }
        let sent = path.as_bytes();
        let safe = sent.first() == Some(&b'/') && !matches!(sent.get(1), Some(b'/' | b'\\'));
        safe.then_some(Self(path))
    }

    /// The path, the query and the fragment.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// `path` with `next` as its query, or `path` alone where `next` is empty.
pub(crate) fn with_next(path: &str, next: &str) -> String {
    if next.is_empty() {
        return path.to_owned();
    }
    format!("{path}?next={}", utf8_percent_encode(next, QUERY_VALUE))
}

/// 303 to a path of this site.
pub(crate) fn see_other(path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        // Paths come out of the URL parser, which leaves only ASCII; this is for the compiler.
        Err(_) => (StatusCode::SEE_OTHER, [(header::LOCATION, "/account")]).into_response(),
    }
}
