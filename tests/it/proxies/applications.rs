//! A WSGI application behind each proxy, which asks Anteroom about every request.

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tempfile::NamedTempFile;

use super::{PASSWORD, shared_place};
use crate::groups::longest_groups;
use crate::harness::application::Application;
use crate::harness::balancer::{Balancer, Proxy};
use crate::harness::browser::{Answer, Browser};
use crate::harness::chance::is_nightly;
use crate::harness::chromium::Chromium;
use crate::harness::ground::Keeping;
use crate::harness::nodes::Nodes;

const ORIGIN: &str = "https://app.example.org";

/// Everything needs a user, except for one folder.
const RULES: &str = r#"default = "signed-in"
[[rule]]
path = "/open/**"
methods = ["GET"]
allow = "public"
[[rule]]
path = "/closed"
allow = "deny"
"#;

struct Stage {
    proxy: Proxy,
    _rules: NamedTempFile,
    nodes: Nodes,
    application: Application,
    balancer: Balancer,
}

impl Stage {
    fn start(proxy: Proxy) -> Option<Self> {
        let rules = NamedTempFile::new().unwrap();
        std::fs::write(rules.path(), RULES).unwrap();
        let place = || {
            let place = shared_place(Keeping::Postgres).with("ANTEROOM_PUBLIC_URL", ORIGIN);
            let place = place.with("ANTEROOM_FORWARD_AUTH", word_of(proxy));
            place.with("ANTEROOM_RULES", rules.path().to_str().unwrap())
        };
        let application = Application::start()?;
        let mut nodes = Nodes::apart(1, place);
        let balancer = Balancer::forward_auth(proxy, nodes.node(0).address, application.address)?;
        Some(Self { proxy, _rules: rules, nodes, application, balancer })
    }

    async fn signed_up(&self, email: &str) -> Browser {
        let browser = self.balancer.browser(10);
        assert_eq!(browser.sign_up(email, PASSWORD).await.status, 201);
        browser
    }

    fn asked(&self) -> usize {
        self.application.asked()
    }
}

/// The word of `ANTEROOM_FORWARD_AUTH`.
pub(super) fn word_of(proxy: Proxy) -> &'static str {
    match proxy {
        Proxy::Haproxy => "haproxy",
        Proxy::Nginx => "nginx",
        Proxy::Caddy | Proxy::NewCaddy => "caddy",
        Proxy::Traefik => "traefik",
    }
}

/// Whether this is the answer to somebody unknown who wants to see a page.
fn is_asked_to_sign_in(answer: &Answer, next: &str) -> bool {
    let location = format!("{ORIGIN}/login?next={next}");
    (answer.status, answer.location()) == (302, &*location)
}

/// Asks for a page, as a browser does when somebody follows a link.
async fn navigate(browser: &Browser, path: &str) -> Answer {
    let shape = |request: RequestBuilder| request.header("Sec-Fetch-Mode", "navigate");
    browser.ask(Method::GET, path, shape).await
}

/// The value of a variable that the application was given.
pub(super) fn variable<'t>(answer: &'t Answer, name: &str) -> Option<&'t str> {
    let mut lines = answer.text.lines().filter_map(|line| line.split_once('='));
    lines.find(|(variable, _)| *variable == name).map(|(_, value)| value)
}

macro_rules! behind_each_proxy {
    ($($test:ident: $proxy:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            every_rule_holds(Proxy::$proxy).await;
        }
    )*};
}

behind_each_proxy! {
    every_rule_holds_behind_nginx: Nginx;
    every_rule_holds_behind_haproxy: Haproxy;
    every_rule_holds_behind_caddy: Caddy;
    every_rule_holds_behind_a_new_caddy: NewCaddy;
    every_rule_holds_behind_traefik: Traefik;
}

/// One proxy for all rules: each starts several processes.
async fn every_rule_holds(proxy: Proxy) {
    let Some(mut stage) = Stage::start(proxy) else { return };
    let ada = stage.signed_up("ada@example.org").await;
    the_application_gets_the_identity(&stage, &ada).await;
    a_stranger_signs_in_and_comes_back(&stage).await;
    no_identity_header_of_a_client_comes_through(&stage, &ada).await;
    no_header_of_a_client_changes_what_is_asked(&stage, &ada).await;
    bodies_and_methods_are_the_applications_own(&stage, &ada).await;
    the_session_cookie_stays_outside(&stage, &ada).await;
    rules_decide_who_comes_through(&stage, &ada).await;
    every_group_reaches_the_application_at_its_next_request(&stage, &ada).await;
    a_revoke_holds_at_the_next_request(&stage, &ada).await;
    nobody_comes_through_while_anteroom_is_down(&mut stage, &ada).await;
}

async fn the_application_gets_the_identity(stage: &Stage, ada: &Browser) {
    ada.patch("/api/account", json!({ "name": "José" })).await;
    let answer = ada.get("/reports?a=1&b=%26").await;
    assert_eq!(answer.status, 200, "{:?}: {}", stage.proxy, answer.text);
    assert!(answer.text.starts_with("GET /reports?a=1&b=%26\n"), "{}", answer.text);
    assert_eq!(variable(&answer, "HTTP_REMOTE_USER"), Some(&*ada.user_id().await));
    assert_eq!(variable(&answer, "HTTP_REMOTE_NAME"), Some("Jos%C3%A9"));
    assert_eq!(variable(&answer, "HTTP_REMOTE_GROUPS"), Some("user"));
    // It is not verified.
    assert_eq!(variable(&answer, "HTTP_REMOTE_EMAIL").unwrap_or_default(), "");
    assert_eq!(variable(&answer, "HTTP_X_FORWARDED_FOR"), Some("127.0.0.10"));
}

async fn a_stranger_signs_in_and_comes_back(stage: &Stage) {
    let (phone, before) = (stage.balancer.browser(11), stage.asked());
    let path = "/reports?year=2026";
    let answer = navigate(&phone, path).await;
    let next = "/reports%3Fyear%3D2026";
    assert!(is_asked_to_sign_in(&answer, next), "{:?}: {answer:?}", stage.proxy);
    assert_eq!(phone.get(path).await.status, 401, "a script gets a page");
    assert_eq!(phone.post(path, json!({})).await.status, 401, "a form would be lost");
    assert_eq!(stage.asked(), before, "{:?}: a stranger comes through", stage.proxy);
    let page = phone.get(answer.location().trim_start_matches(ORIGIN)).await;
    assert!(page.text.contains(&format!("name=\"next\" value=\"{path}\"")), "{}", page.text);
    let fields = [("email", "ada@example.org"), ("password", PASSWORD), ("next", path)];
    let answer = phone.post_form("/login", &fields).await;
    assert_eq!((answer.status, answer.location()), (303, path), "{:?}", stage.proxy);
    assert!(navigate(&phone, path).await.text.starts_with(&format!("GET {path}\n")));
}

/// Every header of the three families, spelled with each separator.
fn spellings() -> Vec<String> {
    let separators = if is_nightly() { "-_.~!#$%&'*+^`|" } else { "-_.~" };
    let families = [
        ("Remote", ["User", "Email", "Name", "Groups"]),
        ("X-Auth-Request", ["User", "Email", "Preferred-Username", "Groups"]),
        ("X-Forwarded", ["User", "Email", "Preferred-Username", "Groups"]),
    ];
    let names = families.map(|(family, ends)| ends.map(|end| format!("{family}-{end}")));
    let names = names.into_iter().flatten();
    let spelled = |name: String| {
        separators.chars().map(move |separator| name.replace('-', &separator.to_string()))
    };
    let mixed = ["REMOTE_USER", "X_Forwarded-User", "X-Forwarded_Groups", "X.Auth_Request-User"];
    names.flat_map(spelled).chain(mixed.map(str::to_owned)).collect()
}

async fn no_identity_header_of_a_client_comes_through(stage: &Stage, ada: &Browser) {
    let (stranger, id) = (stage.balancer.browser(12), ada.user_id().await);
    for spelled in spellings() {
        let once = |request: RequestBuilder| request.header(&spelled, "EVIL");
        let twice = |request: RequestBuilder| {
            let request = request.header(&spelled, "EVIL").header(&spelled, "EVIL");
            request.header("Connection", &spelled)
        };
        for answer in [
            ada.ask(Method::GET, "/reports", once).await,
            ada.ask(Method::GET, "/reports", twice).await,
        ] {
            let what = format!("{:?}, {spelled}: {}", stage.proxy, answer.text);
            assert!(!answer.text.contains("EVIL"), "{what}");
            // It is removed, or the request is refused.
            let is_refused = answer.status == 403 && answer.code() == "forbidden";
            let is_true = variable(&answer, "HTTP_REMOTE_USER") == Some(&id)
                && variable(&answer, "HTTP_REMOTE_GROUPS") == Some("user");
            assert!(is_refused || is_true, "{what}");
        }
        let before = stage.asked();
        let answer = stranger.ask(Method::GET, "/reports", once).await;
        assert!([401, 403].contains(&answer.status), "{:?}, {spelled}", stage.proxy);
        assert_eq!(stage.asked(), before, "{:?}, {spelled}", stage.proxy);
    }
}

async fn no_header_of_a_client_changes_what_is_asked(stage: &Stage, ada: &Browser) {
    let stranger = stage.balancer.browser(12);
    for (name, value) in [
        ("X-Original-URL", "https://evil.example/"),
        ("X-Original-URI", "/login"),
        ("X-Original-Method", "POST"),
        ("X-Forwarded-Uri", "/login"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Method", "POST"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Prefix", "/login"),
        ("Forwarded", "host=evil.example;proto=http"),
        ("X-HTTP-Method-Override", "POST"),
        ("Connection", "X-Forwarded-Uri, X-Forwarded-Method, X-Original-URL"),
        ("Authorization", "Bearer of-the-application"),
    ] {
        let shape = |request: RequestBuilder| {
            request.header("Sec-Fetch-Mode", "navigate").header(name, value)
        };
        let path = "/reports?mode=open&rd=https:evil";
        let answer = stranger.ask(Method::GET, path, shape).await;
        let next = "/reports%3Fmode%3Dopen%26rd%3Dhttps%3Aevil";
        let what = format!("{:?}, {name}: {answer:?}", stage.proxy);
        assert!(is_asked_to_sign_in(&answer, next), "{what}");
        let answer = ada.ask(Method::GET, path, shape).await;
        assert_eq!(answer.status, 200, "{:?}, {name}: {answer:?}", stage.proxy);
    }
}

async fn bodies_and_methods_are_the_applications_own(stage: &Stage, ada: &Browser) {
    let (stranger, body) = (stage.balancer.browser(12), "x".repeat(200_000));
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        // HAProxy refuses a DELETE with a body.
        if (stage.proxy, method) == (Proxy::Haproxy, "DELETE") {
            continue;
        }
        let shape = |request: RequestBuilder| {
            request.header("Content-Type", "text/x-own").body(body.clone())
        };
        let method: Method = method.parse().unwrap();
        let answer = ada.ask(method.clone(), "/reports", shape).await;
        let expected = format!("{method} /reports\nBODY=200000\n");
        assert!(answer.text.starts_with(&expected), "{:?}: {}", stage.proxy, answer.text);
        let before = stage.asked();
        // A longer body may meet a closed connection: it is not read.
        let shape = |request: RequestBuilder| request.body("x".repeat(1000));
        let answer = stranger.ask(method.clone(), "/reports", shape).await;
        assert_eq!(answer.status, 401, "{:?}, {method}", stage.proxy);
        assert_eq!(stage.asked(), before, "{:?}, {method}", stage.proxy);
    }
}

async fn the_session_cookie_stays_outside(stage: &Stage, ada: &Browser) {
    let ours = format!("__Host-anteroom={}", ada.token());
    for (sent, expected) in [
        (ours.clone(), ""),
        (format!("{ours}; a=1"), "a=1"),
        (format!("a=1; {ours}"), "a=1"),
        (format!("a=1; {ours}; b=2"), "a=1; b=2"),
        (format!("x__Host-anteroom=1; {ours}"), "x__Host-anteroom=1"),
    ] {
        let plain = stage.balancer.browser(10);
        let answer = plain.ask(Method::GET, "/reports", |r| r.header("Cookie", &sent)).await;
        assert_eq!(answer.status, 200, "{:?}, {sent}: {answer:?}", stage.proxy);
        let come = variable(&answer, "HTTP_COOKIE").unwrap_or_default();
        assert_eq!(come, expected, "{:?}, {sent}", stage.proxy);
    }
    let before = stage.asked();
    let twice = format!("{ours}; {ours}");
    let plain = stage.balancer.browser(10);
    let answer = plain.ask(Method::GET, "/reports", |r| r.header("Cookie", &twice)).await;
    assert_eq!(answer.status, 401, "{:?}", stage.proxy);
    assert_eq!(stage.asked(), before);
}

async fn rules_decide_who_comes_through(stage: &Stage, ada: &Browser) {
    let stranger = stage.balancer.browser(12);
    for (path, of_stranger, of_ada) in [
        ("/open/a?b=c", 200, 200),
        ("/%6Fpen/a", 200, 200),
        ("/opened", 401, 200),
        ("/closed", 403, 403),
        ("/open/%2e%2e%2freports", 403, 403),
        ("/open//a", 403, 403),
        ("/open/a;b", 403, 403),
        ("/open/%252e%252e/reports", 403, 403),
        ("/open/%5c", 403, 403),
    ] {
        for (browser, expected) in [(&stranger, of_stranger), (ada, of_ada)] {
            let before = stage.asked();
            let answer = browser.get(path).await;
            let what = format!("{:?}, {path}: {}", stage.proxy, answer.text);
            // A proxy may refuse a path by itself. Traefik makes one slash of two, for both sides.
            let is_refused = expected == 403 && answer.status == 400;
            let expected = match (stage.proxy, path) {
                (Proxy::Traefik, "/open//a") => 200,
                _ => expected,
            };
            assert!(answer.status == expected || is_refused, "{what}");
            assert_eq!(stage.asked() - before, usize::from(expected == 200), "{what}");
            let user = variable(&answer, "HTTP_REMOTE_USER").unwrap_or_default();
            let is_known = expected == 200 && std::ptr::eq(browser, ada);
            assert_eq!(!user.is_empty(), is_known, "{what}");
        }
    }
    let posted = stranger.post("/open/a", json!({})).await;
    assert_eq!(posted.status, 401, "{:?}: {posted:?}", stage.proxy);
}

/// As many groups as an account may have, each with the longest name.
async fn every_group_reaches_the_application_at_its_next_request(stage: &Stage, ada: &Browser) {
    let root = stage.signed_up("root@example.org").await;
    stage.nodes.command(0, &["user", "set-role", "root@example.org", "admin"]);
    root.try_to_sign_in("root@example.org", PASSWORD, false).await;
    let path = format!("/api/admin/users/{}", ada.user_id().await);
    for groups in [longest_groups(), vec!["dev".to_owned()], Vec::new()] {
        assert_eq!(root.patch(&path, json!({ "groups": groups })).await.status, 200);
        let answer = ada.get("/reports").await;
        assert_eq!(answer.status, 200, "{:?}: {answer:?}", stage.proxy);
        let told = ["user".to_owned()].into_iter().chain(groups).collect::<Vec<_>>().join(",");
        assert_eq!(variable(&answer, "HTTP_REMOTE_GROUPS"), Some(&*told), "{:?}", stage.proxy);
    }
}

async fn a_revoke_holds_at_the_next_request(stage: &Stage, ada: &Browser) {
    let phone = stage.balancer.browser(11);
    for end in ["revoke", "sign out", "command"] {
        phone.try_to_sign_in("ada@example.org", PASSWORD, false).await;
        for _ in 0..3 {
            assert_eq!(navigate(&phone, "/reports").await.status, 200, "{end}");
        }
        let before = stage.asked();
        match end {
            "revoke" => assert_eq!(ada.revoke(&phone).await.status, 204),
            "sign out" => assert_eq!(phone.copy().delete("/api/session").await.status, 204),
            _ => {
                let id = phone.session_id().await;
                stage.nodes.command(0, &["session", "revoke", &id]);
            }
        }
        let answer = navigate(&phone, "/reports").await;
        assert!(is_asked_to_sign_in(&answer, "/reports"), "{end}: {answer:?}");
        assert_eq!(stage.asked(), before, "{:?}, {end}", stage.proxy);
    }
}

async fn nobody_comes_through_while_anteroom_is_down(stage: &mut Stage, ada: &Browser) {
    let before = stage.asked();
    stage.nodes.node(0).stop();
    let answer = navigate(ada, "/reports").await;
    assert!((500..=503).contains(&answer.status), "{:?}: {answer:?}", stage.proxy);
    assert_eq!((stage.asked(), answer.set_cookies().len()), (before, 0), "{:?}", stage.proxy);
    stage.nodes.node(0).start();
    assert_eq!(navigate(ada, "/reports").await.status, 200, "{:?}", stage.proxy);
}

async fn a_real_browser_comes_back(proxy: Proxy) {
    let Some(stage) = Stage::start(proxy) else { return };
    stage.signed_up("ada@example.org").await;
    let there = format!("host-resolver-rules=MAP app.example.org:443 {}", stage.balancer.https);
    let flags = ["ignore-certificate-errors", &there];
    let what = "a browser that comes back to an application";
    let Some(chromium) = Chromium::start_with(what, &flags).await else { return };
    let tab = chromium.tab().await;
    tab.open("https://app.example.org/reports?year=2026").await;
    assert_eq!(tab.path().await, "/login", "{proxy:?}");
    tab.type_into("#email", "ada@example.org").await;
    tab.type_into("#password", PASSWORD).await;
    tab.follow("main form button").await;
    assert_eq!(tab.path().await, "/reports", "{proxy:?}");
    let text = tab.text().await;
    assert!(text.contains("GET /reports?year=2026"), "{proxy:?}: {text}");
    assert!(text.contains("HTTP_REMOTE_GROUPS=user"), "{proxy:?}: {text}");
    chromium.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_browser_signs_in_and_comes_back_to_the_application() {
    a_real_browser_comes_back(Proxy::Caddy).await;
}

mod nightly {
    use super::{Proxy, a_real_browser_comes_back};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_real_browser_comes_back_through_each_other_proxy() {
        for proxy in [Proxy::Nginx, Proxy::Haproxy, Proxy::NewCaddy, Proxy::Traefik] {
            a_real_browser_comes_back(proxy).await;
        }
    }
}
