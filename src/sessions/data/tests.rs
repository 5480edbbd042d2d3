use proptest::prelude::*;
use serde_json::json;

use super::*;

fn data(patch: &Value) -> VisitorData {
    VisitorData::default().merge(patch).unwrap()
}

/// Through the public way, with original and patch as a member each, so that the examples whose
/// target or result is no object count too.
fn merged(original: Value, patch: &Value) -> Value {
    let mut target = Map::new();
    target.insert("it".to_owned(), original);
    let after = VisitorData(target).merge(&json!({ "it": patch })).unwrap();
    after.0.get("it").cloned().unwrap_or(Value::Null)
}

#[test]
fn a_patch_does_what_the_examples_of_rfc_7396_say() {
    let examples = [
        (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
        (json!({"a": "b"}), json!({"a": null}), json!({})),
        (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
        (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
        (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
        (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
        (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
        (json!({"a": "b"}), json!(["c"]), json!(["c"])),
        (json!({"a": "foo"}), json!(null), json!(null)),
        (json!({"a": "foo"}), json!("bar"), json!("bar")),
        (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
        (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
        (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
    ];
    for (original, patch, result) in examples {
        assert_eq!(merged(original.clone(), &patch), result, "{original} + {patch}");
        if let (Value::Object(map), Value::Object(_)) = (original, &patch) {
            let whole = VisitorData(map).merge(&patch).unwrap();
            assert_eq!(Value::Object(whole.0), result, "{patch} of the whole");
        }
    }
}

#[test]
fn a_patch_that_is_no_object_is_refused() {
    for patch in [json!(null), json!([]), json!("a"), json!(1), json!(true)] {
        assert_eq!(data(&json!({"a": 1})).merge(&patch), Err(DataError::NotAnObject));
    }
}

#[test]
fn data_takes_8192_bytes_and_not_one_more() {
    let of_length = |length: usize| json!({ "a": "x".repeat(length - r#"{"a":""}"#.len()) });

    let largest = data(&of_length(8192));
    assert_eq!(largest.to_bytes().len(), 8192);
    assert_eq!(VisitorData::from_bytes(&largest.to_bytes()), Ok(largest.clone()));
    assert_eq!(VisitorData::default().merge(&of_length(8193)), Err(DataError::TooLarge));
    assert_eq!(largest.merge(&json!({"b": 1})), Err(DataError::TooLarge));
    assert_eq!(largest.merge(&json!({"a": null})), Ok(VisitorData::default()));
}

fn nested(levels: usize, wrap: fn(Value) -> Value) -> Value {
    (1..levels).fold(json!({}), |inner, _| wrap(inner))
}

/// As `json!({ "a": inner })`, which would copy the inside at every level.
fn in_object(inner: Value) -> Value {
    Value::Object([("a".to_owned(), inner)].into_iter().collect())
}

#[test]
fn data_is_32_deep_and_not_one_deeper() {
    let wraps: [fn(Value) -> Value; 2] = [in_object, |inner| Value::Array(vec![inner])];
    for wrap in wraps {
        let object = |levels: usize| in_object(nested(levels - 1, wrap));

        let deepest = data(&object(32));
        assert_eq!(VisitorData::from_bytes(&deepest.to_bytes()), Ok(deepest));
        assert_eq!(VisitorData::default().merge(&object(33)), Err(DataError::TooDeep));
        let bytes = serde_json::to_vec(&object(33)).unwrap();
        assert_eq!(VisitorData::from_bytes(&bytes), Err(DataError::TooDeep));
        assert_eq!(VisitorData::default().merge(&object(3_000)), Err(DataError::TooDeep));
    }
}

#[test]
fn stored_bytes_are_read_or_refused() {
    assert_eq!(VisitorData::from_bytes(b""), Ok(VisitorData::default()));
    assert_eq!(VisitorData::from_bytes(b"{}"), Ok(VisitorData::default()));
    assert_eq!(VisitorData::from_bytes(b"[]"), Err(DataError::NotAnObject));
    assert_eq!(VisitorData::from_bytes(b"{"), Err(DataError::Malformed));
    assert_eq!(VisitorData::from_bytes(b"\xFF"), Err(DataError::Malformed));
    assert_eq!(VisitorData::from_bytes(&[b'['; 8_000]), Err(DataError::Malformed));
}

/// Needs the `float_roundtrip` feature of `serde_json`: without it a number may come back one step
/// beside what was written, and the tag of untouched data changes between two requests.
#[test]
fn a_number_comes_back_as_it_was_written() {
    let written = data(&json!({ "a": -5.263_181_925_759_969e268 }));
    let read = VisitorData::from_bytes(&written.to_bytes()).unwrap();
    assert_eq!(read.etag(), written.etag());
}

#[test]
fn equal_objects_have_equal_tags_whatever_the_order_of_their_making() {
    let one =
        data(&json!({"b": {"y": 1, "x": [{"q": 1, "p": 2}]}})).merge(&json!({"a": 1})).unwrap();
    let other = VisitorData::from_bytes(br#"{"a":1, "b":{"x":[{"p":2,"q":1}],"y":1}}"#).unwrap();

    assert_eq!(one.to_bytes(), br#"{"a":1,"b":{"x":[{"p":2,"q":1}],"y":1}}"#);
    assert_eq!(one.etag(), other.etag());
    assert_ne!(one.etag(), one.merge(&json!({"a": 2})).unwrap().etag());
}

#[test]
fn a_tag_is_the_first_half_of_the_sha_256_of_the_canonical_bytes() {
    // printf '{}' | sha256sum
    assert_eq!(VisitorData::default().etag().as_str(), "\"44136fa355b3678a1146ad16f7e8649e\"");
    let etag = VisitorData::default().etag();
    assert_eq!(etag.to_string(), etag.as_str());
}

#[test]
fn if_match_finds_the_strong_tag_in_a_list_and_nothing_else() {
    let tag = VisitorData::default().etag();
    let (own, other) = (tag.as_str(), "\"other\"");

    for header in [
        own.to_owned(),
        "*".to_owned(),
        " * ".to_owned(),
        format!("{other}, {own}"),
        format!("W/{other} ,\t{own} , "),
        format!(",, {own}"),
        format!("\"a,b\",{own}"),
    ] {
        assert!(tag.matches(&header), "{header}");
    }
    let bare = own.trim_matches('"');
    for header in [
        String::new(),
        other.to_owned(),
        format!("W/{own}"),
        format!("w/{own}"),
        bare.to_owned(),
        format!("\"{bare}"),
        format!("{own}{other}"),
        format!("{own} {other}"),
        format!("{own}, broken"),
        format!("*, {own}"),
        format!("\"x{own}"),
        format!("\"{bare} \""),
        own.to_uppercase(),
        "W/".to_owned(),
        "\"".to_owned(),
    ] {
        assert!(!tag.matches(&header), "{header}");
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c\"\\\\é]{0,6}".prop_map(Value::from),
        Just(Value::from("x".repeat(3_000))),
    ];
    leaf.prop_recursive(40, 60, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-d]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_merged_stays_small_shallow_and_readable(patches in prop::collection::vec(any_value(), 0..6)) {
        let mut data = VisitorData::default();
        for patch in patches {
            let Ok(merged) = data.merge(&patch) else { continue };
            prop_assert!(merged.to_bytes().len() <= VisitorData::LARGEST);
            prop_assert_eq!(VisitorData::from_bytes(&merged.to_bytes()), Ok(merged.clone()));
            prop_assert_eq!(merged.merge(&json!({})), Ok(merged.clone()));
            prop_assert!(merged.etag().matches(merged.etag().as_str()));
            data = merged;
        }
    }

    #[test]
    fn no_bytes_and_no_header_make_it_panic(bytes: Vec<u8>, header in "[*W/\", a\t]{0,12}|.*") {
        let _ = VisitorData::from_bytes(&bytes);
        let _ = VisitorData::default().etag().matches(&header);
    }
}
