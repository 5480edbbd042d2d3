//! The rules of the cache, one by one.

mod views;

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use super::entries::Presented;
use super::ledger::{MOST_BYTES, MOST_ENTRIES};
use super::memory::Memory;
use super::remembered::Fill;
use super::{Change, LEASE, Ticket};
use crate::accounts::{Account, Email, Epoch, Factors, Groups, Name, Role, Status, User, UserId};
use crate::sessions::{Client, Owner, Session, SessionId, TimeoutRule, TokenDigest};

const NOW: OffsetDateTime = datetime!(2026-11-21 09:00 UTC);
const HOUR: Duration = Duration::from_hours(1);
/// On the boot-time clock.
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
        groups: Groups::default(),
        status: Status::Active,
        created_at: NOW,
    };
    Account {
        user,
        epoch: Epoch::FIRST,
        epoch_reason: None,
        factors: Factors::default(),
        signed_up_by_mail: false,
    }
}

fn session(number: u32, account: &Account) -> Arc<Session> {
    Arc::new(Session {
        id: SessionId::from_uuid(Uuid::from_u128(u128::from(number) + 1)),
        owner: Owner::User { id: account.user.id, epoch: account.epoch },
        created_at: NOW,
        authenticated_at: Some(NOW),
        second_factor: None,
        passkey: None,
        last_seen_at: NOW,
        expires_at: NOW + 24 * HOUR,
        rule: TimeoutRule::Standard,
        remember_me: false,
        client: Client::default(),
        moved_to: None,
    })
}

/// A cache over this number of stores, all subscribed to and confirmed at `T`.
fn over(stores: usize) -> Memory {
    let memory = Memory::of(stores, T);
    for store in 0..stores {
        memory.subscribed(store);
        memory.confirmed(store, T, T);
    }
    memory
}

fn fill_of<'a>(digest: TokenDigest, session: &'a Arc<Session>, account: &'a Account) -> Fill<'a> {
    let (idle_expires_at, account) = (NOW + HOUR, Some(account));
    Fill { digest, presented: &Presented::Token, session, idle_expires_at, account }
}

fn fill_with(memory: &Memory, ticket: Ticket, number: u32, account: &Account) {
    let session = session(number, account);
    memory.insert(ticket, &fill_of(digest(number), &session, account));
}

/// Inserts as a check does after it asked the stores.
fn fill(memory: &Memory, number: u32) {
    fill_with(memory, memory.ticket(T).unwrap(), number, &account(number));
}

fn is_found(memory: &Memory, number: u32) -> bool {
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
fn an_entry_is_found_only_while_the_lease_lasts() {
    let memory = over(1);
    fill(&memory, 1);
    let found = memory.find(&digest(1), millis(99), NOW).unwrap();
    assert_eq!(
        (found.session.id, found.user.unwrap().id),
        (session(1, &account(1)).id, account(1).user.id)
    );
    assert!(memory.find(&digest(1), T + LEASE, NOW).is_none());
    memory.confirmed(0, millis(25), millis(25));
    assert!(memory.find(&digest(1), millis(124), NOW).is_some());
    assert!(memory.find(&digest(1), millis(125), NOW).is_none());
}

#[test]
fn every_store_has_to_confirm() {
    let memory = over(2);
    fill(&memory, 1);
    assert!(is_found(&memory, 1));
    memory.confirmed(0, millis(50), millis(50));
    assert!(memory.find(&digest(1), millis(120), NOW).is_none(), "one of them did not");
    memory.unsubscribed(0);
    assert!(!is_found(&memory, 1) && memory.ticket(T).is_none());
    assert!(over(0).lease(T).left.is_zero(), "without a store there is no lease");
}

#[test]
fn an_invalidated_entry_is_not_found() {
    for change in changes_of(1) {
        let memory = over(1);
        fill(&memory, 1);
        fill(&memory, 2);
        memory.invalidate(change);
        assert!(!is_found(&memory, 1), "{change:?}");
        assert_eq!(is_found(&memory, 2), change != Change::Everything, "{change:?}");
    }
}

#[test]
fn a_value_read_before_an_invalidation_is_not_cached_after_it() {
    for change in changes_of(1) {
        let memory = over(1);
        let before = memory.ticket(T).unwrap();
        memory.invalidate(change);
        fill_with(&memory, before, 1, &account(1));
        assert!(!is_found(&memory, 1), "{change:?}");
        fill(&memory, 1);
        assert!(is_found(&memory, 1), "{change:?}");
    }
}

#[test]
fn an_invalidation_of_another_session_rejects_nothing() {
    let memory = over(1);
    let before = memory.ticket(T).unwrap();
    for change in &changes_of(2)[..3] {
        memory.invalidate(*change);
    }
    fill_with(&memory, before, 1, &account(1));
    assert!(is_found(&memory, 1));
}

#[test]
fn a_new_subscription_starts_with_an_empty_cache() {
    let memory = over(1);
    let before = memory.ticket(T).unwrap();
    fill(&memory, 1);
    memory.unsubscribed(0);
    assert!(!is_found(&memory, 1));
    memory.subscribed(0);
    memory.confirmed(0, T, T);
    fill_with(&memory, before, 2, &account(2));
    assert!(!is_found(&memory, 1) && !is_found(&memory, 2));
}

#[test]
fn no_entry_is_found_after_thirty_seconds() {
    let memory = over(1);
    fill(&memory, 1);
    for (second, is_found) in [(29, true), (30, false), (31, false)] {
        let now = T + Duration::from_secs(second);
        memory.confirmed(0, now, now);
        assert_eq!(memory.find(&digest(1), now, NOW).is_some(), is_found, "after {second} s");
    }
}

#[test]
fn an_entry_past_its_idle_timeout_is_not_found() {
    let memory = over(1);
    fill(&memory, 1);
    let almost = NOW + HOUR - Duration::from_millis(1);
    assert!(memory.find(&digest(1), T, almost).is_some());
    assert!(memory.find(&digest(1), T, NOW + HOUR).is_none());
    memory.see(session(1, &account(1)).id, almost, &Client::default(), almost + HOUR);
    let found = memory.find(&digest(1), T, NOW + HOUR).unwrap();
    assert_eq!(found.session.last_seen_at, almost);
}

#[test]
fn a_read_that_contradicts_the_cached_user_removes_both() {
    let memory = over(1);
    let raised = Account { epoch: Epoch::FIRST.next(), ..account(1) };
    let groups = Groups::parse(["dev"]).unwrap();
    let member = Account { user: User { groups, ..account(1).user }, ..account(1) };
    for other in [raised, member] {
        fill(&memory, 1);
        let ticket = memory.ticket(T).unwrap();
        fill_with(&memory, ticket, 2, &other);
        assert!(!is_found(&memory, 1) && !is_found(&memory, 2));
    }
}

#[test]
fn the_cache_is_bounded_and_used_entries_stay() {
    let memory = over(1);
    fill(&memory, 0);
    let many = u32::try_from(MOST_ENTRIES).unwrap() * 3 / 2;
    for number in 1..many {
        fill(&memory, number);
        let (count, bytes) = memory.size();
        assert!(count <= MOST_ENTRIES && bytes <= MOST_BYTES, "{count} take {bytes}");
        if number % 1000 == 0 {
            assert!(is_found(&memory, 0), "{number} later");
        }
    }
    assert!(!is_found(&memory, 1), "the oldest entry was not evicted");
    memory.invalidate(Change::Everything);
    assert_eq!(memory.size(), (0, 0));
}

#[test]
fn repeated_inserts_and_invalidations_leave_nothing_behind() {
    let memory = over(1);
    for round in 0..10_000 {
        fill(&memory, round % 10);
        memory.invalidate(changes_of(round % 10)[usize::try_from(round % 3).unwrap()]);
    }
    assert!(memory.size().0 <= 10);
    assert!(memory.eviction_queue_len() <= 2048);
}

#[test]
fn the_time_without_a_lease_is_counted_once() {
    let memory = over(1);
    let seconds = |count| T + Duration::from_secs(count);
    assert_eq!(memory.lease(millis(40)).left, Duration::from_millis(60));
    assert_eq!(memory.lease(millis(300)).without, Duration::from_millis(200));
    memory.confirmed(0, seconds(1), seconds(1));
    assert_eq!(memory.lease(seconds(1)).without, Duration::from_millis(900));
    memory.apply_from_store(Change::Everything);
    let state = memory.lease(seconds(3));
    assert_eq!((state.left, state.without), (Duration::ZERO, Duration::from_millis(2800)));
    assert_eq!(state.changes, 1);
}

#[test]
fn a_session_is_cached_under_one_token() {
    for (first, second) in [(1, 2), (2, 1)] {
        let memory = over(1);
        let session = session(1, &account(1));
        for token in [first, second] {
            let ticket = memory.ticket(T).unwrap();
            let account = account(1);
            memory.insert(ticket, &fill_of(digest(token), &session, &account));
        }
        assert!(!is_found(&memory, first) && is_found(&memory, second));
        memory.invalidate(Change::Session(session.id));
        assert!(!is_found(&memory, first) && !is_found(&memory, second));
    }
}
