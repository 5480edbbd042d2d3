//! Answers to many clients while servers work, die and stand still, judged afterwards: no end was
//! undone, nobody was signed out by mistake, nothing acknowledged was lost.
//!
//! `HISTORY_OPERATIONS` sets the number of operations of each person, `TROUBLES` how often each
//! fault occurs, `SEED` repeats an earlier run.

mod gateway;
mod one_server;
mod sticky;
mod three_servers;
mod troubles;

use std::time::{Duration, Instant};

use crate::harness::chance::{Chance, rounds};
use crate::harness::ground::Keeping;
use crate::harness::history::judge::{Counted, Law, judge};
use crate::harness::history::{History, Record, Spread, tails};
use crate::harness::load::{ADMINISTRATOR, Load};
use crate::harness::nodes::Nodes;
use crate::harness::server::Place;

const PUBLIC_URL: &str = "http://localhost:8080";

fn place() -> Place {
    Place::new()
        .with("ANTEROOM_PUBLIC_URL", PUBLIC_URL)
        .without_throttles()
        .with("ANTEROOM_SESSION_LIMIT", "1000")
        .with("ANTEROOM_LOG", "warn")
}

/// Some people at these nodes, with an administrator.
fn load(nodes: &Nodes, chance: &mut Chance) -> Load {
    let (email, password) = ADMINISTRATOR;
    let add = ["user", "add", email, "--admin", "--password-stdin"];
    nodes.command_with_input(0, &add, password);
    Load {
        operations: u32::try_from(rounds("HISTORY_OPERATIONS", 12, 150)).unwrap(),
        administrator: true,
        ..Load::at(nodes.addresses(), PUBLIC_URL, chance.fork())
    }
}

/// What has to hold of several servers whose sessions are kept here.
fn law(keeping: Keeping) -> Law {
    Law { in_two_stores: keeping == Keeping::Redis, ..Law::default() }
}

/// Finds nothing wrong with a history, and says what there was of it.
fn innocent(what: &str, records: &[Record], begun: Instant, law: &Law) -> Counted {
    let verdict = judge(records, law);
    let tails = tails(records);
    let took = Spread::of(tails.iter().map(|tail| tail.took));
    let left = Spread::of(tails.iter().filter_map(|tail| tail.left));
    let answers = Spread::of(records.iter().map(took_of));
    let counted = verdict.counted;
    eprintln!("{what}, {:?}: {counted:?}", begun.elapsed());
    eprintln!("  an answer took {answers}");
    eprintln!("  an end took {took}");
    eprintln!("  left from the last check let in to the answer of {left}");
    verdict.must_be_innocent();
    assert!(is_enough(&counted), "{counted:?}");
    counted
}

/// Whether there was so much of everything that a fault would have been seen.
fn is_enough(counted: &Counted) -> bool {
    counted.accepted > 50 && counted.refused > 20 && counted.ends > 5
}

/// Waits for as much, for a minute: less is done in the same time while a machine is busy.
async fn until_enough(history: &History, law: &Law) {
    let begun = Instant::now();
    while !is_enough(&judge(&history.records(), law).counted) && begun.elapsed().as_secs() < 60 {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

fn took_of(record: &Record) -> Duration {
    record.ended.saturating_sub(record.begun)
}
