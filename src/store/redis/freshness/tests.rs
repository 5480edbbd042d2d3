//! What the answers to a probe say.

use std::collections::HashSet;

use redis::Value;

use super::{tells_of_changes, unheard_of};

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
fn only_a_connection_that_hears_of_what_is_tracked_is_good() {
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
        assert_eq!(tells_of_changes(info), is_good, "{flags:?} {prefixes:?}");
    }
}

#[test]
fn an_answer_of_another_form_is_no_answer() {
    let whole = info(&["on", "bcast"], &["anteroom:1:t"]);
    let flat = whole.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).collect();
    let without = |place: usize| {
        let mut info = whole.clone();
        info.remove(place);
        Value::Map(info)
    };
    // The first is what a connection is answered that speaks RESP2, to which nothing is told.
    for answer in [Value::Array(flat), without(0), without(2), Value::Okay, Value::Nil] {
        assert!(!tells_of_changes(answer.clone()), "{answer:?}");
    }
}

#[test]
fn no_two_canaries_have_the_same_name() {
    let names: HashSet<[u8; 16]> = (0..10_000).map(|_| unheard_of()).collect();
    assert_eq!(names.len(), 10_000);
}
