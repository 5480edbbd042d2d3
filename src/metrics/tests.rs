//! Properties that no request can show: separate registries, and disabled metrics.

use super::*;
use crate::clock::Clock;

#[test]
fn two_registries_in_one_process_are_independent() {
    let (one, other) = (Metrics::on(&Clock::system()), Metrics::on(&Clock::system()));

    one.sign_in(SignInOutcome::Refused);

    let line = |n| format!("anteroom_sign_ins_total{{outcome=\"refused\"}} {n}\n");
    assert!(one.text().contains(&line(1)), "{}", one.text());
    assert!(other.text().contains(&line(0)), "{}", other.text());
}

#[test]
fn a_gauge_counts_until_it_is_dropped() {
    let metrics = Metrics::on(&Clock::system());

    let present = metrics.hash_waits();
    assert!(metrics.text().contains("anteroom_hashing_waiting 1\n"));
    drop(present);

    assert!(metrics.text().contains("anteroom_hashing_waiting 0\n"));
}

#[test]
fn disabled_metrics_have_no_text() {
    let metrics = Metrics::off();

    metrics.sign_in(SignInOutcome::Ok);
    let _present = metrics.hash_runs();

    assert_eq!(metrics.text(), "");
}
