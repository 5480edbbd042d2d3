//! What the shipped configurations say of where a request comes from, and what a client can make
//! them say.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::{PASSWORD, Stage, shared_place};
use crate::harness::balancer::{Balancer, Proxy};
use crate::harness::browser::{Answer, Browser};
use crate::harness::ground::Keeping;
use crate::harness::nodes::{Node, Nodes};
use crate::harness::server::{Place, wait_for};
use crate::harness::upstream::Upstream;
use crate::harness::wire::send;

/// Every shipped configuration, and what its nodes have.
const KINDS: [(&str, Proxy); 4] = [
    ("sticky", Proxy::Haproxy),
    ("sticky", Proxy::Nginx),
    ("shared", Proxy::Haproxy),
    ("shared", Proxy::Nginx),
];

/// What a client may send to be taken for somebody else.
const CLAIMS: &[&[(&str, &str)]] = &[
    &[("X-Forwarded-For", "203.0.113.7")],
    &[("x-forwarded-for", "203.0.113.7"), ("X-FORWARDED-FOR", "203.0.113.8")],
    &[("X-Forwarded-For", "203.0.113.7, 127.0.0.1")],
    &[("X-Forwarded-For", "203.0.113.7"), ("Connection", "X-Forwarded-For")],
    &[("X-Forwarded-For", "203.0.113.7"), ("Connection", "close, x-forwarded-for")],
    &[("X-Forwarded-For", "")],
    &[("X_Forwarded_For", "203.0.113.7")],
    &[("Forwarded", "for=203.0.113.7;host=evil.example;proto=http")],
    &[("X-Real-IP", "203.0.113.7")],
    &[("True-Client-IP", "203.0.113.7")],
    &[("X-Forwarded-Host", "evil.example")],
    &[("X-Forwarded-Host", "evil.example"), ("Connection", "X-Forwarded-Host")],
    &[("X-Forwarded-Proto", "http")],
];

fn with(claims: &'static [(&str, &str)]) -> impl Fn(RequestBuilder) -> RequestBuilder {
    move |request| {
        claims.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    }
}

/// Does this in front of each configuration, with settings that `set` completes.
async fn each(set: impl Fn(Place) -> Place, operation: impl AsyncFn(&Balancer, &Nodes, &str)) {
    for (kind, proxy) in KINDS {
        let stage = Stage::start(kind, proxy, Keeping::Postgres, &set).await;
        let Some(stage) = stage else { return };
        operation(&stage.balancer, &stage.nodes, &format!("{kind} {proxy:?}")).await;
    }
    let place = || {
        let place = set(shared_place(Keeping::Postgres));
        place.with("ANTEROOM_PUBLIC_URL", "https://app.example.org")
    };
    let (mut nodes, application) = (Nodes::apart(1, place), Upstream::start());
    let node = nodes.node(0).address;
    let Some(balancer) = Balancer::forward_auth(Proxy::Nginx, node, application.address) else {
        return;
    };
    operation(&balancer, &nodes, "forward-auth").await;
}

fn machine(last: u8) -> String {
    IpAddr::from(Ipv4Addr::new(127, 0, 0, last)).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fwdh_1_behind_the_shipped_proxies_nobody_is_taken_for_somebody_else() {
    each(
        |place| place,
        async |balancer, _, what| {
            balancer.browser(10).sign_up("ada@example.org", PASSWORD).await;
            for (claims, last) in CLAIMS.iter().zip(20..) {
                let browser = balancer.browser(last);
                let fields = json!({ "email": "ada@example.org", "password": PASSWORD });
                let shape = |request| with(claims)(request).json(&fields);
                let answer = browser.ask(Method::POST, "/api/session", shape).await;
                assert_eq!(answer.status, 200, "{what}, {claims:?}: {}", answer.text);
                let address = answer.json()["session"]["ip_address"].clone();
                assert_eq!(address, machine(last), "{what}, {claims:?}");
                let cookie = answer.set_cookies().join("\n");
                assert!(cookie.contains("__Host-anteroom=") && cookie.contains("Secure"));
                assert!(!answer.text.contains("evil"), "{what}, {claims:?}");
            }
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_the_shipped_proxies_every_network_has_exactly_one_bucket() {
    let guess = async |browser: &Browser, claims| -> Answer {
        let fields = json!({ "email": "ada@example.org", "password": "not the right password" });
        let shape = |request| with(claims)(request).json(&fields);
        browser.ask(Method::POST, "/api/session", shape).await
    };
    each(
        |place| place.with("ANTEROOM_THROTTLE_NETWORK", "6/10m"),
        async |balancer, _, what| {
            for last in 60..68 {
                let answer = guess(&balancer.browser(last), &[]).await;
                assert_eq!(answer.refusal(), (401, "invalid_credentials".to_owned()), "{what}");
            }
            let guesser = balancer.browser(10);
            let mut refused = 0;
            for claims in &CLAIMS[..10] {
                let answer = guess(&guesser, claims).await;
                refused += usize::from(answer.status == 429);
            }
            assert_eq!(refused, 4, "{what}: a client that lies gets more than six guesses");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn host_2_behind_the_shipped_proxies_another_host_is_not_ours() {
    each(
        |place| place,
        async |balancer, _, what| {
            let evil = Browser::of(balancer.address(), "https://evil.example");
            for claims in [&[][..], &[("X-Forwarded-Host", "auth.example.org")]] {
                let answer = evil.ask(Method::GET, "/login", with(claims)).await;
                assert_eq!(answer.status, 421, "{what}: {}", answer.text);
            }
            let text = reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap()
                .get(format!("http://{}/login?next=/account", balancer.http))
                .header("Host", "evil.example")
                .send()
                .await
                .unwrap();
            let location = text.headers()["location"].to_str().unwrap();
            let wanted = format!("https://{}/login?next=/account", balancer.name);
            assert_eq!((text.status().as_u16(), location), (301, wanted.as_str()), "{what}");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_comes_through_as_soon_as_it_happens() {
    each(
        |place| place,
        async |balancer, _, what| {
            let (laptop, phone) = (balancer.browser(10), balancer.browser(11));
            laptop.sign_up("ada@example.org", PASSWORD).await;
            let events = laptop.request(Method::GET, "/api/session/events").send().await.unwrap();
            assert_eq!(events.status(), 200, "{what}");
            phone.try_to_sign_in("ada@example.org", PASSWORD, false).await;
            let heard = tokio::spawn(events.text());
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert!(!heard.is_finished(), "{what}: the stream does not stay open");
            let begun = std::time::Instant::now();

            assert_eq!(phone.delete("/api/sessions").await.status, 200);

            let heard = heard.await.unwrap().unwrap();
            assert!(
                heard.contains("event: ended\ndata: {\"reason\":\"revoked_by_user\"}"),
                "{heard}"
            );
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(5), "{what}: {took:?}");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_log_of_a_shipped_proxy_has_a_query() {
    each(
        |place| place,
        async |balancer, _, what| {
            let browser = balancer.browser(10);
            browser.get("/setup?token=a-secret-of-one-use").await;
            browser.get("/account?email=ada@example.org").await;
            // A log may be written a moment after the answer.
            wait_for(|| balancer.log().contains("/account").then_some(()));
            let log = balancer.log();
            assert!(!log.contains("secret") && !log.contains("email"), "{what}: {log}");
            assert!(log.contains("/setup") && log.contains("127.0.0.10"), "{what}: {log}");
        },
    )
    .await;
}

/// Requests that two programs may take for different ones: each has a second request in its body,
/// or behind it.
fn two_in_one(host: &str) -> Vec<String> {
    const FRAMES: &[&str] = &[
        "Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{second}",
        "Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n{second}",
        "Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{second}",
        "Content-Length: {length}\r\nContent-Length: 0\r\n\r\n{second}",
        "Content-Length: +{length}\r\n\r\n{second}",
        "Content-Length: {length}, 0\r\n\r\n{second}",
        "Content-Length: 0{length}\r\n\r\n{second}",
        "Content-Length : {length}\r\n\r\n{second}",
        "Content_Length: {length}\r\n\r\n{second}",
        "Content-Length: {length}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{second}",
        "Content-Length: {length}\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n{second}",
        "Content-Length: {length}\r\nTransfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n{second}",
        "Content-Length: {length}\r\nTransfer-Encoding:\u{b}chunked\r\n\r\n0\r\n\r\n{second}",
        "Content-Length: {length}\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{second}",
        "X: y\nTransfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n{second}",
        "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n{second}",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{second}",
        "Transfer-Encoding: chunked\r\n\r\n0;x=\n\r\n\r\n{second}",
        "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n{second}",
        "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n{second}",
        "Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n{second}",
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\r\n{second}",
    ];
    let methods = ["POST", "GET"].into_iter();
    let framed = methods.flat_map(|method| FRAMES.iter().map(move |frame| (method, frame)));
    let written = framed.enumerate().map(|(number, (method, frame))| {
        let second = format!(
            "GET /assets/second-{number}- HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        );
        // As long as what comes after the headers, so that it is all of the body.
        let (_, body) = frame.split_once("\r\n\r\n").unwrap();
        let length = body.replace("{second}", &second).len().to_string();
        let frame = frame.replace("{length}", &length).replace("{second}", &second);
        format!("{method} /assets/first HTTP/1.1\r\nHost: {host}\r\n{frame}")
    });
    written.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_165_no_request_is_smuggled_past_a_shipped_proxy() {
    each(
        |place| place,
        async |balancer, nodes, what| {
            let mut answered = 0;
            for request in two_in_one(balancer.name) {
                let answer = send(balancer.address(), request.as_bytes());
                let answer = tokio::time::timeout(Duration::from_millis(1500), answer).await;
                answered += usize::from(answer.is_ok());
            }
            assert!(answered > 20, "{what}: only {answered} were answered");
            balancer.browser(10).get("/assets/last").await;
            wait_for(|| balancer.log().contains("/assets/last").then_some(()));
            let seen: String = nodes.iter().map(Node::log).collect();
            for number in 0..two_in_one("").len() {
                let second = format!("/assets/second-{number}-");
                let (behind, before) =
                    (seen.matches(&second).count(), balancer.log().matches(&second).count());
                // What the proxy itself took for two requests is the client's to send.
                assert!(behind <= before, "{what}: {number}: {}", two_in_one("")[number]);
            }
        },
    )
    .await;
}
