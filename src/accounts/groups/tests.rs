use proptest::prelude::*;

use super::{Group, Groups, GroupsChange, InvalidGroups};

fn groups(names: &[&str]) -> Groups {
    Groups::parse(names.iter().copied()).unwrap()
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("group-{n}")).collect()
}

fn parsed(names: &[String]) -> Result<Groups, InvalidGroups> {
    Groups::parse(names.iter().map(String::as_str))
}

#[test]
fn a_name_is_of_64_plain_characters_at_most_and_no_role() {
    let longest = "x".repeat(64);
    for name in ["a", "dev", "on_call-2", "-", "_", "0", "administrators", "users", &longest] {
        assert_eq!(Group::parse(name).unwrap().as_str(), name);
    }
    let too_long = "x".repeat(65);
    for name in [
        "",
        " ",
        "a b",
        "a,b",
        " dev",
        "dev\n",
        "Dev",
        "dév",
        "개발",
        "a.b",
        "a\u{0}",
        "a%",
        "a\r\nRemote-User: x",
        &too_long,
    ] {
        assert_eq!(Group::parse(name), Err(InvalidGroups::Name), "{name:?}");
    }
    for name in ["admin", "user"] {
        assert_eq!(Group::parse(name), Err(InvalidGroups::Role), "{name}");
    }
}

#[test]
fn groups_are_sorted_and_each_is_there_once() {
    let three = groups(&["ops", "dev", "ops", "_x", "dev"]);
    assert_eq!(three.as_str(), "_x,dev,ops");
    assert_eq!(three.iter().collect::<Vec<_>>(), ["_x", "dev", "ops"]);
    assert!(three.contains("dev") && !three.contains("de") && !three.contains("dev,ops"));
    assert_eq!(three, groups(&["_x", "dev", "ops"]));
    let none = Groups::default();
    assert!(none.is_empty() && none.iter().next().is_none() && !none.contains(""));
    assert_eq!(none, groups(&[]));
}

#[test]
fn there_are_64_groups_at_most_however_often_each_is_named() {
    let most = numbered(64);
    let twice: Vec<String> = most.iter().chain(&most).cloned().collect();
    assert_eq!(parsed(&twice).unwrap().iter().count(), 64);
    assert_eq!(parsed(&numbered(65)), Err(InvalidGroups::TooMany));
}

#[test]
fn what_a_store_kept_is_read_again_and_nothing_else() {
    for text in ["", "dev", "dev,on-call,ops"] {
        assert_eq!(Groups::from_stored(text).unwrap().as_str(), text);
    }
    assert_eq!(Groups::from_stored("ops,dev,ops").unwrap().as_str(), "dev,ops");
    for text in ["dev,admin", "user", "a,,b", ",", "a, b", "A", "a\nb"] {
        assert!(Groups::from_stored(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_change_replaces_adds_or_removes() {
    let before = groups(&["dev", "ops"]);
    let group = |name| Group::parse(name).unwrap();
    for (change, after) in [
        (GroupsChange::Replace(groups(&["x"])), "x"),
        (GroupsChange::Replace(Groups::default()), ""),
        (GroupsChange::Add(group("crew")), "crew,dev,ops"),
        (GroupsChange::Add(group("dev")), "dev,ops"),
        (GroupsChange::Remove(group("dev")), "ops"),
        (GroupsChange::Remove(group("de")), "dev,ops"),
    ] {
        assert_eq!(change.applied_to(&before).unwrap().as_str(), after, "{change:?}");
    }
    let full = parsed(&numbered(64)).unwrap();
    let one_more = GroupsChange::Add(group("dev"));
    assert_eq!(one_more.applied_to(&full), Err(InvalidGroups::TooMany));
    let one_of_them = GroupsChange::Add(group("group-7"));
    assert_eq!(one_of_them.applied_to(&full), Ok(full));
}

#[test]
fn names_that_the_others_lack_are_found() {
    let (before, after) = (groups(&["a", "b"]), groups(&["b", "c", "d"]));
    assert_eq!(after.without(&before).collect::<Vec<_>>(), ["c", "d"]);
    assert_eq!(before.without(&after).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn every_refusal_says_what_to_write_and_has_a_word() {
    for (refused, code) in [
        (InvalidGroups::Name, "invalid_name"),
        (InvalidGroups::Role, "reserved_name"),
        (InvalidGroups::TooMany, "too_many"),
    ] {
        assert_eq!(refused.code(), code);
        assert!(refused.to_string().contains("group"), "{refused}");
    }
}

proptest! {
    #[test]
    fn what_is_accepted_is_final_and_fits_a_header(names in prop::collection::vec("[a-z0-9_-]{1,64}", 0..80)) {
        let Ok(groups) = parsed(&names) else { return Ok(()) };
        prop_assert!(groups.as_str().len() <= 64 * 65);
        prop_assert!(groups.iter().is_sorted());
        prop_assert!(names.iter().all(|name| groups.contains(name)));
        prop_assert_eq!(Groups::from_stored(groups.as_str()), Ok(groups));
    }
}
