//! Redirect targets: `next` is a path of this site, a URL of a guarded application, or the default.

use std::fmt;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::http::routes::{APPLICATION_AREA, is_under, may_be_next};
use crate::http::security::applications::{Application, Applications};

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

    /// Accepts any path of an application but our own.
    fn of_application(text: &str) -> Option<Self> {
        let next = Self::of_this_site(text)?;
        let path = next.0.split(['?', '#']).next().unwrap_or_default();
        (!is_under(APPLICATION_AREA, path)).then_some(next)
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

/// A URL of a guarded application that is a safe redirect target.
#[derive(Clone, Debug)]
pub(crate) struct ApplicationUrl {
    pub(crate) application: Application,
    next: Next,
}

impl ApplicationUrl {
    /// Accepts an absolute URL of one of the applications.
    pub(crate) fn parse(text: &str, applications: &Applications) -> Option<Self> {
        let repaired = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
        if text.len() > 2 * Next::LONGEST || text.contains(repaired) {
            return None;
        }
        let url = Url::parse(text).ok()?;
        if !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        let application = applications.of_url(&url)?;
        Self::of(application, &url[url::Position::BeforePath..url::Position::AfterQuery])
    }

    /// The URL of an application with this path and query; `None` where they are no safe target.
    pub(crate) fn of(application: &Application, path: &str) -> Option<Self> {
        let next = Next::of_application(path)?;
        Some(Self { application: application.clone(), next })
    }

    /// Its start page.
    pub(crate) fn start_of(application: &Application) -> Self {
        Self { application: application.clone(), next: Next("/".to_owned()) }
    }

    /// The path and the query. They begin with one slash.
    pub(crate) fn path(&self) -> &str {
        self.next.as_str()
    }
}

impl fmt::Display for ApplicationUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.application.url().origin(), self.path())
    }
}

/// Where a browser shows a code for this URL.
pub(crate) fn callback(url: &ApplicationUrl, code: &str) -> String {
    let (origin, to) = (url.application.url().origin(), url.path());
    let to = utf8_percent_encode(to, QUERY_VALUE);
    format!("{origin}{APPLICATION_AREA}/callback?code={code}&to={to}")
}

/// The target that `next` names: a path of this site, or a URL of an application. Empty where it is
/// no safe target.
pub(crate) fn safe_next(next: Option<&str>, applications: &Applications) -> String {
    let Some(text) = next else { return String::new() };
    let own = Next::parse(text).map(|next| next.as_str().to_owned());
    let other = || ApplicationUrl::parse(text, applications).map(|url| url.to_string());
    own.or_else(other).unwrap_or_default()
}

/// The redirect target after a sign-in: `next`, or the account.
pub(crate) fn destination(next: Option<&str>, applications: &Applications) -> String {
    match safe_next(next, applications) {
        safe if safe.is_empty() => "/account".to_owned(),
        safe => safe,
    }
}

/// `path` with `next` as its query, or `path` alone where `next` is empty.
pub(crate) fn with_next(path: &str, next: &str) -> String {
    if next.is_empty() {
        return path.to_owned();
    }
    format!("{path}?next={}", utf8_percent_encode(next, QUERY_VALUE))
}

/// 303 to a path of this site, or to a safe URL.
pub(crate) fn see_other(path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        // Paths come out of the URL parser, which leaves only ASCII; this is for the compiler.
        Err(_) => (StatusCode::SEE_OTHER, [(header::LOCATION, "/account")]).into_response(),
    }
}
