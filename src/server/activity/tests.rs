use std::time::Duration;

use tokio::time::Instant;

use super::{Activity, TimeoutDecision};
use crate::server::options::ConnectionTimeouts;

const SECOND: Duration = Duration::from_secs(1);

fn accepted() -> (Activity, Instant) {
    let now = Instant::now();
    (Activity::new(now), now)
}

fn is_kept(activity: &Activity, now: Instant) -> bool {
    match activity.decide(now, &ConnectionTimeouts::default()) {
        TimeoutDecision::Keep(until) => {
            assert!(until > now, "the driver would loop");
            true
        }
        TimeoutDecision::Idle | TimeoutDecision::TooSlow(_) => false,
    }
}

fn is_idle(activity: &Activity, now: Instant) -> bool {
    activity.decide(now, &ConnectionTimeouts::default()) == TimeoutDecision::Idle
}

fn is_too_slow(activity: &Activity, now: Instant) -> bool {
    matches!(activity.decide(now, &ConnectionTimeouts::default()), TimeoutDecision::TooSlow(_))
}

#[test]
fn a_connection_without_a_request_has_the_header_timeout() {
    let (activity, now) = accepted();
    activity.read(now + 9 * SECOND);
    assert!(is_kept(&activity, now + 9 * SECOND));
    assert!(is_too_slow(&activity, now + 10 * SECOND), "bytes gave it more time");
}

#[test]
fn a_connection_is_idle_for_a_minute_at_most() {
    let (activity, now) = accepted();
    activity.request_started(false);
    assert!(is_kept(&activity, now + 1000 * SECOND), "a handler may take its time");
    activity.request_finished(now);
    assert!(is_kept(&activity, now + 59 * SECOND));
    assert!(is_idle(&activity, now + 60 * SECOND));
}

#[test]
fn headers_of_a_later_request_are_timed_from_their_first_byte() {
    let (activity, now) = accepted();
    activity.request_started(false);
    activity.request_finished(now);
    activity.read(now + 30 * SECOND);
    activity.read(now + 39 * SECOND);
    assert!(is_kept(&activity, now + 39 * SECOND));
    assert!(is_too_slow(&activity, now + 40 * SECOND));
}

#[test]
fn an_http2_ping_is_not_a_request() {
    let (activity, now) = accepted();
    activity.request_started(true);
    activity.request_finished(now);
    activity.read(now);
    assert!(is_kept(&activity, now + 59 * SECOND));
    assert!(is_idle(&activity, now + 60 * SECOND), "pings reset the idle timeout");
}

#[test]
fn an_unread_response_times_out() {
    let (activity, now) = accepted();
    activity.request_started(true);
    activity.response_ready(now);
    assert!(is_kept(&activity, now + 29 * SECOND));
    activity.response_read(now + 29 * SECOND);
    assert!(is_kept(&activity, now + 58 * SECOND));
    assert!(is_too_slow(&activity, now + 59 * SECOND));

    activity.response_drained(now);
    assert!(is_kept(&activity, now + 1000 * SECOND), "a silent stream has nothing to read");
}

#[test]
fn a_full_socket_times_out_however_often_it_is_written() {
    let (activity, now) = accepted();
    activity.write_blocked(now);
    activity.write_blocked(now + 15 * SECOND);
    assert!(is_kept(&activity, now + 9 * SECOND));
    assert!(is_too_slow(&activity, now + 30 * SECOND));
    activity.wrote(now);
    assert!(is_kept(&activity, now + 9 * SECOND));
}
