//! The rules of what is remembered, one by one.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use super::memory::{MOST_BYTES, MOST_ENTRIES, Memory};
use super::{Change, LEASE, Ticket};
use crate::accounts::{Account, Email, Epoch, Name, Role, Status, User, UserId};
use crate::sessions::{Client, Owner, Session, SessionId, TimeoutRule, TokenDigest};

const NOW: OffsetDateTime = datetime!(2026-11-21 09:00 UTC);
const HOUR: Duration = Duration::from_hours(1);
/// Since the machine was started.
const T: Duration = Duration::from_secs(1000);

fn millis(count: u64) -> Duration {
    T + Duration::from_millis(count)
}

fn digest(number: u32) -> TokenDigest {
    let mut bytes = [7; 32];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes[31] = number.to_le_bytes()[0];
    TokenDigest::from_bytes(bytes)
}

fn account(number: u32) -> Account {
    let user = User {
        id: UserId::from_uuid(Uuid::from_u128(u128::from(number) + 1)),
        email: Email::parse("ada@example.org").unwrap(),
        email_verified: true,
        name: Name::parse("Ada").unwrap(),
        role: Role::User,
        status: Status::Active,
        created_at: NOW,
    };
    Account { user, epoch: Epoch::FIRST, epoch_reason: None }
}

fn session(number: u32, account: &Account) -> Arc<Session> {
    Arc::new(Session {
        id: SessionId::from_uuid(Uuid::from_u128(u128::from(number) + 1)),
        owner: Owner::User { id: account.user.id, epoch: account.epoch },
        created_at: NOW,
        authenticated_at: Some(NOW),
        last_seen_at: NOW,
        expires_at: NOW + 24 * HOUR,
        rule: TimeoutRule::Standard,
        remember_me: false,
        client: Client::default(),
        moved_to: None,
    })
}

/// A memory over some stores, each of which tells what changes and vouched at `T`.
fn over(stores: usize) -> Memory {
    let memory = Memory::of(stores, T);
    for store in 0..stores {
        memory.subscribed(store);
        memory.vouched(store, T, T);
    }
    memory
}

fn fill_with(memory: &Memory, ticket: Ticket, number: u32, account: &Account) {
    let session = session(number, account);
    memory.remember(ticket, digest(number), (&session, NOW + HOUR), Some(account));
}

/// As a check does that asked the stores.
fn fill(memory: &Memory, number: u32) {
    fill_with(memory, memory.ticket(T).unwrap(), number, &account(number));
}

fn is_told(memory: &Memory, number: u32) -> bool {
    memory.find(&digest(number), T, NOW).is_some()
}

fn changes_of(number: u32) -> [Change; 4] {
    let account = account(number);
    [
        Change::Session(session(number, &account).id),
        Change::Token(digest(number)),
        Change::User(account.user.id),
        Change::Everything,
    ]
}

#[test]
fn what_was_read_is_told_under_a_lease_and_not_a_moment_longer() {
    let memory = over(1);
    fill(&memory, 1);
    let told = memory.find(&digest(1), millis(99), NOW).unwrap();
    assert_eq!(
        (told.session.id, told.user.unwrap().id),
        (session(1, &account(1)).id, account(1).user.id)
    );
    assert!(memory.find(&digest(1), T + LEASE, NOW).is_none());
    memory.vouched(0, millis(25), millis(25));
    assert!(memory.find(&digest(1), millis(124), NOW).is_some());
    assert!(memory.find(&digest(1), millis(125), NOW).is_none());
}

#[test]
fn every_store_has_to_vouch() {
    let memory = over(2);
    fill(&memory, 1);
    assert!(is_told(&memory, 1));
    memory.vouched(0, millis(50), millis(50));
    assert!(memory.find(&digest(1), millis(120), NOW).is_none(), "one of them did not");
    memory.cut(0);
    assert!(!is_told(&memory, 1) && memory.ticket(T).is_none());
    assert!(over(0).lease(T).left.is_zero(), "where nobody can vouch, nothing is told");
}

#[test]
fn what_is_dropped_is_not_told_again() {
    for dropped in changes_of(1) {
        let memory = over(1);
        fill(&memory, 1);
        fill(&memory, 2);
        memory.forget(dropped);
        assert!(!is_told(&memory, 1), "{dropped:?}");
        assert_eq!(is_told(&memory, 2), dropped != Change::Everything, "{dropped:?}");
    }
}

#[test]
fn what_was_read_before_a_drop_is_not_remembered_after_it() {
    for dropped in changes_of(1) {
        let memory = over(1);
        let before = memory.ticket(T).unwrap();
        memory.forget(dropped);
        fill_with(&memory, before, 1, &account(1));
        assert!(!is_told(&memory, 1), "{dropped:?}");
        fill(&memory, 1);
        assert!(is_told(&memory, 1), "{dropped:?}");
    }
}

#[test]
fn a_drop_of_another_session_keeps_nothing_out() {
    let memory = over(1);
    let before = memory.ticket(T).unwrap();
    for change in &changes_of(2)[..3] {
        memory.forget(*change);
    }
    fill_with(&memory, before, 1, &account(1));
    assert!(is_told(&memory, 1));
}

#[test]
fn a_new_subscription_begins_with_nothing() {
    let memory = over(1);
    let before = memory.ticket(T).unwrap();
    fill(&memory, 1);
    memory.cut(0);
    assert!(!is_told(&memory, 1));
    memory.subscribed(0);
    memory.vouched(0, T, T);
    fill_with(&memory, before, 2, &account(2));
    assert!(!is_told(&memory, 1) && !is_told(&memory, 2));
}

#[test]
fn nothing_is_told_for_longer_than_half_a_minute() {
    let memory = over(1);
    fill(&memory, 1);
    for (second, told) in [(29, true), (30, false), (31, false)] {
        let now = T + Duration::from_secs(second);
        memory.vouched(0, now, now);
        assert_eq!(memory.find(&digest(1), now, NOW).is_some(), told, "after {second} s");
    }
}

#[test]
fn a_session_that_looks_idle_is_asked_of_the_store() {
    let memory = over(1);
    fill(&memory, 1);
    let almost = NOW + HOUR - Duration::from_millis(1);
    assert!(memory.find(&digest(1), T, almost).is_some());
    assert!(memory.find(&digest(1), T, NOW + HOUR).is_none());
    memory.see(session(1, &account(1)).id, (almost, &Client::default()), almost + HOUR);
    let told = memory.find(&digest(1), T, NOW + HOUR).unwrap();
    assert_eq!(told.session.last_seen_at, almost);
}

#[test]
fn what_contradicts_what_is_remembered_is_not_remembered_either() {
    let memory = over(1);
    fill(&memory, 1);
    let raised = Account { epoch: Epoch::FIRST.next(), ..account(1) };
    let ticket = memory.ticket(T).unwrap();
    fill_with(&memory, ticket, 2, &raised);
    assert!(!is_told(&memory, 1) && !is_told(&memory, 2));
}

#[test]
fn what_is_remembered_is_bounded_and_what_is_looked_up_stays() {
    let memory = over(1);
    fill(&memory, 0);
    let many = u32::try_from(MOST_ENTRIES).unwrap() * 3 / 2;
    for number in 1..many {
        fill(&memory, number);
        let (count, bytes) = memory.size();
        assert!(count <= MOST_ENTRIES && bytes <= MOST_BYTES, "{count} take {bytes}");
        if number % 1000 == 0 {
            assert!(is_told(&memory, 0), "{number} later");
        }
    }
    assert!(!is_told(&memory, 1), "the oldest made room");
    memory.forget(Change::Everything);
    assert_eq!(memory.size(), (0, 0));
}

#[test]
fn what_was_remembered_and_dropped_again_and_again_leaves_nothing() {
    let memory = over(1);
    for round in 0..10_000 {
        fill(&memory, round % 10);
        memory.forget(changes_of(round % 10)[usize::try_from(round % 3).unwrap()]);
    }
    assert!(memory.size().0 <= 10);
    assert!(memory.turns() <= 2048);
}

#[test]
fn the_time_without_a_lease_is_counted_once() {
    let memory = over(1);
    let seconds = |count| T + Duration::from_secs(count);
    assert_eq!(memory.lease(millis(40)).left, Duration::from_millis(60));
    assert_eq!(memory.lease(millis(300)).without, Duration::from_millis(200));
    memory.vouched(0, seconds(1), seconds(1));
    assert_eq!(memory.lease(seconds(1)).without, Duration::from_millis(900));
    memory.told(Change::Everything);
    let state = memory.lease(seconds(3));
    assert_eq!((state.left, state.without), (Duration::ZERO, Duration::from_millis(2800)));
    assert_eq!(state.changes, 1);
}

#[test]
fn a_session_is_remembered_under_one_token() {
    for (first, second) in [(1, 2), (2, 1)] {
        let memory = over(1);
        let session = session(1, &account(1));
        for token in [first, second] {
            let ticket = memory.ticket(T).unwrap();
            memory.remember(ticket, digest(token), (&session, NOW + HOUR), Some(&account(1)));
        }
        assert!(!is_told(&memory, first) && is_told(&memory, second));
        memory.forget(Change::Session(session.id));
        assert!(!is_told(&memory, first) && !is_told(&memory, second));
    }
}
