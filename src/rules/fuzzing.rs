//! Properties that hold for every path and pattern. See [`crate::fuzzing`].

use super::path::segments;
use super::pattern::PathPattern;
use super::{InvalidRules, Rules};

/// A pattern and a target, a line each: the target matches if a second, slower implementation says
/// so, and a pattern that covers another one matches wherever that one does.
pub(crate) fn rule_path(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut lines = text.split('\n');
    let (Some(pattern), Some(target)) = (lines.next(), lines.next()) else { return };
    let read = segments(target);
    assert_eq!(read.as_ref().ok().map(|read| read.join("/")), naive_path(target), "{target:?}");
    let (Ok(parsed), Ok(read)) = (PathPattern::parse(pattern), read) else { return };
    let matches = parsed.matches(&read);
    let parts: Vec<_> = pattern.split('/').skip(1).map(naive_segment).collect();
    let names: Vec<&str> = read.iter().map(|segment| &**segment).collect();
    assert_eq!(matches, naive_matches(&parts, &names), "{pattern:?} {target:?}");
    if let Some(Ok(other)) = lines.next().map(PathPattern::parse)
        && other.covers(&parsed, &mut 100_000)
    {
        assert!(!matches || other.matches(&read), "{pattern:?} {target:?}");
    }
}

/// A file of rules: it is read, or every mistake is told.
pub(crate) fn rules(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Err(InvalidRules(mistakes)) = Rules::parse(text, &[]) {
        assert!(!mistakes.is_empty());
        assert!(mistakes.iter().all(|mistake| mistake.starts_with("line ")), "{mistakes:?}");
    }
}

/// The path of a target with its segments decoded, without the first slash; `None` where it is
/// ambiguous. Written in another way than [`segments`]: by one pass over the bytes.
fn naive_path(target: &str) -> Option<String> {
    if target.contains('#') {
        return None;
    }
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    let path = if path.is_empty() { "/" } else { path };
    let mut rest = path.as_bytes();
    let mut decoded = Vec::new();
    let mut previous = 0;
    if rest.first() != Some(&b'/') {
        return None;
    }
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        let mut byte = *byte;
        if byte == b'/' && previous == b'/' {
            return None;
        }
        previous = byte;
        if byte == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            let is_hex = digits.chars().all(|digit| digit.is_ascii_hexdigit());
            byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
            rest = &rest[2..];
            if byte == b'/' {
                return None;
            }
        }
        decoded.push(byte);
    }
    let decoded = String::from_utf8(decoded).ok()?;
    let is_encoded = |place: usize| {
        let digits = decoded.get(place + 1..place + 3);
        digits.is_some_and(|digits| digits.chars().all(|digit| digit.is_ascii_hexdigit()))
    };
    let is_ambiguous = decoded.contains(['\\', ';'])
        || decoded.contains(char::is_control)
        || decoded.match_indices('%').any(|(place, _)| is_encoded(place));
    if is_ambiguous {
        return None;
    }
    let mut kept: Vec<&str> = Vec::new();
    let all: Vec<&str> = decoded[1..].split('/').collect();
    for (place, segment) in all.iter().enumerate() {
        let is_last = place + 1 == all.len();
        if *segment == ".." {
            kept.pop();
        } else if *segment != "." {
            kept.push(segment);
        }
        if is_last && [".", ".."].contains(segment) {
            kept.push("");
        }
    }
    Some(kept.join("/"))
}

/// A segment of a valid pattern, decoded.
fn naive_segment(segment: &str) -> String {
    naive_path(&format!("/{segment}")).unwrap_or_default()
}

fn naive_matches(parts: &[String], segments: &[&str]) -> bool {
    match (parts, segments) {
        ([], []) => true,
        ([part, rest @ ..], _) if part == "**" => {
            (0..=segments.len()).any(|skipped| naive_matches(rest, &segments[skipped..]))
        }
        ([], _) | (_, []) => false,
        ([part, parts @ ..], [segment, segments @ ..]) => {
            let fits = if part == "*" { !segment.is_empty() } else { part == segment };
            fits && naive_matches(parts, segments)
        }
    }
}
