//! Applications on other hosts: one sign-in for all of them, and how nobody gets in without it.

use std::time::Duration;

use anteroom::http::{Applications, ForwardAuthOptions, ForwardAuthProxy, PublicUrl};
use anteroom::rules::{KnownHost, LiveRules, RulesFile};
use anteroom::{Anteroom, Options};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::harness::app::{Kind, MINUTE, PASSWORD, TestApp, on_each_database};
use crate::harness::browser::{Answer, Browser};

const AUTH: &str = "https://auth.example.org";
const WIKI: &str = "https://wiki.example.org";
const NOTES: &str = "https://notes.example.com";

on_each_database!(
    one_sign_in_opens_every_application,
    a_code_opens_nothing_but_for_the_browser_it_was_made_for,
    a_code_counts_once_at_its_origin_for_its_path,
    a_code_is_void_after_half_a_minute_and_after_the_end_of_its_session,
    a_session_has_at_most_sixteen_outstanding_codes,
    only_a_visit_gets_a_code,
    two_tabs_both_arrive,
    a_link_that_is_too_long_leads_to_the_start_page,
    no_target_but_a_listed_application_is_redirected_to,
    a_token_counts_at_its_own_origin_alone,
    what_ends_the_session_ends_it_at_every_application,
    signing_out_at_an_application_signs_out_everywhere,
    only_the_pages_of_an_application_sign_out_there,
    each_host_has_its_own_paths,
    lists_name_the_application_and_end_it_alone,
    an_old_proof_is_renewed_at_the_sign_in_host,
    a_proof_of_another_session_than_the_applications_is_handed_over,
);

fn listed(options: &mut Options) {
    AUTH.clone_into(&mut options.public_url);
    options.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let urls = [WIKI, NOTES].map(|url| PublicUrl::parse(url).unwrap());
    let applications = Applications::beside(&PublicUrl::parse(AUTH).unwrap(), urls).unwrap();
    let proxy = Some(ForwardAuthProxy::Nginx);
    options.forward_auth = ForwardAuthOptions { proxy, applications, ..Default::default() };
}

/// One browser, with the cookies that it has at each host.
struct Person {
    auth: Browser,
    wiki: Browser,
    notes: Browser,
}

impl Person {
    fn new(app: &TestApp) -> Self {
        let [auth, wiki, notes] = [AUTH, WIKI, NOTES].map(|url| Browser::of(app.address, url));
        Self { auth, wiki, notes }
    }

    async fn signed_in(app: &TestApp, email: &str) -> Self {
        Self { auth: app.signed_in(email).await, ..Self::new(app) }
    }

    /// Goes to a path of the wiki, and on to the code for it.
    async fn code_for(&self, path: &str) -> String {
        let answer = navigate(&self.wiki, &format!("{WIKI}{path}")).await;
        assert_eq!(answer.status, 302, "{}", answer.text);
        let answer = self.auth.get(below(AUTH, answer.location())).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        below(WIKI, answer.location()).to_owned()
    }

    /// Goes to the wiki, and has a session there.
    async fn arrives(&self) {
        let callback = self.code_for("/").await;
        assert_eq!(self.wiki.get(&callback).await.status, 303);
        assert_eq!(status_at(&self.wiki, WIKI).await, 200);
    }
}

fn below<'u>(origin: &str, url: &'u str) -> &'u str {
    url.strip_prefix(origin).unwrap_or_else(|| panic!("{url} is not at {origin}"))
}

/// Asks the check about the request of a browser, as nginx does.
async fn check(browser: &Browser, path: &str, url: &str) -> Answer {
    let shape = |request: RequestBuilder| {
        let request = request.header("X-Original-Method", "GET").header("X-Original-URL", url);
        request.header("Sec-Fetch-Mode", "navigate")
    };
    browser.ask(Method::GET, path, shape).await
}

async fn navigate(browser: &Browser, url: &str) -> Answer {
    check(browser, "/auth/verify/redirect", url).await
}

async fn status_at(browser: &Browser, origin: &str) -> u16 {
    check(browser, "/auth/verify", &format!("{origin}/reports")).await.status
}

async fn app_of(kind: Kind) -> TestApp {
    TestApp::start_with(kind, listed).await
}

async fn one_sign_in_opens_every_application(kind: Kind) {
    let ways = [
        TestApp::start_around(kind, listed, Anteroom::front).await,
        TestApp::start_around(kind, listed, Anteroom::router).await,
    ];
    for app in ways {
        let person = Person::new(&app);
        let account = app.signed_in("ada@example.org").await;
        let path = "/reports/%C3%A9?a=1&b=%26%2F#";
        let path = path.trim_end_matches('#');

        let answer = navigate(&person.wiki, &format!("{WIKI}{path}")).await;
        assert_eq!(answer.status, 302);
        let state = answer.set_cookies()[0].to_owned();
        assert!(state.starts_with("__Host-anteroom-state="), "{state}");
        for attribute in ["HttpOnly", "Path=/", "SameSite=Lax", "Secure", "Max-Age=600"] {
            assert!(state.contains(&format!("; {attribute}")), "{attribute}: {state}");
        }
        let answer = person.auth.get(below(AUTH, answer.location())).await;
        let login = answer.location().to_owned();
        assert_eq!(answer.status, 303);
        assert!(login.starts_with("/login?next=https%3A//wiki.example.org/"), "{login}");
        let page = person.auth.get(&login).await;
        let policy = page.header("content-security-policy");
        assert!(policy.contains(&format!("form-action 'self' {WIKI};")), "{policy}");
        assert!(!policy.contains(NOTES), "{policy}");
        let next = format!("{WIKI}{path}");
        let fields = [("email", "ada@example.org"), ("password", PASSWORD), ("next", &*next)];
        let answer = person.auth.post_form("/login", &fields).await;
        assert_eq!((answer.status, answer.location()), (303, &*next));

        for (browser, origin) in [(&person.wiki, WIKI), (&person.notes, NOTES)] {
            let url = format!("{origin}{path}");
            let answer = navigate(browser, &url).await;
            let answer = person.auth.get(below(AUTH, answer.location())).await;
            assert_eq!(answer.status, 303, "{}", answer.text);
            let answer = browser.get(below(origin, answer.location())).await;
            assert_eq!((answer.status, answer.location()), (303, path), "{}", answer.text);
            let cookie = answer.set_cookies()[0];
            assert!(cookie.starts_with("__Host-anteroom=") && !cookie.contains("Max-Age"));
            assert_eq!(answer.header("cache-control"), "no-store");
            for _ in 0..20 {
                let answer = check(browser, "/auth/verify", &url).await;
                assert_eq!(answer.status, 200);
                assert_eq!(answer.header("remote-user"), account.user_id().await);
                assert_eq!(answer.set_cookies().len(), 0);
                assert_eq!(navigate(browser, &url).await.status, 200);
            }
        }
        let without = person.auth.get("/auth/verify").await;
        assert_eq!(without.refusal(), (403, "forbidden".to_owned()), "no original request");
        assert_eq!(status_at(&person.wiki, "https://other.example.org").await, 403);
        assert_eq!(status_at(&person.wiki, "http://wiki.example.org").await, 403);
        assert_eq!(status_at(&person.auth, AUTH).await, 200);
    }
}

/// The page of a hand-over that failed, with no cookie and a link to where it starts over.
fn is_failed(answer: &Answer, start_over: &str) {
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!((answer.set_cookies().len(), answer.location()), (0, ""));
    assert!(answer.header("content-type").starts_with("text/html"));
    assert!(answer.text.contains(&format!("href=\"{start_over}\"")), "{}", answer.text);
}

async fn a_code_opens_nothing_but_for_the_browser_it_was_made_for(kind: Kind) {
    let app = app_of(kind).await;
    let mallory = Person::signed_in(&app, "mallory@example.org").await;
    let ada = Person::new(&app);

    // Somebody is led to a code of another person: once without having gone to the wiki, once with.
    for has_state in [false, true] {
        if has_state {
            navigate(&ada.wiki, &format!("{WIKI}/")).await;
        }
        let callback = mallory.code_for("/drafts").await;
        let answer = ada.wiki.get(&callback).await;
        is_failed(&answer, "/drafts");
        // The URL of this page holds a code.
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(ada.wiki.token(), "");
        assert_eq!(status_at(&ada.wiki, WIKI).await, 401);
        is_failed(&mallory.wiki.get(&callback).await, "/drafts");
    }
}

async fn a_code_counts_once_at_its_origin_for_its_path(kind: Kind) {
    let app = app_of(kind).await;
    let ada = Person::signed_in(&app, "ada@example.org").await;
    let callback = ada.code_for("/a").await;
    assert_eq!(ada.wiki.get(&callback).await.location(), "/a");
    is_failed(&ada.wiki.get(&callback).await, "/a");
    assert_eq!(status_at(&ada.wiki, WIKI).await, 200, "the session stays");

    let fresh = Person { auth: ada.auth.copy(), ..Person::new(&app) };
    let callback = fresh.code_for("/a").await;
    // The same state at another origin, as a thief of both would have it.
    let elsewhere = Browser::of(app.address, NOTES);
    let cookies = fresh.wiki.cookies();
    let shape = |request: RequestBuilder| request.header("Cookie", &cookies);
    is_failed(&elsewhere.ask(Method::GET, &callback, shape).await, "/a");
    is_failed(&fresh.wiki.get(&callback).await, "/a");

    let callback = fresh.code_for("/a").await.replace("to=/a", "to=/b");
    is_failed(&fresh.wiki.get(&callback).await, "/b");
    for wrong in ["", "?code=", "?code=x", "?to=/x", &format!("?code={}", "A".repeat(43))] {
        let answer = fresh.wiki.get(&format!("/.anteroom/callback{wrong}")).await;
        assert_eq!((answer.status, answer.set_cookies().len()), (400, 0), "{wrong}");
    }
}

async fn a_code_is_void_after_half_a_minute_and_after_the_end_of_its_session(kind: Kind) {
    let app = app_of(kind).await;
    let ada = Person::signed_in(&app, "ada@example.org").await;
    let callback = ada.code_for("/a").await;
    app.clock.advance(Duration::from_secs(30));
    is_failed(&ada.wiki.get(&callback).await, "/a");

    let callback = ada.code_for("/a").await;
    app.clock.advance(Duration::from_secs(29));
    assert_eq!(ada.wiki.get(&callback).await.status, 303);

    let other = Person { auth: ada.auth.copy(), ..Person::new(&app) };
    let callback = other.code_for("/a").await;
    assert_eq!(ada.auth.delete("/api/session").await.status, 204);
    is_failed(&other.wiki.get(&callback).await, "/a");
}

async fn a_session_has_at_most_sixteen_outstanding_codes(kind: Kind) {
    let app = app_of(kind).await;
    let ada = Person::signed_in(&app, "ada@example.org").await;
    for _ in 0..16 {
        ada.code_for("/").await;
    }
    let answer = navigate(&ada.wiki, &format!("{WIKI}/")).await;
    let answer = ada.auth.get(below(AUTH, answer.location())).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "30"));
    app.clock.advance(Duration::from_secs(31));
    ada.arrives().await;
}

async fn only_a_visit_gets_a_code(kind: Kind) {
    let app = app_of(kind).await;
    let ada = Person::signed_in(&app, "ada@example.org").await;
    let answer = navigate(&ada.wiki, &format!("{WIKI}/")).await;
    let path = below(AUTH, answer.location());
    for _ in 0..20 {
        for (method, name, value) in [
            (Method::HEAD, "Sec-Fetch-Mode", "navigate"),
            (Method::GET, "Sec-Fetch-Mode", "no-cors"),
            (Method::GET, "Sec-Fetch-Mode", "cors"),
            (Method::GET, "Sec-Purpose", "prefetch"),
            (Method::GET, "Sec-Purpose", "prefetch;prerender"),
            (Method::GET, "Purpose", "prefetch"),
        ] {
            let answer = ada.auth.ask(method, path, |request| request.header(name, value)).await;
            assert_eq!((answer.status, answer.location()), (403, ""), "{name}: {value}");
        }
    }
    let visit = |request: RequestBuilder| request.header("Sec-Fetch-Mode", "navigate");
    assert_eq!(ada.auth.ask(Method::GET, path, visit).await.status, 303);
    assert_eq!(ada.auth.get(path).await.status, 303);
}

async fn a_link_that_is_too_long_leads_to_the_start_page(kind: Kind) {
    let app = app_of(kind).await;
    for (length, expected) in [(2048, "/a"), (2049, "/")] {
        let ada = Person::signed_in(&app, "ada@example.org").await;
        let path = format!("/a{}", "a".repeat(length - 2));
        let callback = ada.code_for(&path).await;
        let answer = ada.wiki.get(&callback).await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.location().get(..2).unwrap_or("/"), expected, "{length}");
    }
}

async fn two_tabs_both_arrive(kind: Kind) {
    let app = app_of(kind).await;
    let ada = Person::signed_in(&app, "ada@example.org").await;
    let tabs = [ada.code_for("/one").await, ada.code_for("/two").await];
    let first = ada.wiki.get(&tabs[0]).await;
    let earlier = ada.wiki.copy();
    let second = ada.wiki.get(&tabs[1]).await;
    assert_eq!([first.location(), second.location()], ["/one", "/two"]);
    assert_eq!(status_at(&ada.wiki, WIKI).await, 200);
    assert_eq!(status_at(&earlier, WIKI).await, 401, "it was replaced");
    // A value that is no state is not used again.
    let broken = Browser::of(app.address, WIKI);
    let shape = |request: RequestBuilder| {
        let request = request.header("Cookie", "__Host-anteroom-state=x");
        let request = request.header("X-Original-Method", "GET");
        request.header("X-Original-URL", format!("{WIKI}/")).header("Sec-Fetch-Mode", "navigate")
    };
    let answer = broken.ask(Method::GET, "/auth/verify/redirect", shape).await;
    let cookie = answer.set_cookies()[0];
    assert!(cookie.len() > "__Host-anteroom-state=".len() + 43, "{cookie}");
}

const ELSEWHERE: [&str; 16] = [
    "https://evil.example/",
    "https://wiki.example.org.evil.example/",
    "https://wiki.example.org@evil.example/",
    "https://evil.example\\@wiki.example.org/",
    "https://wiki.example.org:8443/",
    "http://wiki.example.org/",
    "//evil.example/",
    "//wiki.example.org/",
    "/\\evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "https:wiki.example.org.evil.example",
    "https://a:b@wiki.example.org/",
    "https://wiki.example.org\t.evil.example/",
    "https://wiki.example.org%2eevil.example/",
    "",
];

async fn no_target_but_a_listed_application_is_redirected_to(kind: Kind) {
    let app = app_of(kind).await;
    let ada = Person::signed_in(&app, "ada@example.org").await;
    let state = "A".repeat(43);
    let query =
        |text: &str| -> String { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    for to in ELSEWHERE.into_iter().chain(["/account", AUTH]) {
        let path = format!("/auth/continue?to={}&state={state}", query(to));
        is_failed(&ada.auth.get(&path).await, "/");
        let signed_out = Browser::of(app.address, AUTH);
        is_failed(&signed_out.get(&path).await, "/");
    }
    for next in ELSEWHERE {
        let answer = ada.auth.get(&format!("/login?next={}", query(next))).await;
        assert_eq!((answer.status, answer.location()), (303, "/account"), "{next}");
        let stranger = Browser::of(app.address, AUTH);
        let page = stranger.get(&format!("/login?next={}", query(next))).await;
        // Those of the preferences lead to this page.
        let fields = page.text.matches("name=\"next\" value=\"/login\"").count();
        assert_eq!((page.text.matches("name=\"next\"").count(), fields), (2, 2), "{next}");
        assert!(page.header("content-security-policy").contains("form-action 'self';"));
        let fields = [("password", PASSWORD), ("next", next)];
        let answer = ada.auth.post_form("/reauthenticate", &fields).await;
        assert_eq!((answer.status, answer.location()), (303, "/account"), "{next}");
    }
    for state in ["", "A", &"A".repeat(44)] {
        let path = format!("/auth/continue?to={}&state={state}", query(WIKI));
        is_failed(&ada.auth.get(&path).await, "/");
    }
    // The path of an application is its own, but it never becomes a host.
    for path in ["//evil.example/a", "/\\evil.example", "/.anteroom/callback?code=x", "/.anteroom"]
    {
        let path_of_code = format!("/auth/continue?to={}&state=", query(&format!("{WIKI}{path}")));
        let ada = Person { auth: ada.auth.copy(), ..Person::new(&app) };
        let first = navigate(&ada.wiki, &format!("{WIKI}/")).await;
        let digest = first.location().rsplit_once("state=").unwrap().1.to_owned();
        let answer = ada.auth.get(&format!("{path_of_code}{digest}")).await;
        if answer.status == 400 {
            continue;
        }
        let answer = ada.wiki.get(below(WIKI, answer.location())).await;
        assert_eq!((answer.status, answer.location()), (303, "/"), "{path}");
    }
    for to in ["//evil.example", "/\\evil.example", "https://evil.example/", "\\\\evil.example"] {
        let ada = Person { auth: ada.auth.copy(), ..Person::new(&app) };
        let callback = ada.code_for("/").await.replace("to=/", &format!("to={}", query(to)));
        let answer = ada.wiki.get(&callback).await;
        assert!(answer.status == 400 || answer.location() == "/", "{to}: {}", answer.location());
        assert!(!answer.text.contains("evil.example"), "{to}");
    }
}

async fn a_token_counts_at_its_own_origin_alone(kind: Kind) {
    let app = app_of(kind).await;
    let ada = Person::signed_in(&app, "ada@example.org").await;
    ada.arrives().await;

    for (token, own) in [(ada.auth.token(), AUTH), (ada.wiki.token(), WIKI)] {
        for origin in [AUTH, WIKI, NOTES] {
            let thief = Browser::of(app.address, origin);
            thief.hold(&token);
            let expected = if origin == own { 200 } else { 401 };
            for _ in 0..20 {
                assert_eq!(status_at(&thief, origin).await, expected, "{own} at {origin}");
            }
            if origin != AUTH && origin != own {
                let answer = thief.post_form("/.anteroom/sign-out", &[]).await;
                assert_eq!(answer.status, 303);
                assert!(ada.auth.is_signed_in().await, "{own} signs out at {origin}");
            }
        }
        if own == AUTH {
            continue;
        }
        let thief = Browser::of(app.address, AUTH);
        thief.hold(&token);
        assert_eq!(thief.whoami().await.status, 401);
        assert_eq!(thief.get("/account").await.status, 303);
    }
}

async fn what_ends_the_session_ends_it_at_every_application(kind: Kind) {
    let app = app_of(kind).await;
    let laptop = app.signed_in("ada@example.org").await;
    for way in 0..4 {
        let ada = Person::signed_in(&app, "ada@example.org").await;
        ada.arrives().await;
        let (reason, status) = match way {
            0 => ("signed_out", ada.auth.delete("/api/session").await.status),
            1 => ("revoked_by_user", laptop.revoke(&ada.auth).await.status),
            2 => {
                app.clock.advance(2 * 60 * MINUTE);
                laptop.try_to_sign_in("ada@example.org", PASSWORD, false).await;
                ("idle_timeout", 204)
            }
            _ => ("revoked_by_user", laptop.delete("/api/sessions").await.status - 200 + 204),
        };
        assert_eq!(status, 204, "{reason}");
        let answer = check(&ada.wiki, "/auth/verify", &format!("{WIKI}/")).await;
        assert_eq!(answer.refusal(), (401, reason.to_owned()));
        assert_eq!(answer.set_cookies().len(), 0);
    }
}

async fn signing_out_at_an_application_signs_out_everywhere(kind: Kind) {
    let app = app_of(kind).await;
    let ada = Person::signed_in(&app, "ada@example.org").await;
    ada.arrives().await;
    let answer = navigate(&ada.notes, &format!("{NOTES}/")).await;
    let answer = ada.auth.get(below(AUTH, answer.location())).await;
    assert_eq!(ada.notes.get(below(NOTES, answer.location())).await.status, 303);
    assert_eq!(status_at(&ada.notes, NOTES).await, 200);

    let shape = |request: RequestBuilder| request.header("Origin", WIKI);
    let answer = ada.wiki.ask(Method::POST, "/.anteroom/sign-out", shape).await;
    assert_eq!((answer.status, answer.location()), (303, &*format!("{AUTH}/login")));
    let cookies = answer.set_cookies();
    assert!(cookies[0].starts_with("__Host-anteroom=;") && cookies.len() == 1, "{cookies:?}");
    assert_eq!(answer.header("strict-transport-security"), "", "not ours to decide");

    assert_eq!(ada.wiki.token(), "");
    assert_eq!(status_at(&ada.notes, NOTES).await, 401);
    assert_eq!(ada.auth.why_not().await, "signed_out");
    let again = ada.wiki.post_form("/.anteroom/sign-out", &[]).await;
    assert_eq!((again.status, again.location()), (303, &*format!("{AUTH}/login")));
}

async fn only_the_pages_of_an_application_sign_out_there(kind: Kind) {
    let app = app_of(kind).await;
    let ada = Person::signed_in(&app, "ada@example.org").await;
    ada.arrives().await;
    for (name, value) in [
        ("Origin", AUTH),
        ("Origin", NOTES),
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ] {
        let shape = |request: RequestBuilder| request.header(name, value);
        let answer = ada.wiki.ask(Method::POST, "/.anteroom/sign-out", shape).await;
        assert_eq!((answer.status, answer.set_cookies().len()), (403, 0), "{name} {value}");
        assert!(answer.header("content-type").starts_with("text/html"));
    }
    let answer = ada.wiki.get("/.anteroom/sign-out").await;
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
    assert_eq!(status_at(&ada.wiki, WIKI).await, 200);
    let shape = |request: RequestBuilder| request.header("Sec-Fetch-Site", "same-origin");
    let answer = ada.wiki.ask(Method::POST, "/.anteroom/sign-out", shape).await;
    assert_eq!(answer.status, 303);
}

async fn each_host_has_its_own_paths(kind: Kind) {
    let app = app_of(kind).await;
    let ours =
        ["/.anteroom/callback", "/.anteroom/sign-out", "/.anteroom/x", "/.anteroom/assets/x"];
    for other in [AUTH, "https://evil.example", "https://wiki.example.org:8443"] {
        let browser = Browser::of(app.address, other);
        for path in ours {
            assert_eq!(browser.get(path).await.status, 421, "{other}{path}");
        }
    }
    let wiki = Browser::of(app.address, WIKI);
    for path in ["/", "/login", "/account", "/api/session", "/auth/continue", "/.anteroomx", "/x"] {
        assert_eq!(wiki.get(path).await.status, 421, "{path}");
    }
    assert_eq!(wiki.get("/.anteroom/x").await.status, 404);
    let page = wiki.get("/.anteroom/callback").await.text;
    let style = page.split("href=\"").find(|rest| rest.contains("style.")).unwrap();
    let style = wiki.get(style.split('"').next().unwrap()).await;
    assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
    // A proxy says which host was asked for.
    let inner = Browser::of(app.address, "https://anteroom.internal");
    for (forwarded, expected) in [
        ("wiki.example.org", 400),
        ("wiki.example.org:443", 400),
        ("WIKI.example.org, anteroom.internal", 400),
        ("wiki.example.org, notes.example.com", 421),
        ("auth.example.org", 421),
        ("evil.example", 421),
    ] {
        let shape = |request: RequestBuilder| request.header("X-Forwarded-Host", forwarded);
        let answer = inner.ask(Method::GET, "/.anteroom/callback", shape).await;
        assert_eq!(answer.status, expected, "{forwarded}");
    }
}

async fn lists_name_the_application_and_end_it_alone(kind: Kind) {
    let app = app_of(kind).await;
    let ada = Person::signed_in(&app, "ada@example.org").await;
    ada.arrives().await;
    let root = app.administrator("root@example.org").await;
    let parent = ada.auth.session_id().await;
    let own = ada.auth.whoami().await.json();
    assert_eq!(own["session"]["origin"], Value::Null);
    assert_eq!(own["session"]["parent_id"], Value::Null);

    let listed = ada.auth.get("/api/sessions").await.json()["sessions"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    let child = &listed[1];
    assert_eq!(
        (child["origin"].as_str(), child["parent_id"].as_str()),
        (Some(WIKI), Some(&*parent))
    );
    assert_eq!(child["is_current"], false);
    assert_eq!(child["expires_at"], listed[0]["expires_at"]);
    let id = child["id"].as_str().unwrap();
    assert!(ada.auth.get("/account/sessions").await.text.contains("wiki.example.org"));

    let path = format!("/api/admin/users/{}/sessions", ada.auth.user_id().await);
    assert_eq!(root.get(&path).await.json()["sessions"][1]["id"], id);
    for query in ["limit=100", &format!("user={}", ada.auth.user_id().await), "kind=user&limit=2"] {
        let all = root.get(&format!("/api/admin/sessions?{query}")).await.json();
        let all = all["sessions"].as_array().unwrap();
        let place = all.iter().position(|one| one["id"] == *parent).unwrap();
        assert_eq!(
            (&all[place + 1]["id"], &all[place + 1]["origin"]),
            (&child["id"], &child["origin"])
        );
        assert!(all.iter().enumerate().all(|(at, one)| one["origin"].is_null() || at == place + 1));
    }
    for page in ["/admin/sessions", &format!("/admin/users/{}", ada.auth.user_id().await)] {
        let text = root.get(page).await.text;
        assert!(text.contains(&format!("href=\"/admin/sessions/{id}\"")), "{page}: {text}");
        assert_eq!(text.matches("wiki.example.org").count(), 1, "{page}");
    }
    let explained = root.get(&format!("/api/admin/sessions/{id}")).await.json();
    assert_eq!(explained["session"]["origin"], WIKI);
    let page = root.get(&format!("/admin/sessions/{id}")).await;
    assert!(page.status == 200 && page.text.contains(WIKI), "{}", page.text);
    let stranger = app.signed_in("bo@example.org").await;
    assert_eq!(stranger.delete(&format!("/api/sessions/{id}")).await.status, 404);

    assert_eq!(ada.auth.delete(&format!("/api/sessions/{id}")).await.status, 204);
    assert_eq!(status_at(&ada.wiki, WIKI).await, 401);
    let events = root.get(&format!("/api/admin/audit?session={id}")).await.json();
    let end = &events["events"][0];
    assert_eq!(end["kind"], "session_ended", "{events}");
    assert_eq!(end["subject"].as_str(), Some(&*ada.auth.user_id().await));
    assert_eq!(
        (&end["details"]["origin"], &end["details"]["parent"]),
        (&child["origin"], &child["parent_id"])
    );
    assert!(ada.auth.is_signed_in().await);
    assert_eq!(ada.auth.get("/api/sessions").await.json()["sessions"].as_array().unwrap().len(), 1);
    ada.arrives().await;
}

/// An application with a path for which the proof may be ten minutes old.
async fn app_with_a_vault(kind: Kind) -> (NamedTempFile, TestApp) {
    let file = NamedTempFile::new().unwrap();
    let text = "default = \"signed-in\"\n[[rule]]\nhost = \"wiki.example.org\"\npath = \"/vault\"\n\
                allow = \"signed-in\"\nfresh = \"10m\"\n";
    std::fs::write(file.path(), text).unwrap();
    let hosts = vec![KnownHost { host: "wiki.example.org".to_owned(), port: 443 }];
    let rules = LiveRules::from_file(RulesFile { path: file.path().to_owned(), hosts }).unwrap();
    let app = TestApp::start_with(kind, |options| {
        listed(options);
        options.forward_auth.rules = rules;
    })
    .await;
    (file, app)
}

async fn an_old_proof_is_renewed_at_the_sign_in_host(kind: Kind) {
    let (_file, app) = app_with_a_vault(kind).await;
    let ada = Person::signed_in(&app, "ada@example.org").await;
    ada.arrives().await;
    let url = format!("{WIKI}/vault");
    assert_eq!(navigate(&ada.wiki, &url).await.status, 200);
    app.pass(11 * MINUTE).await;

    let answer = navigate(&ada.wiki, &url).await;
    let hand_over = below(AUTH, answer.location()).to_owned();
    let to = "/auth/continue?to=https%3A%2F%2Fwiki%2Eexample%2Eorg%2Fvault&state=";
    assert!(answer.status == 302 && hand_over.starts_with(to), "{hand_over}");
    assert_eq!(check(&ada.wiki, "/auth/verify", &url).await.status, 403);
    let answer = ada.auth.get(&hand_over).await;
    let form = "/reauthenticate?next=https%3A//wiki.example.org/vault";
    assert_eq!((answer.status, answer.location()), (303, form));
    let login = "/login?next=https%3A//wiki.example.org/vault";
    for path in [form, &hand_over] {
        let stranger = Browser::of(app.address, AUTH).get(path).await;
        assert_eq!((stranger.status, stranger.location()), (303, login));
    }
    let page = ada.auth.get(form).await;
    assert!(page.header("content-security-policy").contains(WIKI));
    let fields = [("password", PASSWORD), ("next", &*url)];
    let answer = ada.auth.post_form("/reauthenticate", &fields).await;
    assert_eq!((answer.status, answer.location()), (303, &*url));
    assert_eq!(navigate(&ada.wiki, &url).await.status, 200);
}

/// The session of the application hangs on one that the browser no longer has at the sign-in host.
async fn a_proof_of_another_session_than_the_applications_is_handed_over(kind: Kind) {
    let (_file, app) = app_with_a_vault(kind).await;
    let url = format!("{WIKI}/vault");
    for next in ["ada@example.org", "bob@example.org"] {
        let ada = Person::signed_in(&app, "ada@example.org").await;
        ada.arrives().await;
        let of_ada = navigate(&ada.wiki, &url).await.header("remote-user").to_owned();
        app.pass(11 * MINUTE).await;
        // Its cookie at the sign-in host is lost, and somebody signs in there.
        let (auth, lost) = (app.signed_in(next).await, ada.auth.copy());
        let person = Person { auth, wiki: ada.wiki, notes: ada.notes };
        let id = person.auth.user_id().await;
        assert_eq!(id == of_ada, next == "ada@example.org");

        assert_eq!(person.wiki.get(&person.code_for("/vault").await).await.status, 303);
        let answer = navigate(&person.wiki, &url).await;
        assert_eq!((answer.status, answer.header("remote-user")), (200, &*id), "{next}");
        let listed = lost.sessions().await;
        let left = listed.iter().filter(|one| one["origin"] == WIKI).count();
        assert_eq!(left, usize::from(next == "ada@example.org"), "{listed:?}");
        assert_eq!(lost.delete("/api/session").await.status, 204);
        assert_eq!(person.auth.delete("/api/session").await.status, 204);
    }
}
