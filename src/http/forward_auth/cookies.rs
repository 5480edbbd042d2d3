//! The cookies of a request without ours.

use axum::http::{HeaderMap, HeaderValue, header};

/// The cookies that the application may see, in one line; empty where there are none.
pub(super) fn without(ours: [&str; 2], sent: &HeaderMap) -> HeaderValue {
    let lines = sent.get_all(header::COOKIE).into_iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let others = pairs
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty() && !ours.iter().any(|name| is(pair, name)));
    let line = others.collect::<Vec<_>>().join(&b"; "[..]);
    // The bytes are from header values, so they are valid in one.
    let mut value = HeaderValue::from_bytes(&line).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// Blanks before the equals sign are ours to ignore: some applications ignore them.
fn is(pair: &[u8], name: &str) -> bool {
    let sent = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
    sent.trim_ascii_end() == name.as_bytes()
}
