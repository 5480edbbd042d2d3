//! What no request can show: that registries are apart, and that what is off is off.

use super::*;
use crate::clock::Clock;

#[test]
fn two_registries_in_one_process_know_nothing_of_each_other() {
    let (one, other) = (Metrics::on(&Clock::system()), Metrics::on(&Clock::system()));

    one.sign_in(SignInOutcome::Refused);

    let line = |n| format!("anteroom_sign_ins_total{{outcome=\"refused\"}} {n}\n");
    assert!(one.text().contains(&line(1)), "{}", one.text());
    assert!(other.text().contains(&line(0)), "{}", other.text());
}

#[test]
fn what_goes_on_is_counted_until_it_ends_however_it_ends() {
    let metrics = Metrics::on(&Clock::system());

    let present = metrics.hash_waits();
    assert!(metrics.text().contains("anteroom_hashing_waiting 1\n"));
    drop(present);

    assert!(metrics.text().contains("anteroom_hashing_waiting 0\n"));
}

#[test]
fn metrics_that_are_off_say_nothing() {
    let metrics = Metrics::off();

    metrics.sign_in(SignInOutcome::Ok);
    let _present = metrics.hash_runs();

    assert_eq!(metrics.text(), "");
}
