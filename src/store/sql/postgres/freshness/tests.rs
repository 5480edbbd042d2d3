use uuid::Uuid;

use super::{Change, SessionId, UserId, changes};

#[test]
fn a_notification_names_the_changed_sessions_or_users() {
    let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(u128::MAX));
    let says = |kind: &str| format!("{kind}{}{}", one.simple(), other.simple());

    let sessions = [one, other].map(|id| Change::Session(SessionId::from_uuid(id)));
    assert_eq!(changes(&says("s")), sessions);
    let users = [one, other].map(|id| Change::User(UserId::from_uuid(id)));
    assert_eq!(changes(&says("u")), users);
    assert_eq!(changes("*"), [Change::Everything]);
    assert_eq!(changes("."), []);
    assert_eq!(changes("?3f1c"), []);
}

#[test]
fn an_unknown_notification_invalidates_everything() {
    let id = Uuid::from_u128(7).simple().to_string();
    let dashed = Uuid::from_u128(7).to_string();
    for says in [
        "",
        "..",
        "x",
        "é",
        &id,
        &format!("s{id}0"),
        &format!("u{}", &id[1..]),
        &format!("s{dashed}"),
        &format!("s{}é", &id[2..]),
        "**",
    ] {
        assert_eq!(changes(says), [Change::Everything], "{says}");
    }
}
