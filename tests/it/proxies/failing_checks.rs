//! Checks that fail: no proxy lets a request pass because of one.

use reqwest::{Method, RequestBuilder};

use crate::harness::application::Application;
use crate::harness::balancer::{Balancer, Proxy};
use crate::harness::feigned::Feigned;

const COMPLETE: &str =
    "Remote-User: 0197-ab\r\nRemote-Email: \r\nRemote-Groups: user\r\nCookie: \r\n";

fn response(status: u16, headers: &str) -> Vec<u8> {
    let length = if status == 204 { "" } else { "Content-Length: 0\r\n" };
    format!("HTTP/1.1 {status} X\r\n{headers}{length}Connection: close\r\n\r\n").into_bytes()
}

/// What is no answer of Anteroom, with a word for it.
fn failures() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("nothing", Vec::new()),
        ("nonsense", b"nonsense\r\n\r\n".to_vec()),
        ("half a head", b"HTTP/1.1 200 OK\r\nRemote-Us".to_vec()),
        ("500", response(500, COMPLETE)),
        ("503", response(503, COMPLETE)),
        ("404", response(404, COMPLETE)),
        ("201", response(201, "")),
        ("without headers", response(200, "")),
    ]
}

async fn each_failure_denies(proxy: Proxy) {
    let (Some(application), anteroom) = (Application::start(), Feigned::start()) else { return };
    let balancer = Balancer::forward_auth(proxy, anteroom.address, application.address);
    let Some(balancer) = balancer else { return };
    let browser = balancer.browser(10);
    let shape = |request: RequestBuilder| request.header("Remote-User", "EVIL");
    for (what, bytes) in failures() {
        anteroom.answers(&bytes);
        let before = application.asked();
        let answer = browser.ask(Method::GET, "/reports", shape).await;
        let what = format!("{proxy:?}, {what}: {answer:?}");
        assert!(!answer.text.contains("EVIL"), "{what}");
        // These let any 2xx pass; the application is told of nobody then.
        let takes_any_success = matches!(proxy, Proxy::Traefik | Proxy::Nginx);
        if takes_any_success && (bytes.starts_with(b"HTTP/1.1 20") && bytes.ends_with(b"\r\n\r\n"))
        {
            assert!(!answer.text.contains("HTTP_REMOTE_USER="), "{what}");
            continue;
        }
        assert!(answer.status >= 400, "{what}");
        assert_eq!(application.asked(), before, "{what}");
    }
    for (length, passes) in [(15_000, true), (200_000, false)] {
        if proxy == Proxy::Traefik && !passes {
            continue;
        }
        let headers = format!("{COMPLETE}Remote-Name: {}\r\n", "x".repeat(length));
        anteroom.answers(&response(200, &headers));
        let before = application.asked();
        let answer = browser.ask(Method::GET, "/reports", shape).await;
        let what = format!("{proxy:?}, {length}: {}", answer.status);
        assert_eq!(answer.status == 200, passes, "{what}");
        assert_eq!(application.asked(), before + usize::from(passes), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_denies_where_the_check_fails() {
    each_failure_denies(Proxy::Nginx).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy_denies_where_the_check_fails() {
    each_failure_denies(Proxy::Haproxy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caddy_denies_where_the_check_fails() {
    each_failure_denies(Proxy::Caddy).await;
    each_failure_denies(Proxy::NewCaddy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traefik_denies_where_the_check_fails() {
    each_failure_denies(Proxy::Traefik).await;
}
