//! Three servers whose store stops, stands still, is cut off, or answers late.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{innocent, law, load, place, took_of, until_enough};
use crate::harness::chance::{Chance, SaysSeed, is_nightly, rounds, some_of};
use crate::harness::ground::{Keeping, OwnGround, Trouble, with_each_keeping};
use crate::harness::history::{Answer, Record};
use crate::harness::nodes::Nodes;

/// No answer takes longer, whatever becomes of the store.
const BOUND: Duration = Duration::from_secs(12);
/// Nor does it take longer until all is well again.
const RECOVERY: Duration = Duration::from_secs(10);

with_each_keeping!(no_store_failure_signs_anybody_out_or_loses_an_acknowledged_change,);

async fn no_store_failure_signs_anybody_out_or_loses_an_acknowledged_change(keeping: Keeping) {
    let mut chance = Chance::seeded();
    let _seed = SaysSeed(chance.seed());
    let Some(mut ground) = OwnGround::start(keeping).await else { return };
    let nodes = Nodes::apart(3, || ground.keeps(place()));
    let mut load = load(&nodes, &mut chance);
    (load.operations, load.people) = (u32::MAX, 6);
    let (begun, history, over) = (Instant::now(), load.history.clone(), load.over.clone());
    let running = tokio::spawn(load.run());
    let mut longest = Duration::ZERO;
    for _ in 0..rounds("TROUBLES", 1, 8) {
        for &trouble in some_of(&chance.shuffled(&Trouble::ALL), 3) {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            let time = chance.between(Duration::from_millis(300), Duration::from_millis(2500));
            let store = chance.below(ground.stores.len() as u64);
            let store = &mut ground.stores[usize::try_from(store).unwrap()];
            eprintln!("{:?}: {} {trouble:?} for {time:?}", begun.elapsed(), store.name);
            store.suffer(trouble, time).await;
            longest = longest.max(until_all_are_well(&nodes).await);
        }
    }
    until_enough(&history, &law(keeping)).await;
    over.store(true, Ordering::Relaxed);
    running.await.unwrap();
    let records = history.records();
    eprintln!("all was well again within {longest:?}");
    let counted = innocent(&format!("troubles, {keeping:?}"), &records, begun, &law(keeping));
    // Three short troubles of an ordinary run may fall between the requests.
    assert!(counted.unknown > 0 || !is_nightly(), "there was no trouble");
    let slow: Vec<&Record> = records.iter().filter(|record| took_of(record) > BOUND).collect();
    assert!(slow.is_empty(), "{slow:?}");
    let shown = records.iter().filter(|record| record.answer == Answer::Unknown).map(took_of);
    eprintln!("  nobody knew after {}", crate::harness::history::Spread::of(shown));
}

/// How long it takes until every node says that it can serve. None of them is touched.
async fn until_all_are_well(nodes: &Nodes) -> Duration {
    let begun = Instant::now();
    for node in nodes.iter() {
        let client = reqwest::Client::builder().no_proxy().timeout(BOUND).build().unwrap();
        let url = format!("http://{}/readyz", node.address);
        while !client.get(&url).send().await.is_ok_and(|answer| answer.status() == 200) {
            assert!(begun.elapsed() < RECOVERY, "node {} does not recover", node.number);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    begun.elapsed()
}
