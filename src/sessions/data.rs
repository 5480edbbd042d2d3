//! The browser's JSON object in its session. The server never trusts its contents.

use std::fmt;
use std::fmt::Write as _;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// The JSON object of a browser in its session. Equal objects have equal bytes: keys are
/// sorted, and there is no white space.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VisitorData(Map<String, Value>);

/// Why data was refused. The stored data is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// A patch that is not an object would replace the object as a whole.
    #[error("send a JSON object that holds the members to change, null to remove one")]
    NotAnObject,
    /// More than 8 KiB after the change.
    #[error("the data would take more than 8192 bytes: remove members, or keep less in them")]
    TooLarge,
    /// More than 32 levels of objects and arrays.
    #[error("nest objects and arrays at most 32 deep")]
    TooDeep,
    /// Stored bytes that no version of this program wrote.
    #[error("the stored data is not JSON")]
    Malformed,
}

impl DataError {
    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooDeep => "too_deep",
            Self::TooLarge | Self::NotAnObject | Self::Malformed => "too_large",
        }
    }
}

impl VisitorData {
    /// The largest size, in bytes of its canonical form.
    pub const LARGEST: usize = 8192;

    /// The deepest nesting; the object itself is the first level.
    pub const DEEPEST: usize = 32;

    /// Reads what [`VisitorData::to_bytes`] wrote; no bytes are the empty object.
    ///
    /// # Errors
    /// [`DataError`] when the bytes cannot be from there.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DataError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        if bytes.len() > Self::LARGEST {
            return Err(DataError::TooLarge);
        }
        match serde_json::from_slice(bytes).map_err(|_| DataError::Malformed)? {
            Value::Object(map) if is_deeper_than(&map, Self::DEEPEST) => Err(DataError::TooDeep),
            Value::Object(map) => Ok(Self(sorted(map))),
            _ => Err(DataError::NotAnObject),
        }
    }

    /// The canonical form, at most [`VisitorData::LARGEST`] bytes: stored, sent to
    /// the browser, and digested for the [`Etag`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // A map with text for keys always has a JSON form.
        serde_json::to_vec(&self.0).unwrap_or_default()
    }

    /// The object.
    #[must_use]
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The object after a merge patch (RFC 7396).
    ///
    /// # Errors
    /// [`DataError`] when the patch is no object, is nested too deep, or would make the object too
    /// large.
    pub fn merge(&self, patch: &Value) -> Result<Self, DataError> {
        let Value::Object(changes) = patch else { return Err(DataError::NotAnObject) };
        if is_deeper_than(changes, Self::DEEPEST) {
            return Err(DataError::TooDeep);
        }
        let mut merged = self.0.clone();
        merge_members(&mut merged, changes);
        let merged = Self(sorted(merged));
        if merged.to_bytes().len() > Self::LARGEST {
            return Err(DataError::TooLarge);
        }
        Ok(merged)
    }

    /// The tag of this content.
    #[must_use]
    pub fn etag(&self) -> Etag {
        let digest = Sha256::digest(self.to_bytes());
        let mut tag = String::with_capacity(34);
        tag.push('"');
        for byte in digest.iter().take(16) {
            // Writing to a String cannot fail.
            let _ = write!(tag, "{byte:02x}");
        }
        tag.push('"');
        Etag(tag)
    }
}

/// Recursion is as deep as the patch, which the caller has bounded.
fn merge_members(target: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (key, change) in changes {
        match change {
            Value::Null => {
                target.remove(key);
            }
            Value::Object(changes) => {
                let member = target.entry(key.clone()).or_insert(Value::Null);
                let mut object = match member.take() {
                    Value::Object(object) => object,
                    _ => Map::new(),
                };
                merge_members(&mut object, changes);
                *member = Value::Object(object);
            }
            other => {
                target.insert(key.clone(), other.clone());
            }
        }
    }
}

/// Recurses at most `levels` deep, so that no nesting exhausts the stack.
fn is_deeper_than(map: &Map<String, Value>, levels: usize) -> bool {
    levels == 0 || map.values().any(|value| goes_below(value, levels - 1))
}

fn goes_below(value: &Value, levels: usize) -> bool {
    match value {
        Value::Object(map) => is_deeper_than(map, levels),
        Value::Array(items) => levels == 0 || items.iter().any(|item| goes_below(item, levels - 1)),
        _ => false,
    }
}

/// With every key in order. The default map sorts by itself, but a dependency anywhere in the
/// build can switch `serde_json` to one that does not, and the tags must not depend on that.
fn sorted(map: Map<String, Value>) -> Map<String, Value> {
    let mut members: Vec<_> = map.into_iter().collect();
    members.sort_by(|(one, _), (other, _)| one.cmp(other));
    members.into_iter().map(|(key, value)| (key, sorted_value(value))).collect()
}

fn sorted_value(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(sorted(map)),
        Value::Array(items) => Value::Array(items.into_iter().map(sorted_value).collect()),
        other => other,
    }
}

/// A strong entity tag: two of them are equal when the contents are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Etag(String);

impl Etag {
    /// The header's value, with its quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an `If-Match` header allows a change of this content: `*`, or a list that has this
    /// tag (RFC 9110, 13.1.1). Weak tags and malformed headers never match.
    #[must_use]
    pub fn matches(&self, if_match: &str) -> bool {
        let mut rest = trim_start(if_match);
        if trim_end(rest) == "*" {
            return true;
        }
        let mut found = false;
        while !rest.is_empty() {
            if let Some(next) = rest.strip_prefix(',') {
                rest = trim_start(next);
                continue;
            }
            let (weak, opaque) = match rest.strip_prefix("W/") {
                Some(opaque) => (true, opaque),
                None => (false, rest),
            };
            let Some((tag, next)) = split_tag(opaque) else { return false };
            found |= !weak && tag == self.0;
            rest = trim_start(next);
            if !rest.is_empty() && !rest.starts_with(',') {
                return false;
            }
        }
        found
    }
}

fn trim_start(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

fn trim_end(text: &str) -> &str {
    text.trim_end_matches([' ', '\t'])
}

/// A quoted tag and what follows it.
fn split_tag(text: &str) -> Option<(&str, &str)> {
    let length = text.strip_prefix('"')?.find('"')? + 2;
    Some(text.split_at(length))
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
