//! Nodes behind the shipped proxies whose store is away for a while.

use std::time::{Duration, Instant};

use anteroom::sessions::cache::LEASE_WAIT;
use reqwest::Method;
use serde_json::json;

use super::{PASSWORD, Stage, shared_place, sticky_place};
use crate::harness::balancer::{Balancer, Proxy};
use crate::harness::browser::{Answer, Browser};
use crate::harness::chance::{is_nightly, some_of};
use crate::harness::ground::{Keeping, OwnGround, Trouble, with_each_keeping};
use crate::harness::nodes::Nodes;
use crate::harness::server::Place;

/// No answer takes longer.
const BOUND: Duration = Duration::from_secs(12);
/// Nor does it take longer until requests are answered again: what remembers a failure, a proxy
/// included, forgets it by then.
const RECOVERY: Duration = Duration::from_secs(10);

/// Each proxy sees its own kinds of trouble; between them they see all that takes a store away.
static TROUBLES: [(Proxy, [Trouble; 2]); 2] = [
    (Proxy::Haproxy, [Trouble::Silent, Trouble::Stopped]),
    (Proxy::Nginx, [Trouble::Paused, Trouble::Unreachable]),
];

/// All of them in the nightly run, and one of this proxy otherwise.
fn tried(proxy: Proxy) -> Vec<(Proxy, &'static [Trouble])> {
    let tried = TROUBLES.iter().filter(|(other, _)| is_nightly() || *other == proxy);
    tried.map(|(proxy, troubles)| (*proxy, some_of(troubles, 1))).collect()
}

with_each_keeping!(while_the_store_is_away_everybody_waits_and_nobody_is_signed_out);

async fn while_the_store_is_away_everybody_waits_and_nobody_is_signed_out(keeping: Keeping) {
    let proxy = if keeping == Keeping::Redis { Proxy::Nginx } else { Proxy::Haproxy };
    for (proxy, troubles) in tried(proxy) {
        let Some(ground) = OwnGround::start(keeping).await else { return };
        let place = |ground: &OwnGround| ground.keeps(shared_place(keeping));
        if suffer(ground, proxy, "shared", (troubles, place)).await.is_none() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_the_accounts_are_away_memories_keep_their_sessions() {
    for (proxy, troubles) in tried(Proxy::Nginx) {
        let Some(ground) = OwnGround::start(Keeping::Postgres).await else { return };
        let place =
            |ground: &OwnGround| ground.keeps(sticky_place()).with("ANTEROOM_SESSIONS", "memory:");
        if suffer(ground, proxy, "sticky", (troubles, place)).await.is_none() {
            return;
        }
    }
}

async fn suffer(
    mut ground: OwnGround,
    proxy: Proxy,
    kind: &str,
    (troubles, place): (&[Trouble], impl Fn(&OwnGround) -> Place),
) -> Option<()> {
    let nodes = Nodes::apart(3, || place(&ground));
    let balancer = Balancer::start(proxy, kind, &nodes.addresses())?;
    let stage = Stage { nodes, balancer, _ground: None };
    let mut people = Vec::new();
    for number in 0..4 {
        let browser = stage.balancer.browser(10 + number);
        let email = format!("p{number}@example.org");
        assert_eq!(browser.sign_up(&email, PASSWORD).await.status, 201);
        let homes = stage.homes(&browser).await;
        people.push((browser, homes));
    }
    for store in 0..ground.stores.len() {
        for &trouble in troubles {
            let what = format!("{kind} {proxy:?}, {} {trouble:?}", ground.stores[store].name);
            tokio::task::block_in_place(|| ground.stores[store].disturb(trouble));
            let longest = all_wait(&stage, &people, &what).await;
            tokio::task::block_in_place(|| ground.stores[store].mend(trouble));
            let begun = Instant::now();
            for (browser, homes) in &people {
                until_it_is_well(browser, begun, &what).await;
                // Who knows a session, knows it still, and nobody else does.
                assert_eq!(&stage.homes(browser).await, homes, "{what}");
            }
            let recovered = begun.elapsed();
            eprintln!("{what}: answers within {longest:?}, well again within {recovered:?}");
        }
    }
    Some(())
}

/// Asks everything there is to ask, at the nodes and through the proxy, and gives how long the
/// longest answer took.
async fn all_wait(stage: &Stage, people: &[(Browser, Vec<usize>)], what: &str) -> Duration {
    // What is remembered counts until then.
    tokio::time::sleep(LEASE_WAIT).await;
    let begun = Instant::now();
    let mut asked = Vec::new();
    for (browser, _) in people {
        let through_the_proxy = browser.copy();
        asked.push((tokio::spawn(ask_all(through_the_proxy)), false));
    }
    for node in stage.nodes.iter() {
        let there = stage.past_the_proxy(node, &people[node.number].0);
        asked.push((tokio::spawn(ask_all(there)), true));
    }
    let mut longest = Duration::ZERO;
    for (asked, is_at_a_node) in asked {
        for (path, answer, took) in asked.await.unwrap() {
            assert_eq!(answer.status, 503, "{what}, {path}: {}", answer.text);
            let removed = answer.set_cookies().into_iter().filter(|c| !c.contains("-node="));
            assert_eq!(removed.count(), 0, "{what}, {path}: {:?}", answer.headers);
            assert!(took < BOUND, "{what}, {path}: {took:?}");
            if is_at_a_node && path.starts_with("/api") {
                // A sign-in may find that others wait before it for the store.
                let codes = ["unavailable", "busy"];
                assert!(codes.contains(&&*answer.code()), "{what}, {path}: {}", answer.text);
            }
            longest = longest.max(took);
        }
    }
    assert!(begun.elapsed() < BOUND * 4, "{what}");
    longest
}

async fn ask_all(browser: Browser) -> Vec<(&'static str, Answer, Duration)> {
    let sign_in = json!({ "email": "p0@example.org", "password": PASSWORD });
    let mut answers = Vec::new();
    for (method, path, body) in [
        (Method::GET, "/api/session", None),
        (Method::GET, "/account", None),
        (Method::POST, "/api/session", Some(sign_in)),
        (Method::GET, "/auth/verify", None),
    ] {
        let begun = Instant::now();
        let answer = browser
            .ask(method, path, |request| match &body {
                Some(body) => request.json(body),
                None => request,
            })
            .await;
        answers.push((path, answer, begun.elapsed()));
    }
    answers
}

/// Asks until there is an answer again, which has to be the right one.
async fn until_it_is_well(browser: &Browser, begun: Instant, what: &str) {
    loop {
        let answer = browser.whoami().await;
        if answer.status == 200 {
            return;
        }
        assert_eq!(answer.status, 503, "{what}: {}", answer.text);
        assert!(begun.elapsed() < RECOVERY, "{what}: it does not recover");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
