//! Servers with their clocks, the store that they share and the ways between them, in simulated
//! time and drawn from a seed: the real room and the real keepers of leases, and around them
//! whatever may happen to messages, processes and machines.
//!
//! `SIMULATIONS` sets how many seeds are run, `SIMULATION_FIRST` adds one before them, and
//! `SIMULATION_SEED` runs only one.

mod gateway;
mod people;
mod store;
mod wire;
mod world;

use std::process::Command;

use crate::sessions::cache::Rule;
use people::{Counted, run};

/// How many seeds the ordinary run takes, and the nightly one.
const SEEDS: u64 = 100;
const SEEDS_AT_NIGHT: u64 = 5000;
/// How many are tried at most for one that shows what a rule is for.
const SEEDS_UNTIL_IT_BREAKS: u64 = 3000;
/// Tried first, because few seeds show what the margin is for.
const SEED_THAT_NEEDS_THE_MARGIN: u64 = 1172;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

fn seeds() -> Vec<u64> {
    let is_nightly = std::env::var_os("NIGHTLY").is_some_and(|value| !value.is_empty());
    if let Some(seed) = number("SIMULATION_SEED") {
        return vec![seed];
    }
    let count = number("SIMULATIONS").unwrap_or(if is_nightly { SEEDS_AT_NIGHT } else { SEEDS });
    number("SIMULATION_FIRST").into_iter().chain(0..count).collect()
}

#[test]
fn no_check_that_begins_after_the_answer_to_a_revoke_is_accepted() {
    let mut all = Counted::default();
    for seed in seeds() {
        let (counted, faults) = run(seed);
        assert!(faults.is_empty(), "SIMULATION_SEED={seed}: {}", faults.join("\n"));
        all.add(&counted);
    }
    println!("{all:?}");
    // Or nothing was shown.
    if seeds().len() >= 100 {
        assert!(all.from_memory > all.from_store, "{all:?}");
        assert!(all.ends > 500 && all.refused > 500, "{all:?}");
        assert!(all.from_gateways > 300, "{all:?}");
    }
}

#[test]
fn a_seed_tells_the_same_story_twice() {
    for seed in 0..10 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}

/// In a separate process, because rules apply to a whole process.
fn breaks_without(rule: Rule) {
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.args(["--exact", "--nocapture"]);
    process
        .arg("sessions::tests::simulation::no_check_that_begins_after_the_answer_to_a_revoke_is_accepted");
    process.env("TEST_WITHOUT_RULE", format!("{rule:?}"));
    process.env("SIMULATIONS", SEEDS_UNTIL_IT_BREAKS.to_string()).env_remove("SIMULATION_SEED");
    process.env("SIMULATION_FIRST", SEED_THAT_NEEDS_THE_MARGIN.to_string());
    let output = process.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "all is well without {rule:?}");
    assert!(told.contains("SIMULATION_SEED="), "it failed otherwise: {told}");
}

#[test]
fn without_the_wait_it_breaks() {
    breaks_without(Rule::Wait);
}

#[test]
fn without_the_margin_it_breaks() {
    breaks_without(Rule::Margin);
}

#[test]
fn without_the_wait_where_nothing_changed_it_breaks() {
    breaks_without(Rule::WaitWhereNothingChanged);
}

#[test]
fn without_the_wait_of_the_feed_it_breaks() {
    breaks_without(Rule::FeedWaits);
}

#[test]
fn without_keeping_out_what_was_read_before_it_breaks() {
    breaks_without(Rule::InvalidationsRejectStaleInserts);
}

#[test]
fn without_the_order_of_changes_and_answers_it_breaks() {
    breaks_without(Rule::ChangesBeforeAnswers);
}

#[test]
fn without_asking_after_the_subscription_it_breaks() {
    breaks_without(Rule::SubscriptionIsChecked);
}
