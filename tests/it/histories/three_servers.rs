//! Three servers on what they have in common, asked directly and through the shipped proxies.

use std::time::{Duration, Instant};

use super::gateway::Gateway;
use super::{innocent, law, load, place};
use crate::harness::balancer::{Balancer, Proxy};
use crate::harness::chance::{Chance, SaysSeed};
use crate::harness::ground::{Ground, Keeping, with_each_keeping};
use crate::harness::load::Load;
use crate::harness::nodes::Nodes;

with_each_keeping!(
    rev_17_what_is_decided_at_one_of_three_servers_holds_at_the_next_request_at_every_other,
    of_three_servers_one_may_die_or_stand_still_at_any_time,
    behind_the_shipped_proxies_servers_may_die_at_any_time,
);

async fn rev_17_what_is_decided_at_one_of_three_servers_holds_at_the_next_request_at_every_other(
    keeping: Keeping,
) {
    let mut chance = Chance::seeded();
    let _seed = SaysSeed(chance.seed());
    let Some(ground) = Ground::fresh(keeping).await else { return };
    let nodes = Nodes::apart(3, || ground.keeps(place()));
    let load = load(&nodes, &mut chance);
    let (begun, history) = (Instant::now(), load.history.clone());
    let gateway = Gateway::at(nodes.addresses(), history.clone());
    let told = gateway.beside(load.run(), &mut chance).await;
    assert!(told > 20, "the gateway told {told} times");
    let counted =
        innocent(&format!("three servers, {keeping:?}"), &history.records(), begun, &law(keeping));
    assert_eq!(counted.unknown, 0);
}

async fn of_three_servers_one_may_die_or_stand_still_at_any_time(keeping: Keeping) {
    let mut chance = Chance::seeded();
    let _seed = SaysSeed(chance.seed());
    let Some(ground) = Ground::fresh(keeping).await else { return };
    let mut nodes = Nodes::apart(3, || ground.keeps(place()));
    let load = Load { patience: Duration::from_secs(5), ..load(&nodes, &mut chance) };
    let (begun, history) = (Instant::now(), load.history.clone());
    let gateway = Gateway::at(nodes.addresses(), history.clone());
    let mut draws = chance.fork();
    let running = tokio::spawn(async move { gateway.beside(load.run(), &mut draws).await });
    let (mut kills, mut pauses) = (0, 0);
    while !running.is_finished() {
        let number = usize::try_from(chance.below(3)).unwrap();
        let time = chance.between(Duration::from_millis(100), Duration::from_millis(600));
        tokio::time::sleep(time).await;
        if chance.below(2) == 0 {
            nodes.node(number).restart();
            kills += 1;
        } else {
            nodes.node(number).pause();
            tokio::time::sleep(time).await;
            nodes.node(number).resume();
            pauses += 1;
        }
    }
    running.await.unwrap();
    let what = format!("{kills} kills, {pauses} pauses, {keeping:?}");
    innocent(&what, &history.records(), begun, &law(keeping));
    assert!(kills + pauses >= 3);
}

async fn behind_the_shipped_proxies_servers_may_die_at_any_time(keeping: Keeping) {
    let mut chance = Chance::seeded();
    let _seed = SaysSeed(chance.seed());
    for proxy in Proxy::tried_before(keeping) {
        let Some(ground) = Ground::fresh(keeping).await else { return };
        let shipped = |place| ground.keeps(crate::proxies::behind_a_proxy(place));
        let mut nodes = Nodes::apart(3, || shipped(place()));
        let Some(balancer) = Balancer::start(proxy, "shared", &nodes.addresses()) else { return };
        let load = Load {
            doors: vec![balancer.address()],
            doors_are_nodes: false,
            public_url: "https://auth.example.org",
            ..load(&nodes, &mut chance)
        };
        let (begun, history) = (Instant::now(), load.history.clone());
        let running = tokio::spawn(load.run());
        let mut kills = 0;
        while !running.is_finished() {
            let life = chance.between(Duration::from_millis(800), Duration::from_secs(2));
            tokio::time::sleep(life).await;
            let number = usize::try_from(chance.below(3)).unwrap();
            nodes.node(number).kill();
            tokio::time::sleep(life / 2).await;
            nodes.node(number).start();
            kills += 1;
        }
        running.await.unwrap();
        let what = format!("{kills} kills behind {proxy:?}, {keeping:?}");
        innocent(&what, &history.records(), begun, &law(keeping));
        // How many there are depends on the speed of the machine.
        assert!(kills >= 1);
    }
}
