use std::time::Duration;

use tokio::time::Instant;

use super::{Activity, Verdict};
use crate::server::options::Times;

const SECOND: Duration = Duration::from_secs(1);

fn begun() -> (Activity, Instant) {
    let now = Instant::now();
    (Activity::new(now), now)
}

fn stays(activity: &Activity, now: Instant) -> bool {
    match activity.judge(now, &Times::default()) {
        Verdict::Stays(until) => {
            assert!(until > now, "it would be looked at without end");
            true
        }
        Verdict::Idle | Verdict::Overdue(_) => false,
    }
}

fn is_idle(activity: &Activity, now: Instant) -> bool {
    activity.judge(now, &Times::default()) == Verdict::Idle
}

fn is_overdue(activity: &Activity, now: Instant) -> bool {
    matches!(activity.judge(now, &Times::default()), Verdict::Overdue(_))
}

#[test]
fn a_connection_without_a_request_has_the_time_of_headers() {
    let (activity, now) = begun();
    activity.read(now + 9 * SECOND);
    assert!(stays(&activity, now + 9 * SECOND));
    assert!(is_overdue(&activity, now + 10 * SECOND), "bytes gave it more time");
}

#[test]
fn between_requests_it_may_be_idle_for_a_minute() {
    let (activity, now) = begun();
    activity.began(false);
    assert!(stays(&activity, now + 1000 * SECOND), "a handler may take its time");
    activity.ended(now);
    assert!(stays(&activity, now + 59 * SECOND));
    assert!(is_idle(&activity, now + 60 * SECOND));
}

#[test]
fn the_headers_of_a_later_request_are_timed_from_their_first_byte() {
    let (activity, now) = begun();
    activity.began(false);
    activity.ended(now);
    activity.read(now + 30 * SECOND);
    activity.read(now + 39 * SECOND);
    assert!(stays(&activity, now + 39 * SECOND));
    assert!(is_overdue(&activity, now + 40 * SECOND));
}

#[test]
fn a_ping_between_requests_is_no_request() {
    let (activity, now) = begun();
    activity.began(true);
    activity.ended(now);
    activity.read(now);
    assert!(stays(&activity, now + 59 * SECOND));
    assert!(is_idle(&activity, now + 60 * SECOND), "pings keep it for ever");
}

#[test]
fn an_answer_that_nobody_reads_is_overdue() {
    let (activity, now) = begun();
    activity.began(true);
    activity.owes(now);
    assert!(stays(&activity, now + 29 * SECOND));
    activity.took(now + 29 * SECOND);
    assert!(stays(&activity, now + 58 * SECOND));
    assert!(is_overdue(&activity, now + 59 * SECOND));

    activity.settled(now);
    assert!(stays(&activity, now + 1000 * SECOND), "a stream with nothing to tell owes nothing");
}

#[test]
fn a_socket_that_takes_nothing_is_overdue_however_often_it_is_tried() {
    let (activity, now) = begun();
    activity.full(now);
    activity.full(now + 15 * SECOND);
    assert!(stays(&activity, now + 9 * SECOND));
    assert!(is_overdue(&activity, now + 30 * SECOND));
    activity.wrote(now);
    assert!(stays(&activity, now + 9 * SECOND));
}
