//! nginx as its own manual has it, without anything that we ship.

use std::time::Duration;

use anteroom::accounts::Role;
use reqwest::{Method, RequestBuilder, Response};

use crate::harness::app::{Kind, TestApp};
use crate::harness::balancer::Balancer;
use crate::harness::browser::Browser;
use crate::harness::upstream::Upstream;

/// The second location forgets what the manual says about bodies, and the third keeps answers of the
/// check, one for everybody. The last is a plain proxy.
const AS_IN_THE_MANUAL: &str = "user www-data;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;
events {
}

http {
    access_log off;
    proxy_cache_path checks keys_zone=checks:1m;
    server {
        listen 80;
        listen 443 ssl;
        ssl_certificate /etc/nginx/anteroom.crt;
        ssl_certificate_key /etc/nginx/anteroom.key;
        location /private/ {
            auth_request /auth;
            proxy_pass http://127.0.0.1:3000;
        }
        location = /auth {
            internal;
            proxy_pass http://127.0.0.1:8080/auth/verify;
            proxy_pass_request_body off;
            proxy_set_header Content-Length \"\";
            proxy_set_header X-Original-URI $request_uri;
        }
        location /forgetful/ {
            auth_request /forgetful-auth;
            proxy_pass http://127.0.0.1:3000;
        }
        location = /forgetful-auth {
            internal;
            proxy_pass http://127.0.0.1:8080/auth/verify;
        }
        location /kept/ {
            auth_request /kept-auth;
            auth_request_set $user $upstream_http_remote_user;
            proxy_pass http://127.0.0.1:3000;
            add_header X-User $user;
        }
        location = /kept-auth {
            internal;
            proxy_pass http://127.0.0.1:8080/auth/verify;
            proxy_pass_request_body off;
            proxy_set_header Content-Length \"\";
            proxy_cache checks;
            proxy_cache_key check;
            proxy_cache_valid any 10m;
        }
        location /api/ {
            proxy_pass http://127.0.0.1:8080;
        }
    }
}
";

struct Stage {
    app: TestApp,
    application: Upstream,
    nginx: Balancer,
}

impl Stage {
    async fn start() -> Option<Self> {
        let (app, application) = (TestApp::start(Kind::Memory).await, Upstream::start());
        let nginx = Balancer::nginx(AS_IN_THE_MANUAL, app.address, application.address)?;
        Some(Self { app, application, nginx })
    }

    /// The same browser, as it comes to the proxy.
    fn through_nginx(&self, browser: &Browser) -> Browser {
        let there = Browser::of(self.nginx.http, &self.app.public_url);
        if !browser.token().is_empty() {
            there.hold(&browser.token());
        }
        there
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_of_a_signed_in_user_passes() {
    let Some(stage) = Stage::start().await else { return };
    let ada = stage.through_nginx(&stage.app.signed_in("ada@example.org").await);
    let stranger = stage.through_nginx(&stage.app.browser());
    let begun = std::time::Instant::now();
    let shapes: [fn(RequestBuilder) -> RequestBuilder; 5] = [
        |request| request,
        |request| request.header("Content-Encoding", "gzip").body("not read by us"),
        |request| request.header("Content-Type", "text/plain; charset=utf-16").body("x".repeat(77)),
        |request| request.body("x".repeat(100_000)),
        |request| {
            let request = request.header("Origin", "https://evil.example");
            request.header("Sec-Fetch-Site", "cross-site").header("Sec-Fetch-Dest", "iframe")
        },
    ];
    let mut expected = 0;
    for path in ["/private/x", "/forgetful/x"] {
        for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"] {
            let method: Method = method.parse().unwrap();
            for (number, shape) in shapes.into_iter().enumerate() {
                let answer = ada.ask(method.clone(), path, shape).await;
                assert_eq!(answer.status, 200, "{method} {path}, shape {number}: {}", answer.text);
                expected += 1;
                assert_eq!(stage.application.asked(), expected);
                let answer = stranger.ask(method.clone(), path, shape).await;
                assert_eq!(answer.status, 401, "{method} {path}, shape {number}");
            }
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(8), "a body was waited for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_cache_of_a_proxy_keeps_a_check() {
    let Some(stage) = Stage::start().await else { return };
    let at_home = [
        stage.app.signed_in("ada@example.org").await,
        stage.app.signed_in("bob@example.org").await,
    ];
    let there = at_home.each_ref().map(|browser| stage.through_nginx(browser));
    let stranger = stage.through_nginx(&stage.app.browser());
    for _ in 0..3 {
        for (browser, home) in there.iter().zip(&at_home) {
            let answer = browser.get("/kept/x").await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.header("x-user"), home.user_id().await);
        }
        assert_eq!(stranger.get("/kept/x").await.status, 401);
    }
    assert_eq!(at_home[0].delete("/api/session").await.status, 204);
    assert_eq!(there[0].get("/kept/x").await.status, 401);
    assert_eq!(there[1].get("/kept/x").await.status, 200);
}

/// Reads a stream until it has said this.
async fn hear(stream: &mut Response, wanted: &str) -> String {
    let mut heard = String::new();
    let hearing = async {
        while !heard.contains(wanted) {
            let bytes = stream.chunk().await.unwrap().unwrap();
            heard.push_str(&String::from_utf8_lossy(&bytes));
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(5), hearing).await;
    assert!(in_time.is_ok(), "{wanted} was held back");
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_stream_is_held_back() {
    let Some(stage) = Stage::start().await else { return };
    let root = stage.app.signed_in_as("root@example.org", Role::Admin, false).await;
    let there = stage.through_nginx(&root);
    let open = async |path: &str| there.request(Method::GET, path).send().await.unwrap();
    let mut sessions = open("/api/session/events?sessions=true").await;
    hear(&mut sessions, "event: watching").await;
    let mut ends = open("/api/admin/revocations?stream=true").await;
    hear(&mut ends, "event: position").await;

    let phone = stage.app.signed_in("root@example.org").await;
    hear(&mut sessions, "event: sessions").await;
    assert_eq!(phone.delete("/api/session").await.status, 204);
    hear(&mut ends, "event: revocation").await;
}
