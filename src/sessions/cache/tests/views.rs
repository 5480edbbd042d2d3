//! The cached views of sessions: children, and access tokens in the same way.

use super::*;
use crate::sessions::{Child, Origin};

const WIKI: &str = "https://wiki.example.org";

/// The child of this number of the session of another number, under the token of its number.
fn fill_child(memory: &Memory, ticket: Ticket, number: u32, parent: u32) -> Arc<Child> {
    let child = Arc::new(Child {
        id: SessionId::from_uuid(Uuid::from_u128(u128::from(number) + 1)),
        parent: session(parent, &account(parent)).id,
        origin: Origin::of(WIKI),
        created_at: NOW,
        client: Client::default(),
    });
    let (session, account) = (session(parent, &account(parent)), account(parent));
    let presented = Presented::Child(Arc::clone(&child));
    let fill = Fill { presented: &presented, ..fill_of(digest(number), &session, &account) };
    memory.insert(ticket, &fill);
    child
}

fn is_child_found(memory: &Memory, number: u32) -> bool {
    memory.find_child(&digest(number), &Origin::of(WIKI), T, NOW).is_some()
}

#[test]
fn a_child_is_found_at_its_origin_only_and_is_no_session() {
    let memory = over(1);
    let child = fill_child(&memory, memory.ticket(T).unwrap(), 7, 1);
    fill(&memory, 2);

    let found = memory.find_child(&digest(7), &Origin::of(WIKI), T, NOW).unwrap();
    assert_eq!((found.child, found.session.id), (child.clone(), child.parent));
    for other in ["https://wiki.example.org:8443", "http://wiki.example.org", ""] {
        assert!(memory.find_child(&digest(7), &Origin::of(other), T, NOW).is_none(), "{other}");
    }
    assert!(!is_found(&memory, 7), "a child is taken for a session");
    assert!(!is_child_found(&memory, 2), "a session is taken for a child");
}

#[test]
fn a_child_is_dropped_with_its_parent_and_alone() {
    for is_parent_cached in [true, false] {
        let drops = [
            (Change::Session(session(1, &account(1)).id), false),
            (Change::Session(session(7, &account(7)).id), is_parent_cached),
            (Change::Token(digest(7)), is_parent_cached),
            (Change::User(account(1).user.id), false),
            (Change::Everything, false),
        ];
        for (change, parent_stays) in drops {
            let memory = over(1);
            if is_parent_cached {
                fill(&memory, 1);
            }
            fill_child(&memory, memory.ticket(T).unwrap(), 7, 1);
            let late = memory.ticket(T).unwrap();

            memory.invalidate(change);

            assert!(!is_child_found(&memory, 7), "{change:?}");
            assert_eq!(is_found(&memory, 1), parent_stays, "{change:?}");
            fill_child(&memory, late, 7, 1);
            assert!(!is_child_found(&memory, 7), "read before {change:?} and cached after it");
            fill_child(&memory, memory.ticket(T).unwrap(), 7, 1);
            assert!(is_child_found(&memory, 7), "{change:?}");
        }
    }
}

#[test]
fn the_children_of_a_token_that_is_not_cached_are_dropped_with_it() {
    for is_parent_cached in [true, false] {
        let memory = over(1);
        if is_parent_cached {
            fill(&memory, 1);
        }
        fill_child(&memory, memory.ticket(T).unwrap(), 7, 1);
        fill(&memory, 2);
        let late = memory.ticket(T).unwrap();

        memory.invalidate_session_of(digest(1));

        assert!(!is_found(&memory, 1) && !is_child_found(&memory, 7));
        assert_eq!(is_found(&memory, 2), is_parent_cached);
        fill_child(&memory, late, 7, 1);
        assert!(!is_child_found(&memory, 7), "it was read before");
    }
}

#[test]
fn activity_of_a_session_is_seen_with_its_children() {
    let memory = over(1);
    let ticket = memory.ticket(T).unwrap();
    fill(&memory, 1);
    fill_child(&memory, ticket, 7, 1);
    fill_child(&memory, ticket, 8, 1);
    fill_child(&memory, ticket, 9, 2);
    let later = NOW + HOUR / 2;

    memory.see(session(1, &account(1)).id, later, &Client::default(), later + HOUR);

    assert!(memory.find(&digest(1), T, NOW + HOUR).is_some());
    for (child, is_active) in [(7, true), (8, true), (9, false)] {
        let found = memory.find_child(&digest(child), &Origin::of(WIKI), T, NOW + HOUR);
        assert_eq!(found.map(|found| found.session.last_seen_at), is_active.then_some(later));
    }
}

#[test]
fn children_leave_nothing_behind() {
    let memory = over(1);
    for round in 0..10_000 {
        fill_child(&memory, memory.ticket(T).unwrap(), 100 + round % 30, round % 10);
        let number = if round % 2 == 0 { 100 + round % 30 } else { round % 10 };
        memory.invalidate(changes_of(number)[usize::try_from(round % 3).unwrap()]);
    }
    assert!(memory.size().0 <= 30 && memory.cached_views() <= 30);
    memory.invalidate(Change::Everything);
    assert_eq!((memory.size(), memory.cached_views()), ((0, 0), 0));
}

#[test]
fn a_session_has_a_bounded_number_of_cached_views_the_latest() {
    let memory = over(1);
    for number in 100..200 {
        fill_child(&memory, memory.ticket(T).unwrap(), number, 1);
    }
    fill_child(&memory, memory.ticket(T).unwrap(), 7, 2);
    assert_eq!(memory.cached_views(), 64 + 1);
    assert!((136..200).chain([7]).all(|number| is_child_found(&memory, number)));
    memory.invalidate(changes_of(1)[0]);
    assert_eq!(memory.cached_views(), 1);
}
