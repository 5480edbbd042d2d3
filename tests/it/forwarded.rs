//! What headers say of where a request came from and went to, and who is believed.

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};

use crate::harness::app::{Kind, PASSWORD, TestApp};
use crate::harness::browser::{Answer, Browser};
use crate::harness::wire::raw;

const OURS: &str = "https://auth.example";

/// Every header by which programs have been told of another host, scheme, client or path.
const HEADERS: &[(&str, &str)] = &[
    ("Forwarded", "for=203.0.113.7;host=evil.example;proto=http"),
    ("X-Forwarded-For", "203.0.113.7"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Port", "81"),
    ("X-Forwarded-Prefix", "//evil.example"),
    ("X-Forwarded-Server", "evil.example"),
    ("X-Forwarded-Scheme", "http"),
    ("X-Real-IP", "203.0.113.7"),
    ("X-Client-IP", "203.0.113.7"),
    ("True-Client-IP", "203.0.113.7"),
    ("CF-Connecting-IP", "203.0.113.7"),
    ("X-Host", "evil.example"),
    ("X-Original-Host", "evil.example"),
    ("X-Original-URL", "/account"),
    ("X-Rewrite-URL", "/account"),
    ("X-HTTP-Host-Override", "evil.example"),
    ("FastPath-End-Https", "off"),
];

async fn app(trusted: &[&str]) -> TestApp {
    TestApp::start_with(Kind::Memory, |options| {
        OURS.clone_into(&mut options.public_url);
        options.trusted_proxies = trusted.iter().map(|network| network.parse().unwrap()).collect();
    })
    .await
}

fn with(headers: &[(&'static str, &str)]) -> impl FnOnce(RequestBuilder) -> RequestBuilder {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), value)
        })
        .collect();
    |request| headers.into_iter().fold(request, |request, (name, v)| request.header(name, v))
}

/// Signs in with these headers, and gives the answer and the address that the session has.
async fn sign_in(app: &TestApp, headers: &[(&'static str, &str)]) -> (Answer, String) {
    let browser = app.browser();
    let fields = serde_json::json!({ "email": "ada@example.org", "password": PASSWORD });
    let shape = |request: RequestBuilder| with(headers)(request).json(&fields);
    let answer = browser.ask(Method::POST, "/api/session", shape).await;
    assert_eq!(answer.status, 200, "{headers:?}: {}", answer.text);
    let address = answer.json()["session"]["ip_address"].as_str().unwrap_or("none").to_owned();
    (answer, address)
}

#[tokio::test]
async fn host_1_no_header_bends_a_link_a_redirect_or_a_cookie() {
    let app = app(&[]).await;
    app.signed_in("ada@example.org").await;
    let browser = app.browser();
    for header in HEADERS {
        let (answer, _) = sign_in(&app, &[*header]).await;
        assert!(answer.set_cookies()[0].starts_with("__Host-anteroom="), "{header:?}");
        assert!(answer.set_cookies()[0].ends_with("; Secure"), "{header:?}");
        for (path, status, leads_to) in [
            ("/account", 303, "/login?next=/account"),
            ("/login", 200, ""),
            ("/nowhere", 404, ""),
            ("/api/session", 401, ""),
        ] {
            let answer = browser.ask(Method::GET, path, with(&[*header])).await;
            assert_eq!((answer.status, answer.location()), (status, leads_to), "{header:?}");
            assert!(!answer.text.contains("evil.example"), "{header:?} is on {path}");
            let said = format!("{:?}", answer.headers);
            assert!(!said.contains("evil.example"), "{header:?} comes back: {said}");
        }
    }
    let absolute = raw(&app, "GET https://evil.example/account HTTP/1.1", b"", b"").await;
    assert_eq!((absolute.status, absolute.location()), (421, ""));
    let link = app.anteroom.issue_setup_link().await.unwrap().unwrap();
    assert!(link.starts_with("https://auth.example/setup?token="), "{link}");
}

#[tokio::test]
async fn fwdh_1_nobody_but_a_trusted_proxy_is_believed() {
    for trusted in [&[][..], &["203.0.113.0/24", "::1/128"]] {
        let app = app(trusted).await;
        app.signed_in("ada@example.org").await;
        assert_eq!(sign_in(&app, HEADERS).await.1, "127.0.0.1");
        for header in HEADERS {
            assert_eq!(sign_in(&app, &[*header]).await.1, "127.0.0.1", "{header:?}");
        }
    }
}

#[tokio::test]
async fn fwdh_2_the_client_is_the_last_address_that_no_trusted_proxy_has() {
    let app = app(&["127.0.0.0/8", "10.0.0.0/8"]).await;
    app.signed_in("ada@example.org").await;
    let long = format!("{}203.0.113.7", "198.51.100.1, ".repeat(700));
    for (sent, client) in [
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("127.0.0.1, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("198.51.100.1,203.0.113.7 , 10.1.2.3,10.9.9.9", "203.0.113.7"),
        ("10.1.2.3, 10.9.9.9", "10.1.2.3"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        (&long, "203.0.113.7"),
        // Nothing that is no address, and nothing beyond it, is believed.
        ("a", "127.0.0.1"),
        ("", "127.0.0.1"),
        (",", "127.0.0.1"),
        ("203.0.113.7, a", "127.0.0.1"),
        ("203.0.113.7,", "127.0.0.1"),
        ("203.0.113.7, unknown, 10.1.2.3", "127.0.0.1"),
        ("fe80::1%eth0", "127.0.0.1"),
        ("203.0.113.7.", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("203.0.113.\u{661}", "127.0.0.1"),
        (&"x".repeat(10_000), "127.0.0.1"),
    ] {
        let found = sign_in(&app, &[("X-Forwarded-For", sent)]).await.1;
        assert_eq!(found, client, "{}", &sent.chars().take(60).collect::<String>());
    }
    let lines = [("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "203.0.113.7")];
    assert_eq!(sign_in(&app, &lines).await.1, "203.0.113.7", "two lines are one list");
}

#[tokio::test]
async fn host_2_the_hosts_that_a_chain_of_proxies_was_asked_by_are_a_list() {
    let trusting = app(&["127.0.0.1/32"]).await;
    for (hosts, status) in [
        (&["auth.example"][..], 303),
        (&["auth.example, inner.internal"], 303),
        (&["auth.example", "inner.internal"], 303),
        (&["AUTH.example:443 ,inner.internal:8080, 10.0.0.11"], 303),
        (&["auth.example, auth.example"], 303),
        (&["", "auth.example"], 303),
        (&["auth.example,"], 303),
        (&["evil.example"], 421),
        (&["evil.example, inner.internal"], 421),
        (&["evil.example", "inner.internal"], 421),
        (&["xauth.example, auth.example.evil, auth.example:81"], 421),
        (&["auth.example inner.internal"], 421),
        (&[""], 421),
        (&[",", " , "], 421),
    ] {
        let headers: Vec<_> = hosts.iter().map(|host| ("X-Forwarded-Host", *host)).collect();
        let shape = with(&headers);
        let browser = trusting.browser();
        let answer = browser.ask(Method::GET, "/account", shape).await;
        assert_eq!(answer.status, status, "{hosts:?}: {}", answer.text);
        let schemes = [("X-Forwarded-Proto", "https, http"), ("X-Forwarded-Proto", "http")];
        let headers: Vec<_> = headers.into_iter().chain(schemes).collect();
        let answer = trusting.browser().ask(Method::GET, "/account", with(&headers)).await;
        assert_eq!(answer.status, status, "{hosts:?} and schemes");
    }
    // Nobody else's word counts, in either way.
    let plain = app(&[]).await;
    let evil = Browser::of(plain.address, "https://evil.example");
    for (browser, status) in [(plain.browser(), 303), (evil, 421)] {
        for hosts in ["evil.example, auth.example", "auth.example", "evil.example"] {
            let headers = [("X-Forwarded-Host", hosts)];
            let answer = browser.ask(Method::GET, "/account", with(&headers)).await;
            assert_eq!(answer.status, status, "{hosts}");
        }
    }
}

#[tokio::test]
async fn fwdh_3_no_second_family_of_headers_stands_in() {
    let app = app(&["127.0.0.1/32"]).await;
    app.signed_in("ada@example.org").await;
    let others: Vec<_> =
        HEADERS.iter().filter(|(name, _)| !name.starts_with("X-Forwarded-")).copied().collect();
    assert!(others.len() >= 10);
    assert_eq!(sign_in(&app, &others).await.1, "127.0.0.1");
    let both: Vec<_> = others.into_iter().chain([("X-Forwarded-For", "198.51.100.1")]).collect();
    assert_eq!(sign_in(&app, &both).await.1, "198.51.100.1");
}

/// What an answer is, but for what differs from one to the next.
fn gist(answer: &Answer) -> (u16, String, String) {
    let id = answer.header("x-request-id");
    (answer.status, answer.text.replace(id, ""), answer.location().to_owned())
}

#[tokio::test]
async fn fwdh_4_no_header_opens_a_door() {
    const INTERNAL: &[(&str, &str)] = &[
        ("X-Middleware-Subrequest", "middleware:middleware:middleware:middleware:middleware"),
        ("X-Middleware-Prefetch", "1"),
        ("X-Debug", "1"),
        ("X-Internal", "true"),
        ("X-Admin", "true"),
        ("X-User-Id", "1"),
        ("X-Authenticated-User", "root@example.org"),
        ("X-Remote-User", "root"),
        ("Remote-User", "root"),
        ("Remote-Groups", "admin"),
        ("X-Webauth-User", "root"),
        ("Authorization", "Basic cm9vdDpyb290"),
        ("X-Custom-IP-Authorization", "127.0.0.1"),
    ];
    let app = app(&[]).await;
    app.add("root@example.org", anteroom::accounts::Role::Admin).await;
    let (nobody, ada) = (app.browser(), app.signed_in("ada@example.org").await);
    let ask = async |browser: &Browser, path, headers: &[(&'static str, &str)]| {
        gist(&browser.ask(Method::GET, path, with(headers)).await)
    };
    for path in ["/account", "/api/session", "/api/admin/users", "/auth/verify", "/nowhere"] {
        for browser in [&nobody, &ada] {
            let plain = ask(browser, path, &[]).await;
            for header in INTERNAL.iter().chain(HEADERS) {
                let (mut found, mut plain) = (ask(browser, path, &[*header]).await, plain.clone());
                for gist in [&mut found, &mut plain] {
                    // Pages and sessions say when they were last seen.
                    gist.1 = gist.1.split("last_seen_at").next().unwrap().to_owned();
                    // Each form has a name of its own.
                    let named = "name=\"form\" value=\"";
                    gist.1 = gist
                        .1
                        .split(named)
                        .map(|part| part.split_once('"').map_or(part, |(_, rest)| rest))
                        .collect();
                }
                assert_eq!(found, plain, "{path} with {header:?}");
            }
        }
    }
}
