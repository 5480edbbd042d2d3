use time::macros::datetime;
use uuid::Uuid;

use super::*;
use crate::accounts::{Epoch, UserId};
use crate::sessions::{Client, Owner, SessionId};

const NOON: OffsetDateTime = datetime!(2030-01-01 12:00 UTC);
const SECOND: time::Duration = time::Duration::SECOND;

fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}

fn policy() -> SessionPolicy {
    let timeouts = |idle, absolute| Timeouts { idle: minutes(idle), absolute: minutes(absolute) };
    SessionPolicy {
        standard: timeouts(60, 600),
        remembered: timeouts(120, 1200),
        administrator: timeouts(10, 300),
        limit: Limit { most: 3, policy: LimitPolicy::Refuse },
    }
}

/// Started at noon under a rule, and seen last then.
fn session(rule: TimeoutRule) -> Session {
    Session {
        id: SessionId::from_uuid(Uuid::from_u128(1)),
        owner: Owner::User { id: UserId::from_uuid(Uuid::from_u128(2)), epoch: Epoch::FIRST },
        created_at: NOON,
        authenticated_at: Some(NOON),
        second_factor: None,
        passkey: None,
        last_seen_at: NOON,
        expires_at: policy().expires_at(rule, NOON),
        rule,
        remember_me: false,
        client: Client::default(),
        moved_to: None,
    }
}

#[test]
fn a_rule_keeps_its_number() {
    let numbers = TimeoutRule::ALL.map(TimeoutRule::number);
    assert_eq!(numbers, [0, 1, 2]);
    for rule in TimeoutRule::ALL {
        assert_eq!(TimeoutRule::from_number(i64::from(rule.number())), Some(rule));
    }
    for number in [-1, 3, 256, i64::MAX] {
        assert_eq!(TimeoutRule::from_number(number), None);
    }
}

#[test]
fn each_rule_has_its_own_timeouts() {
    let ends = TimeoutRule::ALL.map(|rule| policy().expires_at(rule, NOON) - NOON);
    assert_eq!(ends, [600, 1200, 300].map(time::Duration::minutes));
    let idle = TimeoutRule::ALL.map(|rule| policy().idle_expires_at(&session(rule)) - NOON);
    assert_eq!(idle, [60, 120, 10].map(time::Duration::minutes));
    let cutoffs = policy().cutoffs(NOON);
    assert_eq!(TimeoutRule::ALL.map(|rule| cutoffs.idle_timeout(rule)), [60, 120, 10].map(minutes));
    let since = TimeoutRule::ALL.map(|rule| NOON - cutoffs.idle_since(rule));
    assert_eq!(since, [60, 120, 10].map(time::Duration::minutes));
    assert_eq!(cutoffs.now(), NOON);
}

#[test]
fn the_defaults_are_those_of_the_manual() {
    let policy = SessionPolicy::default();
    let hours = |timeouts: Timeouts| (timeouts.idle.as_secs_f64() / 3600.0, timeouts.absolute);
    assert_eq!(hours(policy.standard), (1.0, Duration::from_hours(24)));
    assert_eq!(hours(policy.remembered), (14.0 * 24.0, Duration::from_hours(30 * 24)));
    assert_eq!(hours(policy.administrator), (0.25, Duration::from_hours(12)));
    assert_eq!(policy.limit, Limit { most: 20, policy: LimitPolicy::EvictIdle });
}

#[test]
fn a_proof_is_fresh_for_ten_minutes_and_never_from_the_future() {
    let session = session(TimeoutRule::Standard);
    let is_fresh = |after: time::Duration| policy().is_fresh(&session, NOON + after);
    assert!(is_fresh(time::Duration::ZERO) && is_fresh(time::Duration::seconds(599)));
    assert!(!is_fresh(time::Duration::seconds(600)));
    assert!(is_fresh(-crate::clock::SKEW), "clocks may be that far apart");
    assert!(!is_fresh(-crate::clock::SKEW - time::Duration::MILLISECOND));
    assert!(!is_fresh(-time::Duration::HOUR));
}

#[test]
fn activity_moves_the_idle_deadline_and_never_beyond_the_end() {
    let mut session = session(TimeoutRule::Standard);
    session.last_seen_at = NOON + minutes(539);
    assert_eq!(policy().idle_expires_at(&session), NOON + minutes(599));
    session.last_seen_at = NOON + minutes(599);
    assert_eq!(policy().idle_expires_at(&session), session.expires_at);
}

#[test]
fn a_session_is_refused_from_its_deadline_on() {
    let mut session = session(TimeoutRule::Standard);
    let ended = |session: &Session, at| policy().cutoffs(at).ended(session);
    let deadline = NOON + minutes(60);
    let idle = Some(Ended { reason: EndReason::IdleTimeout, at: deadline });
    assert_eq!(ended(&session, deadline - SECOND), None);
    assert_eq!(ended(&session, deadline), idle);
    assert_eq!(ended(&session, deadline + minutes(9000)), idle);

    session.last_seen_at = NOON + minutes(540);
    let end = Some(Ended { reason: EndReason::AbsoluteTimeout, at: session.expires_at });
    assert_eq!(ended(&session, session.expires_at - SECOND), None);
    assert_eq!(ended(&session, session.expires_at), end, "both at once is the end");
}

#[test]
fn a_proof_of_identity_is_fresh_for_ten_minutes() {
    let mut session = session(TimeoutRule::Standard);
    let stale = NOON + SessionPolicy::FRESH;
    assert_eq!(SessionPolicy::FRESH, minutes(10));
    assert!(policy().is_fresh(&session, stale - SECOND));
    assert!(!policy().is_fresh(&session, stale));
    session.authenticated_at = None;
    assert!(!policy().is_fresh(&session, NOON));
}

#[test]
fn activity_is_written_each_minute_or_each_twentieth_of_a_short_timeout() {
    let intervals = TimeoutRule::ALL.map(|rule| policy().touch_interval(rule));
    assert_eq!(intervals, [60, 60, 30].map(Duration::from_secs));
}

#[test]
fn a_reason_is_reported_for_a_day() {
    let cutoffs = policy().cutoffs(NOON);
    assert_eq!(NOON - cutoffs.forgotten_before(), time::Duration::DAY);
    let ended = |at| Ended { reason: EndReason::SignedOut, at };
    assert!(cutoffs.remembers(ended(NOON - time::Duration::DAY)));
    assert!(!cutoffs.remembers(ended(NOON - time::Duration::DAY - SECOND)));
}

#[test]
fn no_timeout_leaves_the_calendar() {
    let mut policy = policy();
    policy.standard = Timeouts { idle: Duration::MAX, absolute: Duration::MAX };
    let end = policy.expires_at(TimeoutRule::Standard, NOON);
    assert!(end.year() >= 9999);
    let cutoffs = policy.cutoffs(NOON);
    assert_eq!(cutoffs.idle_since(TimeoutRule::Standard), OffsetDateTime::UNIX_EPOCH);
    let session = session(TimeoutRule::Standard);
    assert!(cutoffs.ended(&Session { expires_at: end, ..session }).is_none());
}
