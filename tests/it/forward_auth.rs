//! `FORWARD_AUTH`: the original request, and what a proxy is told about it.

use std::time::Duration;

use anteroom::http::{ForwardAuthOptions, ForwardAuthProxy, IdentityHeaders};
use anteroom::rules::{KnownHost, LiveRules, RulesFile};
use anteroom::{Anteroom, Options};
use reqwest::header::HeaderName;
use reqwest::{Method, RequestBuilder};
use tempfile::NamedTempFile;

use crate::harness::app::{Kind, PASSWORD, TestApp};
use crate::harness::browser::{Answer, Browser};

const PATHS: [&str; 2] = ["/auth/verify", "/auth/verify/redirect"];

type Shape = fn(&mut Options);

fn behind(options: &mut Options, proxy: ForwardAuthProxy, headers: IdentityHeaders) {
    options.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    options.forward_auth = ForwardAuthOptions { proxy: Some(proxy), headers, ..Default::default() };
}

fn nginx(options: &mut Options) {
    behind(options, ForwardAuthProxy::Nginx, IdentityHeaders::Remote);
}

fn haproxy(options: &mut Options) {
    behind(options, ForwardAuthProxy::Haproxy, IdentityHeaders::Remote);
}

fn caddy(options: &mut Options) {
    behind(options, ForwardAuthProxy::Caddy, IdentityHeaders::XAuthRequest);
}

fn traefik(options: &mut Options) {
    behind(options, ForwardAuthProxy::Traefik, IdentityHeaders::XForwarded);
}

const EACH: [Shape; 4] = [nginx, haproxy, caddy, traefik];

/// With the fast path and without it.
async fn both_ways(set: impl Fn(&mut Options)) -> [(TestApp, Browser); 2] {
    let fast = TestApp::start_around(Kind::Memory, &set, Anteroom::front).await;
    let usual = TestApp::start_around(Kind::Memory, &set, Anteroom::router).await;
    let (first, second) =
        (fast.signed_in("ada@example.org").await, usual.signed_in("ada@example.org").await);
    fast.remembers(&first).await;
    [(fast, first), (usual, second)]
}

/// Asks with the headers of both families.
async fn ask(
    browser: &Browser,
    path: &str,
    origin: &str,
    more: impl FnOnce(RequestBuilder) -> RequestBuilder,
) -> Answer {
    let (scheme, host) = origin.split_once("://").unwrap();
    let shape = |request: RequestBuilder| {
        more(
            request
                .header("X-Original-Method", "GET")
                .header("X-Original-URL", format!("{origin}/reports?year=2026"))
                .header("X-Forwarded-Method", "GET")
                .header("X-Forwarded-Proto", scheme)
                .header("X-Forwarded-Host", host)
                .header("X-Forwarded-Uri", "/reports?year=2026"),
        )
    };
    browser.ask(Method::GET, path, shape).await
}

fn navigating(request: RequestBuilder) -> RequestBuilder {
    request.header("Sec-Fetch-Mode", "navigate")
}

#[tokio::test]
async fn a_page_is_sent_to_sign_in_and_nothing_else_is() {
    for set in EACH {
        for (app, ada) in both_ways(set).await {
            let (ours, stranger) = (app.public_url.clone(), app.browser());
            let answer = ask(&stranger, PATHS[1], &ours, navigating).await;
            let location = format!("{ours}/login?next=/reports%3Fyear%3D2026");
            assert_eq!((answer.status, answer.location()), (302, &*location), "{}", answer.text);
            assert_eq!(answer.header("cache-control"), "no-store");
            let html = |request: RequestBuilder| request.header("Accept", "text/html,*/*;q=0.8");
            assert_eq!(ask(&stranger, PATHS[1], &ours, html).await.status, 302);
            // The query is the client's.
            for path in ["/auth/verify", "/auth/verify?mode=redirect", "/auth/verify?redirect"] {
                let answer = ask(&stranger, path, &ours, navigating).await;
                assert_eq!(answer.refusal(), (401, "no_session".to_owned()), "{path}");
            }
            let answer = ask(&stranger, PATHS[1], &ours, |request| request).await;
            assert_eq!(answer.refusal(), (401, "no_session".to_owned()));
            for path in PATHS {
                assert_eq!(ask(&ada, path, &ours, navigating).await.status, 200, "{path}");
                assert_eq!(ada.get(path).await.status, 200, "without an original request");
            }
        }
    }
}

#[tokio::test]
async fn fwd_5_an_original_request_that_cannot_be_judged_is_forbidden() {
    for set in EACH {
        for (app, ada) in both_ways(set).await {
            for path in PATHS {
                for other in ["https://localhost", "http://evil.example", "http://localhost:1"] {
                    let answer = ask(&ada, path, other, navigating).await;
                    assert_eq!(answer.refusal(), (403, "forbidden".to_owned()), "{path} {other}");
                    assert!(!answer.headers.contains_key("remote-user"), "{other}");
                }
                let twice = |request: RequestBuilder| {
                    let request = request.header("X-Original-Method", "GET");
                    request.header("X-Forwarded-Method", "GET")
                };
                let answer = ask(&ada, path, &app.public_url, twice).await;
                assert_eq!(answer.refusal(), (403, "forbidden".to_owned()), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn nobody_but_a_trusted_proxy_says_what_the_original_request_was() {
    let app = TestApp::start_with(Kind::Memory, |options| {
        caddy(options);
        options.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    })
    .await;
    let (ada, stranger) = (app.signed_in("ada@example.org").await, app.browser());
    for path in PATHS {
        let answer = ask(&ada, path, "https://evil.example", navigating).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let answer = ask(&stranger, path, &app.public_url, navigating).await;
        assert_eq!(answer.refusal(), (401, "no_session".to_owned()));
    }
}

#[tokio::test]
async fn the_headers_are_those_of_the_family_that_was_chosen() {
    for (set, names) in [
        (nginx as Shape, ["remote-user", "remote-email", "remote-name", "remote-groups"]),
        (
            caddy,
            [
                "x-auth-request-user",
                "x-auth-request-email",
                "x-auth-request-preferred-username",
                "x-auth-request-groups",
            ],
        ),
        (
            traefik,
            [
                "x-forwarded-user",
                "x-forwarded-email",
                "x-forwarded-preferred-username",
                "x-forwarded-groups",
            ],
        ),
    ] {
        for (_app, ada) in both_ways(set).await {
            let id = ada.user_id().await;
            for path in PATHS {
                let answer = ada.get(path).await;
                let values = names.map(|name| answer.header(name).to_owned());
                assert_eq!(values, [&*id, "ada@example.org", "Ada", "user"], "{path}");
                let all = answer.headers.keys().map(HeaderName::as_str);
                let is_identity = |name: &&str| name.contains("remote-") || name.starts_with("x-");
                // With the id of the request.
                assert_eq!(all.filter(is_identity).count(), 5, "{:?}", answer.headers);
            }
        }
    }
}

#[tokio::test]
async fn an_identity_header_of_the_client_is_forbidden_in_every_spelling() {
    for (app, ada) in both_ways(caddy).await {
        for (spelled, status) in [
            ("X-Auth-Request-User", 403),
            ("x_auth_request_groups", 403),
            ("X.Auth-Request~Email", 403),
            // Of another family, which the proxy removes.
            ("Remote_User", 200),
            ("Remote-User", 200),
            ("X-Auth-Request-Users", 200),
        ] {
            for path in PATHS {
                let shape = |request: RequestBuilder| request.header(spelled, "root");
                let answer = ask(&ada, path, &app.public_url, shape).await;
                assert_eq!(answer.status, status, "{spelled}: {}", answer.text);
                let answer = ada.ask(Method::GET, path, shape).await;
                assert_eq!(answer.status, status, "{spelled}: {}", answer.text);
            }
        }
    }
}

#[tokio::test]
async fn traefik_alone_gets_the_cookies_without_ours() {
    for (app, ada) in both_ways(traefik).await {
        let cookies = format!("a=1; {}; b=2", ada.cookies());
        let plain = app.browser();
        let shape = |request: RequestBuilder| request.header("Cookie", &cookies);
        let answer = plain.ask(Method::GET, "/auth/verify", shape).await;
        assert_eq!((answer.status, answer.header("cookie")), (200, "a=1; b=2"));
        let answer = ada.get("/auth/verify").await;
        assert_eq!((answer.status, answer.header("cookie")), (200, ""));
    }
    for (_app, ada) in both_ways(caddy).await {
        assert!(!ada.get("/auth/verify").await.headers.contains_key("cookie"));
    }
}

const RULES: &str = r#"default = "deny"
[[rule]]
path = "/public/**"
allow = "public"
[[rule]]
path = "/fresh/**"
allow = "signed-in"
fresh = "30m"
[[rule]]
path = "/factor"
allow = "signed-in"
factor = true
[[rule]]
path = "/admin/**"
allow = "role:admin"
[[rule]]
path = "/**"
methods = ["GET"]
allow = "signed-in"
"#;

/// A file of rules, and the shape of an app that reads it.
fn with_rules(text: &str) -> (NamedTempFile, impl Fn(&mut Options) + use<>) {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let hosts = vec![KnownHost { host: "localhost".to_owned(), port: 80 }];
    let rules = LiveRules::from_file(RulesFile { path: file.path().to_owned(), hosts }).unwrap();
    let set = move |options: &mut Options| {
        nginx(options);
        options.forward_auth.rules = rules.clone();
    };
    (file, set)
}

/// Asks about one request, and gives the status and the code of an error.
async fn about(browser: &Browser, path: &str, method: &str, url: &str) -> (u16, String) {
    let shape = |request: RequestBuilder| {
        request.header("X-Original-Method", method).header("X-Original-URL", url)
    };
    let answer = browser.ask(Method::GET, path, shape).await;
    if answer.status == 200 {
        (200, answer.header("remote-user").to_owned())
    } else {
        answer.refusal()
    }
}

#[tokio::test]
async fn rules_decide_at_the_fast_path_and_behind_it() {
    let (_file, set) = with_rules(RULES);
    for (app, ada) in both_ways(set).await {
        let nobody = app.browser();
        let id = ada.user_id().await;
        for path in PATHS {
            for (method, target, expected_of_ada, expected_of_nobody) in [
                ("GET", "/", (200, &*id), (401, "no_session")),
                ("GET", "/public/a", (200, &*id), (200, "")),
                ("POST", "/public", (200, &*id), (200, "")),
                ("POST", "/", (403, "forbidden"), (403, "forbidden")),
                ("GET", "/admin", (403, "forbidden"), (401, "no_session")),
                ("GET", "/x/../admin/y", (403, "forbidden"), (401, "no_session")),
                ("GET", "/factor", (403, "second_factor_required"), (401, "no_session")),
                ("GET", "/a//b", (403, "forbidden"), (403, "forbidden")),
                ("GET", "/public/%2e%2e%2fadmin", (403, "forbidden"), (403, "forbidden")),
                ("GET", "/fresh", (200, &*id), (401, "no_session")),
            ] {
                let url = format!("{}{target}", app.public_url);
                for (browser, expected) in [(&ada, expected_of_ada), (&nobody, expected_of_nobody)]
                {
                    let (status, text) = about(browser, path, method, &url).await;
                    assert_eq!((status, &*text), expected, "{path} {method} {target}");
                }
            }
            let without = ada.get(path).await;
            assert_eq!(without.refusal(), (403, "forbidden".to_owned()), "no original request");
        }
    }
}

#[tokio::test]
async fn a_proof_that_a_rule_finds_too_old_is_asked_for_once_more() {
    let (_file, set) = with_rules(RULES);
    let app = TestApp::start_around(Kind::Memory, &set, Anteroom::front).await;
    let ada = app.signed_in("ada@example.org").await;
    let url = format!("{}/fresh/a?b=c", app.public_url);
    app.clock.advance(Duration::from_mins(30) + Duration::from_secs(1));

    let old = about(&ada, PATHS[0], "GET", &url).await;
    let shape = |request: RequestBuilder| {
        navigating(request.header("X-Original-Method", "GET").header("X-Original-URL", &url))
    };
    let page = ada.ask(Method::GET, PATHS[1], shape).await;
    assert_eq!(old, (403, "reauthentication_required".to_owned()));
    let form = format!("{}/reauthenticate?next=/fresh/a%3Fb%3Dc", app.public_url);
    assert_eq!((page.status, page.location()), (302, &*form));

    assert_eq!(ada.reauthenticate(PASSWORD).await.status, 200);
    assert_eq!(about(&ada, PATHS[0], "GET", &url).await.0, 200);
}

#[tokio::test]
async fn new_rules_hold_at_the_next_check_and_a_wrong_file_changes_nothing() {
    let (file, set) = with_rules("default = \"signed-in\"");
    let mut rules = LiveRules::default();
    let app = TestApp::start_around(
        Kind::Memory,
        |options: &mut Options| {
            set(options);
            rules = options.forward_auth.rules.clone();
        },
        Anteroom::front,
    )
    .await;
    let ada = app.signed_in("ada@example.org").await;
    let url = format!("{}/", app.public_url);
    assert_eq!(about(&ada, PATHS[0], "GET", &url).await.0, 200);

    std::fs::write(file.path(), "default = \"deny\"").unwrap();
    rules.reload().unwrap();
    assert_eq!(about(&ada, PATHS[0], "GET", &url).await.0, 403);

    for wrong in ["", "default = \"public\"", "default = \"signed-in\"\nx = 1"] {
        std::fs::write(file.path(), wrong).unwrap();
        rules.reload().unwrap_err();
        assert_eq!(about(&ada, PATHS[0], "GET", &url).await.0, 403, "{wrong}");
    }
    std::fs::remove_file(file.path()).unwrap();
    rules.reload().unwrap_err();
    assert_eq!(about(&ada, PATHS[0], "GET", &url).await.0, 403, "no file");
}
