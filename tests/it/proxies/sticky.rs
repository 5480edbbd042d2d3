//! Sticky sessions: every node has its own, and each browser goes back to its node.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::ACCEPT_LANGUAGE;
use serde_json::json;

use super::{OTHER_PASSWORD, PASSWORD, Stage, sticky_place};
use crate::harness::balancer::{Balancer, Proxy};
use crate::harness::browser::{Answer, Browser};
use crate::harness::cut::Cut;
use crate::harness::nodes::Nodes;
use crate::harness::server::PATIENCE;

const COOKIE: &str = "__Host-anteroom-node";

/// Nodes that have nothing in common, not even accounts: whoever is sent elsewhere notices.
fn apart(proxy: Proxy) -> Option<Stage> {
    let nodes = Nodes::apart(3, sticky_place);
    let balancer = Balancer::start(proxy, "sticky", &nodes.addresses())?;
    Some(Stage { nodes, balancer, _ground: None })
}

/// What an answer says of the cookie by which a browser finds back.
fn node_cookie(answer: &Answer) -> Option<String> {
    let cookies = answer.set_cookies();
    cookies.into_iter().find(|cookie| cookie.starts_with(COOKIE)).map(ToOwned::to_owned)
}

/// A browser whose session is at a node for which `fits` holds, and which node that is.
async fn signed_in_at(
    stage: &Stage,
    email: &str,
    fits: impl Fn(usize) -> bool,
) -> (Browser, usize) {
    for machine in 100..140 {
        let browser = stage.balancer.browser(machine);
        let answer = browser.try_to_sign_in(email, PASSWORD, false).await;
        if answer.status == 401 {
            assert_eq!(browser.sign_up(email, PASSWORD).await.status, 201);
        }
        let home = stage.home(&browser).await;
        if fits(home) {
            return (browser, home);
        }
    }
    panic!("no browser comes to such a node");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_goes_back_to_its_node_whatever_becomes_of_its_token() {
    for proxy in Proxy::Haproxy.tried() {
        let Some(stage) = apart(proxy) else { return };
        let mut homes = BTreeSet::new();
        for number in 0..6 {
            let browser = stage.balancer.browser(10 + number);
            let email = format!("p{number}@example.org");
            browser.patch("/api/session/data", json!({ "before": number })).await;
            let home = stage.home(&browser).await;
            let mut tokens = BTreeSet::from([browser.token()]);
            let mut step = async |what: &str, answer: Answer, status| {
                assert_eq!(answer.status, status, "{proxy:?}, {what}: {}", answer.text);
                assert_eq!(node_cookie(&answer), None, "{proxy:?}, {what}");
                assert_eq!(stage.home(&browser).await, home, "{proxy:?}, {what}");
                assert!(tokens.insert(browser.token()), "{what} keeps the token");
            };

            step("sign up", browser.sign_up(&email, PASSWORD).await, 201).await;
            let data = browser.get("/api/session/data").await.json();
            assert_eq!(data, json!({ "before": number }), "{proxy:?}: what a visitor kept is gone");
            step("reauthenticate", browser.reauthenticate(PASSWORD).await, 200).await;
            let changed = browser.change_password(PASSWORD, OTHER_PASSWORD).await;
            step("change the password", changed, 204).await;
            step("end the others", browser.delete("/api/sessions").await, 200).await;
            assert_eq!(browser.post_form("/logout", &[]).await.location(), "/login");
            assert_eq!(browser.token(), "");
            let again = browser.try_to_sign_in(&email, OTHER_PASSWORD, true).await;
            step("sign in again", again, 200).await;
            for _ in 0..10 {
                assert!(browser.is_signed_in().await, "{proxy:?}");
            }
            homes.insert(home);
        }
        assert!(homes.len() > 1, "{proxy:?} sends everybody to {homes:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_back_outlives_the_browser_and_is_as_safe_as_the_session() {
    for proxy in Proxy::Nginx.tried() {
        let Some(stage) = apart(proxy) else { return };
        let browser = stage.balancer.browser(10);
        let first = browser.get("/login").await;

        let cookie = node_cookie(&first).unwrap();

        let mut parts = cookie.split("; ").map(str::to_lowercase);
        let (_, node) = cookie.split(';').next().unwrap().split_once('=').unwrap();
        assert!(["node1", "node2", "node3"].contains(&node), "{cookie}");
        assert_eq!(parts.next(), Some(format!("{}={node}", COOKIE.to_lowercase())));
        let attributes: BTreeSet<_> = parts.collect();
        // Without a path of / and Secure, browsers refuse the name. 400 days are their limit.
        let wanted = ["httponly", "max-age=34560000", "path=/", "samesite=lax", "secure"];
        assert_eq!(attributes, wanted.map(str::to_owned).into(), "{proxy:?}");
        assert_eq!(node_cookie(&browser.get("/login").await), None, "it is sent twice");

        for nonsense in ["node9", "", "node1 node2", "10.0.0.11:8080", "../node1"] {
            let shape = |request: reqwest::RequestBuilder| {
                request.header("Cookie", format!("{COOKIE}={nonsense}"))
            };
            let stranger = stage.balancer.browser(11);
            let answer = stranger.ask(Method::GET, "/login", shape).await;
            assert_eq!(answer.status, 200, "{proxy:?}, {nonsense}");
            assert!(node_cookie(&answer).is_some(), "{proxy:?}, {nonsense}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_node_dies_its_sessions_end_and_no_others() {
    for proxy in Proxy::Haproxy.tried() {
        let Some(mut stage) = Stage::sticky(proxy).await else { return };
        let (ada, dead) = signed_in_at(&stage, "ada@example.org", |_| true).await;
        let (bob, _) = signed_in_at(&stage, "bob@example.org", |home| home != dead).await;
        let (eve, _) = signed_in_at(&stage, "eve@example.org", |home| home == dead).await;

        stage.nodes.node(dead).kill();

        let page = ada.get("/account").await;
        assert_eq!((page.status, page.location()), (303, "/login?next=/account"), "{proxy:?}");
        for (language, words) in [
            ("en", "no longer known here. It ended some time ago, or the server that kept it was"),
            ("ko", "이전 세션을 더 이상 찾을 수 없어요"),
        ] {
            let shape =
                |request: reqwest::RequestBuilder| request.header(ACCEPT_LANGUAGE, language);
            let page = ada.ask(Method::GET, "/login?next=/account", shape).await;
            assert_eq!(page.status, 200);
            assert!(page.text.contains(words), "{proxy:?}: {}", page.text);
        }
        assert_eq!(eve.why_not().await, "no_session", "{proxy:?}");
        for _ in 0..10 {
            assert!(bob.is_signed_in().await, "{proxy:?}: another node's session ended");
        }
        let fields = [("email", "ada@example.org"), ("password", PASSWORD), ("next", "/account")];
        let answer = ada.post_form("/login", &fields).await;
        assert_eq!((answer.status, answer.location()), (303, "/account"), "{proxy:?}");
        let new_home = stage.home(&ada).await;
        assert_ne!(new_home, dead);

        stage.nodes.node(dead).start();
        let (newcomer, _) = wait_until_taken(&stage, dead).await;
        for _ in 0..10 {
            assert!(newcomer.is_signed_in().await && bob.is_signed_in().await, "{proxy:?}");
            assert!(ada.is_signed_in().await, "{proxy:?}: sent back to where it was before");
        }
        assert_eq!(stage.home(&ada).await, new_home, "{proxy:?}");
    }
}

/// Newcomers sign up until one has come to this node.
async fn wait_until_taken(stage: &Stage, node: usize) -> (Browser, usize) {
    for number in 0..200_u32 {
        let browser = stage.balancer.browser(150);
        let email = format!("newcomer{number}@example.org");
        assert_eq!(browser.sign_up(&email, PASSWORD).await.status, 201);
        let home = stage.home(&browser).await;
        if home == node {
            return (browser, home);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("node {node} takes nobody any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_decided_about_an_account_at_one_node_holds_at_the_others() {
    for proxy in Proxy::Nginx.tried() {
        let Some(stage) = Stage::sticky(proxy).await else { return };
        let (laptop, here) = signed_in_at(&stage, "ada@example.org", |_| true).await;
        let (phone, there) = signed_in_at(&stage, "ada@example.org", |home| home != here).await;
        assert!(laptop.is_signed_in().await && phone.is_signed_in().await);

        assert_eq!(laptop.change_password(PASSWORD, OTHER_PASSWORD).await.status, 204);

        assert_eq!(phone.why_not().await, "password_changed", "{proxy:?}");
        assert_eq!(stage.home(&laptop).await, here);
        let answer = phone.try_to_sign_in("ada@example.org", OTHER_PASSWORD, false).await;
        assert_eq!(answer.status, 200);
        assert_eq!(stage.home(&phone).await, there, "{proxy:?}");
        assert_eq!(phone.delete("/api/sessions").await.status, 200);
        assert_eq!(laptop.why_not().await, "revoked_by_user", "{proxy:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_time_stands_still_is_left_and_keeps_its_sessions() {
    for proxy in Proxy::Haproxy.tried() {
        let Some(mut stage) = Stage::sticky(proxy).await else { return };
        let (ada, paused) = signed_in_at(&stage, "ada@example.org", |_| true).await;
        let (bob, _) = signed_in_at(&stage, "bob@example.org", |home| home != paused).await;
        let old = ada.copy();
        stage.nodes.node(paused).pause();
        let (begun, asked) = (Instant::now(), tokio::spawn(async move { ada.whoami().await }));
        assert!(bob.is_signed_in().await, "{proxy:?}: another node's session");
        let answer = asked.await.unwrap();
        let took = begun.elapsed();
        assert_eq!(answer.refusal(), (401, "no_session".to_owned()), "{proxy:?}: {}", answer.text);
        assert!(node_cookie(&answer).is_some(), "{proxy:?}: the browser does not leave");
        assert!(took > Duration::from_secs(15) && took < Duration::from_secs(50), "{took:?}");
        stage.nodes.node(paused).resume();
        assert_eq!(stage.home(&old).await, paused, "{proxy:?}: it has lost its sessions");
    }
}

/// As browsers do: `HAProxy` closes a kept connection without a word where the server's own was cut
/// just as the request came.
async fn asks_again_where_the_connection_closes(browser: &Browser) -> Answer {
    let asked = browser.try_to_ask(Method::GET, "/api/session", |request| request).await;
    match asked {
        Ok(answer) => answer,
        Err(_) => browser.whoami().await,
    }
}

/// A proxy may find a kept connection cut after the node is back, and answers 502 then.
async fn asks_until_its_node_answers(browser: &Browser) -> u16 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = asks_again_where_the_connection_closes(browser).await.status;
        if ![502, 503, 504].contains(&status) || Instant::now() > deadline {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cut_off_for_a_while_signs_nobody_out() {
    for proxy in Proxy::Nginx.tried() {
        let nodes = Nodes::apart(3, sticky_place);
        let wires: Vec<_> = nodes.addresses().into_iter().map(Cut::before).collect();
        let ends: Vec<_> = wires.iter().map(|wire| wire.address).collect();
        let Some(balancer) = Balancer::start(proxy, "sticky", &ends) else { return };
        let stage = Stage { nodes, balancer, _ground: None };
        let mut browsers = Vec::new();
        for number in 0..6 {
            let browser = stage.balancer.browser(10 + number);
            let email = format!("p{number}@example.org");
            assert_eq!(browser.sign_up(&email, PASSWORD).await.status, 201);
            browsers.push(browser);
        }

        // Nobody is there.
        for wire in &wires {
            wire.refuse(true);
            wire.cut_all();
        }
        for browser in &browsers {
            let answer = asks_again_where_the_connection_closes(browser).await;
            assert!([502, 503].contains(&answer.status), "{proxy:?}: {}", answer.text);
            assert_eq!(answer.set_cookies(), [""; 0], "{proxy:?}: a browser leaves its node");
        }
        wires.iter().for_each(Cut::heal);
        for browser in &browsers {
            let status = asks_until_its_node_answers(browser).await;
            assert_eq!(status, 200, "{proxy:?}: signed out by an outage");
        }

        // Nothing is heard, for so long that checks fail.
        wires.iter().for_each(Cut::silence);
        let asked = browsers[0].copy();
        let asked = tokio::spawn(async move { asked.whoami().await });
        tokio::time::sleep(Duration::from_secs(12)).await;
        wires[1..].iter().for_each(Cut::heal);
        tokio::time::sleep(Duration::from_secs(3)).await;
        wires[0].heal();
        assert_eq!(asked.await.unwrap().status, 200, "{proxy:?}: signed out by silence");
        for browser in &browsers {
            let status = asks_until_its_node_answers(browser).await;
            assert_eq!(status, 200, "{proxy:?}: signed out by silence");
        }
    }
}
