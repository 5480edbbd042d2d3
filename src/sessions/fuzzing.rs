//! Properties that hold for every id, device and piece of data. See [`crate::fuzzing`].

use serde_json::{Map, Value};

use super::{DataError, SessionId, VisitorData, device_name};
use crate::accounts::fuzzing::user_id;

/// An id in a path or a cursor: one spelling each, of 36 characters.
pub(crate) fn id(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    user_id(text);
    if let Some(id) = SessionId::parse(text) {
        assert_eq!(id.to_string(), text);
        assert_eq!(SessionId::from_uuid(id.as_uuid()), id);
        assert!(text.len() == 36 && !text.contains(|c: char| c.is_ascii_uppercase()), "{text}");
    }
}

/// A `User-Agent`: the device is a few plain words, whatever comes after the first 512 bytes.
pub(crate) fn device(input: &[u8]) {
    let agent = String::from_utf8_lossy(input);
    let device = device_name(&agent);
    let plain = |c: char| c.is_ascii_alphanumeric() || " .".contains(c);
    assert!((2..=40).contains(&device.len()) && device.chars().all(plain), "{device:?}");
    let beginning = &agent[..agent.floor_char_boundary(512)];
    assert_eq!(device_name(beginning), device);
}

/// Two lines, the first of which makes an object that the second changes: as RFC 7396 says, or not
/// at all, and within the bounds.
pub(crate) fn merge_patch(input: &[u8]) {
    let mut lines = input.splitn(2, |byte| *byte == b'\n');
    let mut value = || serde_json::from_slice::<Value>(lines.next().unwrap_or_default()).ok();
    let (Some(first), Some(patch)) = (value(), value()) else { return };
    let Ok(data) = VisitorData::default().merge(&first) else { return };
    let expected = patched(Value::Object(data.as_map().clone()), &patch);
    match data.merge(&patch) {
        Ok(merged) => {
            assert_eq!(Value::Object(merged.as_map().clone()), expected);
            is_sound(&merged);
            assert_eq!(merged.merge(&patch).as_ref(), Ok(&merged), "a second time changes nothing");
            assert_eq!(merged.etag() == data.etag(), merged.to_bytes() == data.to_bytes());
        }
        Err(DataError::NotAnObject) => assert!(!patch.is_object()),
        Err(DataError::TooDeep) => assert!(depth(&patch) > VisitorData::DEEPEST),
        Err(DataError::TooLarge) => assert!(expected.to_string().len() > VisitorData::LARGEST),
        Err(DataError::Malformed) => panic!("nothing was stored"),
    }
}

/// The pseudo-code of RFC 7396, word for word.
fn patched(target: Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut target = if let Value::Object(target) = target { target } else { Map::new() };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            let before = target.remove(name).unwrap_or_default();
            target.insert(name.clone(), patched(before, value));
        }
    }
    Value::Object(target)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn is_sound(data: &VisitorData) {
    let bytes = data.to_bytes();
    assert!(bytes.len() <= VisitorData::LARGEST);
    assert!(data.as_map().values().all(|value| depth(value) < VisitorData::DEEPEST));
    let Ok(read) = VisitorData::from_bytes(&bytes) else { panic!("what was kept is unreadable") };
    assert_eq!(&read, data);
    assert_eq!((read.to_bytes(), read.etag()), (bytes, data.etag()));
    let (etag, weak) = (data.etag(), format!("W/{}", data.etag()));
    assert!(etag.matches(etag.as_str()) && etag.matches("*") && !etag.matches(&weak));
}

/// Bytes in the place of stored data: refused, or an object in its one form.
pub(crate) fn stored_data(input: &[u8]) {
    if let Ok(data) = VisitorData::from_bytes(input) {
        assert!(input.len() <= VisitorData::LARGEST);
        // The canonical form can be longer than what is read: `1e9` is written `1000000000.0`.
        if data.to_bytes().len() <= VisitorData::LARGEST {
            is_sound(&data);
        }
    }
}

/// `If-Match`: only `*` and a strong tag of this very content let a change through.
pub(crate) fn if_match(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let tag = VisitorData::default().etag();
    let is_star = text.trim_matches([' ', '\t']) == "*";
    if !tag.matches(text) {
        assert!(!is_star && text.trim_matches([' ', '\t']) != tag.as_str());
        return;
    }
    assert!(is_star || text.replace(&format!("W/{tag}"), "").contains(tag.as_str()), "{text:?}");
    assert!(is_star || tag.matches(&format!("\"other\", {text}, W/\"x\",")), "{text:?}");
    assert!(!tag.matches(&format!("{text} broken")), "{text:?}");
}
