//! Three servers that keep their sessions in their own memory, with their accounts in one
//! database. Browsers go back to where their token came from.

use std::time::{Duration, Instant};

use super::{innocent, load, place};
use crate::harness::chance::{Chance, SaysSeed};
use crate::harness::ground::{Ground, Keeping};
use crate::harness::history::judge::Law;
use crate::harness::history::{Answer, Operation, Reply};
use crate::harness::load::Load;
use crate::harness::nodes::Nodes;
use crate::harness::server::Place;

fn in_memory(ground: &Ground) -> Place {
    ground.keeps(place()).with("ANTEROOM_SESSIONS", "memory:")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rev_17_what_ends_all_sessions_of_somebody_holds_at_every_node_that_has_some() {
    let mut chance = Chance::seeded();
    let _seed = SaysSeed(chance.seed());
    let Some(ground) = Ground::fresh(Keeping::Postgres).await else { return };
    let nodes = Nodes::apart(3, || in_memory(&ground));
    let load = Load { sticky: true, ..load(&nodes, &mut chance) };
    let (begun, history) = (Instant::now(), load.history.clone());
    load.run().await;
    let counted = innocent("three memories", &history.records(), begun, &Law::default());
    assert_eq!(counted.unknown, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_a_node_its_own_sessions_are_gone_and_no_others() {
    let mut chance = Chance::seeded();
    let _seed = SaysSeed(chance.seed());
    let Some(ground) = Ground::fresh(Keeping::Postgres).await else { return };
    let mut nodes = Nodes::apart(3, || in_memory(&ground));
    let load = Load { sticky: true, ..load(&nodes, &mut chance) };
    let (begun, history) = (Instant::now(), load.history.clone());
    let running = tokio::spawn(load.run());
    let mut kills = 0;
    while !running.is_finished() {
        let life = chance.between(Duration::from_millis(400), Duration::from_millis(1200));
        tokio::time::sleep(life).await;
        // The administrator's is the first, and has to stay for there to be one.
        let node = 1 + usize::try_from(chance.below(2)).unwrap();
        let lost = history.operation(u32::MAX, None);
        nodes.node(node).kill();
        history.note(lost, Operation::Lost { node }, Answer::Done(Reply::default()));
        nodes.node(node).start();
        kills += 1;
    }
    running.await.unwrap();
    innocent(&format!("three memories, {kills} kills"), &history.records(), begun, &Law::default());
    // How many there are depends on the speed of the machine.
    assert!(kills >= 1);
}
