//! Paths of URLs, as rules compare them: decoded once, without dot segments.
//!
//! Proxies and applications disagree about some spellings of a path. One that any of them could
//! take for another path is ambiguous, and an ambiguous path is denied.

use std::borrow::Cow;

/// Why a request cannot be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ambiguous {
    /// A method with lower-case letters, which some servers take for the one in capitals.
    #[error("the method has lower-case letters")]
    Method,
    /// `CONNECT`, which names no path.
    #[error("the method asks for a tunnel")]
    Tunnel,
    /// It does not begin with a slash.
    #[error("the path does not begin with a slash")]
    Relative,
    /// `//`, which some servers take for `/`.
    #[error("the path has an empty segment (//)")]
    EmptySegment,
    /// An encoded slash, which some servers decode before they split the path.
    #[error("the path has an encoded slash (%2F)")]
    EncodedSlash,
    /// A backslash, which some servers take for a slash.
    #[error("the path has a backslash")]
    Backslash,
    /// A parameter of a segment, which some servers remove.
    #[error("the path has a semicolon")]
    Parameter,
    /// A NUL, a line break or another control character.
    #[error("the path has a control character")]
    Control,
    /// `#`, which ends a path in a browser and not in every server.
    #[error("the path has a number sign (#)")]
    Fragment,
    /// A percent sign that is not followed by two hexadecimal digits.
    #[error("the path has a percent sign without two hexadecimal digits")]
    Percent,
    /// Something that decodes to percent encoding.
    #[error("the path is percent-encoded twice")]
    EncodedTwice,
    /// Bytes that are not UTF-8.
    #[error("the path is not UTF-8")]
    NotUtf8,
}

/// The segments of the path of a target (path and query), decoded once and without dot segments
/// (RFC 3986 section 5.2.4). An empty last segment stands for a slash at the end. There is always
/// at least one.
///
/// # Errors
/// Where servers could take it for another path.
pub(super) fn segments(target: &str) -> Result<Vec<Cow<'_, str>>, Ambiguous> {
    let path = target.split('?').next().unwrap_or_default();
    let path = if path.is_empty() { "/" } else { path };
    if target.contains('#') {
        return Err(Ambiguous::Fragment);
    }
    if path.contains("//") {
        return Err(Ambiguous::EmptySegment);
    }
    let mut segments: Vec<Cow<'_, str>> = Vec::with_capacity(8);
    let mut ends_with_dots = false;
    for segment in path.strip_prefix('/').ok_or(Ambiguous::Relative)?.split('/') {
        let segment = decoded(segment)?;
        ends_with_dots = matches!(&*segment, "." | "..");
        match &*segment {
            "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    if ends_with_dots {
        segments.push("".into());
    }
    Ok(segments)
}

/// One segment, decoded.
///
/// # Errors
/// Where servers could take it for something else.
pub(super) fn decoded(segment: &str) -> Result<Cow<'_, str>, Ambiguous> {
    let text = if segment.contains('%') { percent_decoded(segment)? } else { segment.into() };
    for character in text.chars() {
        match character {
            '/' => return Err(Ambiguous::EncodedSlash),
            '\\' => return Err(Ambiguous::Backslash),
            ';' => return Err(Ambiguous::Parameter),
            _ if character.is_control() => return Err(Ambiguous::Control),
            _ => {}
        }
    }
    let is_encoded =
        |bytes: &[u8]| matches!(bytes, [b'%', high, low] if is_hex(*high) && is_hex(*low));
    if text.as_bytes().windows(3).any(is_encoded) {
        return Err(Ambiguous::EncodedTwice);
    }
    Ok(text)
}

fn percent_decoded(segment: &str) -> Result<Cow<'_, str>, Ambiguous> {
    let mut after_percent = segment.split('%').skip(1).map(str::as_bytes);
    if !after_percent.all(|text| matches!(text, [high, low, ..] if is_hex(*high) && is_hex(*low))) {
        return Err(Ambiguous::Percent);
    }
    let decoding = percent_encoding::percent_decode_str(segment);
    decoding.decode_utf8().map_err(|_| Ambiguous::NotUtf8)
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}
