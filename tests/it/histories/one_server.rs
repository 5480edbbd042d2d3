//! One server that keeps all in a file of its own.

use std::time::{Duration, Instant};

use super::{innocent, load, place};
use crate::harness::chance::{Chance, SaysSeed};
use crate::harness::history::judge::Law;
use crate::harness::nodes::Nodes;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_server_that_is_killed_again_and_again_tells_nobody_anything_untrue() {
    let mut chance = Chance::seeded();
    let _seed = SaysSeed(chance.seed());
    let mut nodes = Nodes::apart(1, place);
    let load = load(&nodes, &mut chance);
    let (begun, history) = (Instant::now(), load.history.clone());
    let running = tokio::spawn(load.run());
    let mut kills = 0;
    while !running.is_finished() {
        let life = chance.between(Duration::from_millis(400), Duration::from_millis(1600));
        tokio::time::sleep(life).await;
        nodes.node(0).restart();
        kills += 1;
    }
    running.await.unwrap();
    innocent(&format!("{kills} kills"), &history.records(), begun, &Law::default());
    // How many there are depends on the speed of the machine.
    assert!(kills >= 1);
}
