//! Shared sessions: any node will do for any request.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::{PASSWORD, Stage};
use crate::harness::balancer::Proxy;
use crate::harness::browser::{Answer, Browser};
use crate::harness::ground::{Keeping, with_each_keeping};
use crate::harness::nodes::Nodes;

with_each_keeping!(
    any_node_knows_every_session,
    nodes_that_are_stopped_and_started_one_after_the_other_are_not_missed,
    a_node_that_dies_signs_nobody_out,
);

/// The nodes whose logs have a request for this path.
fn asked(stage: &Stage, path: &str) -> BTreeSet<usize> {
    let wanted = format!("path=\"{path}\"");
    let nodes = stage.nodes.iter().filter(|node| node.log().contains(&wanted));
    nodes.map(|node| node.number).collect()
}

async fn any_node_knows_every_session(keeping: Keeping) {
    for proxy in Proxy::tried_before(keeping) {
        let Some(stage) = Stage::shared(proxy, keeping).await else { return };
        let browser = stage.balancer.browser(10);
        assert_eq!(browser.sign_up("ada@example.org", PASSWORD).await.status, 201);
        let (mut old, every) = (browser.copy(), vec![0, 1, 2]);
        for _ in 0..4 {
            for _ in 0..6 {
                assert_eq!(browser.get("/api/account").await.status, 200, "{proxy:?}");
            }
            assert_eq!(stage.homes(&browser).await, every, "{proxy:?}");
            assert_eq!(browser.reauthenticate(PASSWORD).await.status, 200);
            assert_eq!(stage.homes(&old).await, [0; 0], "{proxy:?}");
            old = browser.copy();
        }
        assert_eq!(asked(&stage, "/api/account"), every.into_iter().collect(), "{proxy:?}");
    }
}

/// What somebody met who asked all the while.
#[derive(Debug, Default)]
struct Met {
    answered: usize,
    /// Requests that change nothing and came to nothing.
    failed: Vec<String>,
    /// Sign-ins that came to nothing.
    lost: Vec<String>,
}

/// Asks who is there until it is over; now and then somebody signs in. A sign-in that came to
/// nothing may have been carried out, and then the token that is left has been replaced: whoever is
/// told that signs in again.
async fn keep_asking(browser: Browser, email: String, over: Arc<AtomicBool>) -> Met {
    let fields = json!({ "email": email, "password": PASSWORD });
    let mut met = Met::default();
    let (mut turn, mut in_doubt, mut is_replaced) = (0, false, false);
    while !over.load(Ordering::Relaxed) {
        turn += 1;
        let signs_in = is_replaced || turn % 25 == 0;
        let answer = if signs_in {
            let shape = |request: RequestBuilder| request.json(&fields);
            browser.try_to_ask(Method::POST, "/api/session", shape).await
        } else {
            browser.try_to_ask(Method::GET, "/api/session", |request| request).await
        };
        let came_to_nothing = match answer {
            Ok(answer) if answer.status == 200 => {
                met.answered += 1;
                if signs_in {
                    (in_doubt, is_replaced) = (false, false);
                }
                continue;
            }
            Ok(answer) if in_doubt && !signs_in && is_of_a_replaced_one(&answer) => {
                is_replaced = true;
                continue;
            }
            Ok(answer) => format!("{} {}", answer.status, answer.text),
            Err(error) => format!("{error:?}"),
        };
        in_doubt |= signs_in;
        if signs_in { met.lost.push(came_to_nothing) } else { met.failed.push(came_to_nothing) }
    }
    met
}

fn is_of_a_replaced_one(answer: &Answer) -> bool {
    answer.status == 401 && answer.json()["reason"] == "replaced"
}

/// Four people ask while something happens to the nodes.
async fn while_asked(stage: &mut Stage, happens: impl AsyncFnOnce(&mut Nodes)) -> Met {
    let over = Arc::<AtomicBool>::default();
    let mut people = Vec::new();
    for number in 0..4 {
        let browser = stage.balancer.browser(10 + number);
        let email = format!("p{number}@example.org");
        assert_eq!(browser.sign_up(&email, PASSWORD).await.status, 201);
        people.push(tokio::spawn(keep_asking(browser, email, over.clone())));
    }
    happens(&mut stage.nodes).await;
    over.store(true, Ordering::Relaxed);
    let mut all = Met::default();
    for person in people {
        let met = person.await.unwrap();
        all.answered += met.answered;
        all.failed.extend(met.failed);
        all.lost.extend(met.lost);
    }
    all
}

async fn nodes_that_are_stopped_and_started_one_after_the_other_are_not_missed(keeping: Keeping) {
    for proxy in Proxy::tried_before(keeping) {
        let Some(mut stage) = Stage::shared(proxy, keeping).await else { return };
        let met = while_asked(&mut stage, async |nodes| {
            for number in 0..3 {
                tokio::time::sleep(Duration::from_millis(500)).await;
                nodes.node(number).stop();
                tokio::time::sleep(Duration::from_millis(500)).await;
                nodes.node(number).start();
                // Until the proxy has seen it again.
                tokio::time::sleep(Duration::from_millis(3500)).await;
            }
        })
        .await;
        eprintln!("{proxy:?}: {} answered while every node was stopped once", met.answered);
        assert!(met.answered > 100, "{proxy:?}: {met:?}");
        assert!(met.failed.is_empty() && met.lost.is_empty(), "{proxy:?}: {met:?}");
    }
}

async fn a_node_that_dies_signs_nobody_out(keeping: Keeping) {
    for proxy in Proxy::tried_before(keeping) {
        let Some(mut stage) = Stage::shared(proxy, keeping).await else { return };
        let met = while_asked(&mut stage, async |nodes| {
            for number in 0..3 {
                tokio::time::sleep(Duration::from_millis(500)).await;
                nodes.node(number).kill();
                tokio::time::sleep(Duration::from_secs(1)).await;
                nodes.node(number).start();
                tokio::time::sleep(Duration::from_millis(3500)).await;
            }
        })
        .await;
        eprintln!("{proxy:?}: {} answered, {} sign-ins lost", met.answered, met.lost.len());
        assert!(met.answered > 100, "{proxy:?}: {met:?}");
        // A sign-in that was under way is not sent again, for it may have been carried out.
        assert!(met.failed.is_empty() && met.lost.len() <= 4 * 3, "{proxy:?}: {met:?}");
    }
}
