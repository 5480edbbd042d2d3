//! Tests of the answers to a probe.

use std::collections::HashSet;

use redis::Value;

use super::{is_tracking, unique_name};

fn bulk(text: &str) -> Value {
    Value::BulkString(text.as_bytes().to_vec())
}

fn info(flags: &[&str], prefixes: &[&str]) -> Vec<(Value, Value)> {
    let flags = flags.iter().map(|flag| bulk(flag)).collect();
    let prefixes = prefixes.iter().map(|prefix| bulk(prefix)).collect();
    vec![
        (bulk("flags"), Value::Set(flags)),
        (bulk("redirect"), Value::Int(-1)),
        (bulk("prefixes"), Value::Array(prefixes)),
    ]
}

#[test]
fn only_a_tracking_connection_passes() {
    let ours = ["anteroom:1:t"];
    for (flags, prefixes, is_good) in [
        (&["on", "bcast"][..], &ours[..], true),
        (&["bcast", "on"], &["other", "anteroom:1:t"], true),
        (&["on"], &ours, false),
        (&["off"], &ours, false),
        (&["off"], &[], false),
        (&[], &ours, false),
        (&["on", "bcast"], &[], false),
        (&["on", "bcast"], &["anteroom:1:"], false),
        (&["on", "bcast", "broken_redirect"], &ours, false),
        (&["on", "bcast", "noloop"], &ours, false),
    ] {
        let info = Value::Map(info(flags, prefixes));
        assert_eq!(is_tracking(info), is_good, "{flags:?} {prefixes:?}");
    }
}

#[test]
fn an_answer_of_another_form_fails() {
    let whole = info(&["on", "bcast"], &["anteroom:1:t"]);
    let flat = whole.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).collect();
    let without = |place: usize| {
        let mut info = whole.clone();
        info.remove(place);
        Value::Map(info)
    };
    // The first is the answer to a RESP2 connection, which receives no invalidations.
    for answer in [Value::Array(flat), without(0), without(2), Value::Okay, Value::Nil] {
        assert!(!is_tracking(answer.clone()), "{answer:?}");
    }
}

#[test]
fn no_two_canaries_have_the_same_name() {
    let names: HashSet<[u8; 16]> = (0..10_000).map(|_| unique_name()).collect();
    assert_eq!(names.len(), 10_000);
}
