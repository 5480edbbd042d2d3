//! Two applications on hosts of their own behind each proxy, with one sign-in for both.

use reqwest::{Method, RequestBuilder};

use super::applications::{variable, word_of};
use super::{PASSWORD, shared_place};
use crate::harness::application::Application;
use crate::harness::balancer::{Balancer, Proxy};
use crate::harness::browser::{Answer, Browser};
use crate::harness::chromium::{Chromium, Tab};
use crate::harness::ground::Keeping;
use crate::harness::nodes::Nodes;

const AUTH: &str = "https://auth.example.org";
const WIKI: &str = "https://wiki.example.org";
const FILES: &str = "https://files.example.org";

struct Stage {
    _nodes: Nodes,
    applications: [Application; 2],
    balancer: Balancer,
}

impl Stage {
    fn start(proxy: Proxy) -> Option<Self> {
        let place = || {
            let place = shared_place(Keeping::Postgres).with("ANTEROOM_PUBLIC_URL", AUTH);
            let place = place.with("ANTEROOM_APPLICATIONS", &format!("{WIKI},{FILES}"));
            place.with("ANTEROOM_FORWARD_AUTH", word_of(proxy))
        };
        let applications = [Application::start()?, Application::start()?];
        let mut nodes = Nodes::apart(1, place);
        let [wiki, files] = &applications;
        let (node, addresses) = (nodes.node(0).address, [wiki.address, files.address]);
        let balancer = Balancer::several_hosts(proxy, node, addresses)?;
        Some(Self { _nodes: nodes, applications, balancer })
    }

    fn at(&self, origin: &str) -> Browser {
        Browser::of(self.balancer.address(), origin)
    }

    fn asked(&self) -> usize {
        self.applications.iter().map(Application::asked).sum()
    }
}

async fn navigate(browser: &Browser, path: &str) -> Answer {
    let shape = |request: RequestBuilder| request.header("Sec-Fetch-Mode", "navigate");
    browser.ask(Method::GET, path, shape).await
}

/// Follows a path through the hand-over, as a signed-in browser does.
async fn arrive(auth: &Browser, (there, origin): (&Browser, &str), path: &str) -> Answer {
    let answer = navigate(there, path).await;
    let state = answer.set_cookies();
    assert_eq!(answer.status, 302, "{answer:?}");
    assert!(state[0].starts_with("__Host-anteroom-state=") && state.len() == 1, "{state:?}");
    let answer = auth.get(answer.location().strip_prefix(AUTH).unwrap()).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let answer = there.get(answer.location().strip_prefix(origin).unwrap()).await;
    assert_eq!((answer.status, answer.location()), (303, path), "{answer:?}");
    navigate(there, path).await
}

macro_rules! behind_each_proxy {
    ($($test:ident: $proxy:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            one_sign_in_counts_for_both(Proxy::$proxy).await;
        }
    )*};
}

behind_each_proxy! {
    one_sign_in_counts_for_both_behind_nginx: Nginx;
    one_sign_in_counts_for_both_behind_haproxy: Haproxy;
    one_sign_in_counts_for_both_behind_caddy: Caddy;
    one_sign_in_counts_for_both_behind_a_new_caddy: NewCaddy;
    one_sign_in_counts_for_both_behind_traefik: Traefik;
}

async fn one_sign_in_counts_for_both(proxy: Proxy) {
    let Some(stage) = Stage::start(proxy) else { return };
    let [auth, wiki, files] = [AUTH, WIKI, FILES].map(|origin| stage.at(origin));
    assert_eq!(auth.sign_up("ada@example.org", PASSWORD).await.status, 201, "{proxy:?}");
    let id = auth.user_id().await;
    for (there, origin, place) in [(&wiki, WIKI, 0), (&files, FILES, 1)] {
        let before = stage.applications[place].asked();
        assert_eq!(there.get("/reports").await.status, 401, "{proxy:?}: a script");
        let answer = arrive(&auth, (there, origin), "/reports?a=1&b=%26").await;
        assert_eq!(answer.status, 200, "{proxy:?}: {answer:?}");
        assert!(answer.text.starts_with("GET /reports?a=1&b=%26\n"), "{}", answer.text);
        assert_eq!(variable(&answer, "HTTP_REMOTE_USER"), Some(&*id), "{proxy:?}");
        assert_eq!(stage.applications[place].asked(), before + 1, "{proxy:?}");
    }
    ours_stay_outside(proxy, &stage, &wiki).await;
    no_identity_comes_from_the_client(proxy, &stage).await;

    let before = stage.asked();
    let shape = |request: RequestBuilder| request.header("Origin", "https://evil.example");
    let answer = files.ask(Method::POST, "/.anteroom/sign-out", shape).await;
    assert_eq!(answer.status, 403, "{proxy:?}: {answer:?}");
    let shape = |request: RequestBuilder| request.header("Origin", FILES);
    let answer = files.ask(Method::POST, "/.anteroom/sign-out", shape).await;
    assert_eq!((answer.status, answer.location()), (303, &*format!("{AUTH}/login")), "{proxy:?}");
    assert_eq!(files.token(), "", "{proxy:?}");
    for there in [&wiki, &files] {
        assert_eq!(there.get("/reports").await.status, 401, "{proxy:?}");
        assert_eq!(navigate(there, "/reports").await.status, 302, "{proxy:?}");
    }
    assert_eq!(auth.why_not().await, "signed_out");
    assert_eq!(stage.asked(), before, "{proxy:?}");
}

/// Neither of the two cookies reaches the application.
async fn ours_stay_outside(proxy: Proxy, stage: &Stage, wiki: &Browser) {
    let session = format!("__Host-anteroom={}", wiki.token());
    let cookie = format!("__Host-anteroom-state={}", "A".repeat(43));
    for (sent, expected) in [
        (format!("{session}; {cookie}"), ""),
        (format!("{cookie}; {session}; a=1"), "a=1"),
        (format!("a=1; {session}; b=2; {cookie}; c=3"), "a=1; b=2; c=3"),
        (format!("a=1; {cookie}; {session}"), "a=1"),
        (format!("{session}; __Host-anteroom-states=1"), "__Host-anteroom-states=1"),
    ] {
        let plain = stage.at(WIKI);
        let answer = plain.ask(Method::GET, "/reports", |r| r.header("Cookie", &sent)).await;
        assert_eq!(answer.status, 200, "{proxy:?}, {sent}: {answer:?}");
        let come = variable(&answer, "HTTP_COOKIE").unwrap_or_default();
        assert_eq!(come, expected, "{proxy:?}, {sent}");
    }
}

async fn no_identity_comes_from_the_client(proxy: Proxy, stage: &Stage) {
    let before = stage.asked();
    for spelled in ["Remote-User", "Remote_User", "Remote.User", "X-Auth-Request-User"] {
        let shape = |request: RequestBuilder| request.header(spelled, "EVIL");
        let answer = stage.at(FILES).ask(Method::GET, "/reports", shape).await;
        assert!([401, 403].contains(&answer.status), "{proxy:?}, {spelled}: {answer:?}");
    }
    for host in ["https://other.example.org", "https://127.0.0.1"] {
        let answer = stage.at(host).get("/reports").await;
        // Caddy answers with an empty page.
        let is_empty = answer.text.is_empty() && answer.set_cookies().is_empty();
        assert!(answer.status >= 400 || is_empty, "{proxy:?}, {host}: {answer:?}");
    }
    assert_eq!(stage.asked(), before, "{proxy:?}");
}

async fn at(tab: &Tab) -> String {
    tab.value("location.origin + location.pathname").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_browser_signs_in_once_and_out_at_one() {
    a_real_browser_signs_in_and_out(Proxy::Nginx).await;
}

mod nightly {
    use super::{Proxy, a_real_browser_signs_in_and_out};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_real_browser_signs_in_once_and_out_at_one_behind_each_other_proxy() {
        for proxy in [Proxy::Haproxy, Proxy::Caddy, Proxy::NewCaddy, Proxy::Traefik] {
            a_real_browser_signs_in_and_out(proxy).await;
        }
    }
}

async fn a_real_browser_signs_in_and_out(proxy: Proxy) {
    let Some(stage) = Stage::start(proxy) else { return };
    let rules: Vec<_> = [AUTH, WIKI, FILES]
        .map(|origin| format!("MAP {}:443 {}", &origin["https://".len()..], stage.balancer.https))
        .into();
    let there = format!("host-resolver-rules={}", rules.join(","));
    let flags = ["ignore-certificate-errors", &there];
    let what = "a browser that has one sign-in for two applications";
    let Some(chromium) = Chromium::start_with(what, &flags).await else { return };
    let auth = stage.at(AUTH);
    assert_eq!(auth.sign_up("ada@example.org", PASSWORD).await.status, 201);

    let tab = chromium.tab().await;
    tab.open(&format!("{WIKI}/reports?year=2026")).await;
    assert_eq!(at(&tab).await, format!("{AUTH}/login"));
    tab.type_into("#email", "ada@example.org").await;
    tab.type_into("#password", PASSWORD).await;
    tab.follow("main form button").await;
    assert_eq!(at(&tab).await, format!("{WIKI}/reports"));
    let text = tab.text().await;
    assert!(text.contains("GET /reports?year=2026") && text.contains("HTTP_REMOTE_GROUPS=user"));
    assert!(!text.contains("__Host-anteroom"), "{text}");
    tab.open(&format!("{FILES}/plans")).await;
    assert_eq!(at(&tab).await, format!("{FILES}/plans"));
    assert!(tab.text().await.contains("HTTP_REMOTE_GROUPS=user"));

    // As the form of an application would.
    let leave = "const form = document.createElement('form'); form.method = 'post'; \
                 form.action = '/.anteroom/sign-out'; document.body.append(form); form.submit();";
    tab.until_next_document(tab.run(leave)).await;
    assert_eq!(at(&tab).await, format!("{AUTH}/login"));
    for (origin, path) in [(WIKI, "/reports"), (FILES, "/plans")] {
        tab.open(&format!("{origin}{path}")).await;
        assert_eq!(at(&tab).await, format!("{AUTH}/login"), "{origin}");
    }
    // Somebody sends a link with a code of their own.
    let wiki = stage.at(WIKI);
    let answer = navigate(&wiki, "/").await;
    let answer = auth.get(answer.location().strip_prefix(AUTH).unwrap()).await;
    tab.open(answer.location()).await;
    assert!(tab.text().await.contains("This sign-in cannot be continued"));
    assert_eq!(tab.value::<String>("getComputedStyle(document.body).margin").await, "0px");
    tab.follow("main a").await;
    assert_eq!(at(&tab).await, format!("{AUTH}/login"));
    chromium.close().await;
}
