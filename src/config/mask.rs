//! URLs as they may be shown.

use std::fmt::Write as _;

use url::Url;

use crate::outbound::shown_path;

/// Parameters of a database server that hold no secret.
const HARMLESS: [&str; 8] =
    ["application_name", "dbname", "host", "hostaddr", "port", "sslmode", "sslrootcert", "user"];

/// The text with every part of its URL that may be a secret replaced by `***`: the password, a name
/// that could be a token, the values of the query, the fragment, and the token in the path of a web
/// address. In doubt it masks too much.
#[must_use]
pub fn mask(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => {
            Url::parse(text).map_or_else(|_| format!("{scheme}://***"), |u| web(&u))
        }
        // A web address with something before it, such as a quotation mark.
        lower if lower.ends_with("http") || lower.ends_with("https") => format!("{scheme}://***"),
        lower => server(scheme, rest, lower.starts_with("postgres")),
    }
}

fn web(url: &Url) -> String {
    let mut masked = format!("{}://", url.scheme());
    let has_userinfo = !url.username().is_empty() || url.password().is_some();
    if has_userinfo && url.password().is_some_and(|_| is_name(url.username())) {
        let _ = write!(masked, "{}:***@", url.username());
    } else if has_userinfo {
        masked.push_str("***@");
    }
    masked.push_str(url.host_str().unwrap_or_default());
    if let Some(port) = url.port() {
        let _ = write!(masked, ":{port}");
    }
    masked.push_str(&shown_path(url.path()));
    mask_rest(&mut masked, url.query(), url.fragment(), false);
    masked
}

/// Addresses of databases, which need not be what a URL parser accepts.
fn server(scheme: &str, rest: &str, is_postgres: bool) -> String {
    let mut masked = format!("{scheme}://");
    // The last `@`, wherever: a password that should have been percent-encoded may hold `/` or `?`.
    let (user, place) =
        rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
    match user.map(|user| user.split_once(':').map_or((user, None), |(n, p)| (n, Some(p)))) {
        None => {}
        Some((name, Some(_))) if name.is_empty() || is_identifier(name) => {
            let _ = write!(masked, "{name}:***@");
        }
        // Redis takes a lone name for one, but people write the password there.
        Some((name, None)) if name.is_empty() || (is_postgres && is_identifier(name)) => {
            let _ = write!(masked, "{name}@");
        }
        Some(_) => masked.push_str("***@"),
    }
    let (place, fragment) = cut(place, '#');
    let (place, query) = cut(place, '?');
    masked.push_str(place);
    mask_rest(&mut masked, query, fragment, is_postgres);
    masked
}

fn mask_rest(masked: &mut String, query: Option<&str>, fragment: Option<&str>, is_postgres: bool) {
    if let Some(query) = query {
        let parameters = query.split('&').map(|one| mask_parameter(one, is_postgres));
        let _ = write!(masked, "?{}", parameters.collect::<Vec<_>>().join("&"));
    }
    if fragment.is_some_and(|fragment| !fragment.is_empty()) {
        masked.push_str("#***");
    }
}

fn mask_parameter(parameter: &str, is_postgres: bool) -> String {
    match parameter.split_once('=') {
        Some((key, value)) if is_postgres && HARMLESS.contains(&key) && is_plain(value) => {
            parameter.to_owned()
        }
        Some((key, value)) if is_identifier(key) && !value.is_empty() => format!("{key}=***"),
        _ => "***".to_owned(),
    }
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// A user name rather than a token.
fn is_name(text: &str) -> bool {
    text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_lowercase() || b"-_.".contains(&byte))
}

fn is_identifier(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.%".contains(&byte);
    (1..=40).contains(&text.len()) && text.bytes().all(known)
}

fn is_plain(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte))
}
