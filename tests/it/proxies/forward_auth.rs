//! An application behind nginx, which asks Anteroom about every request.

use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::{PASSWORD, shared_place};
use crate::harness::balancer::{Balancer, Proxy};
use crate::harness::browser::{Answer, Browser};
use crate::harness::ground::Keeping;
use crate::harness::nodes::Nodes;
use crate::harness::upstream::Upstream;
use crate::openapi::every_route;

const ORIGIN: &str = "https://app.example.org";

struct Stage {
    nodes: Nodes,
    application: Upstream,
    balancer: Balancer,
}

impl Stage {
    fn start() -> Option<Self> {
        let place = || {
            let place = shared_place(Keeping::Postgres);
            let place = place.with("ANTEROOM_PUBLIC_URL", ORIGIN);
            place.with("ANTEROOM_FORWARD_AUTH", "nginx")
        };
        let (mut nodes, application) = (Nodes::apart(1, place), Upstream::start());
        let balancer =
            Balancer::forward_auth(Proxy::Nginx, nodes.node(0).address, application.address)?;
        Some(Self { nodes, application, balancer })
    }

    async fn signed_up(&self, email: &str) -> Browser {
        let browser = self.balancer.browser(10);
        assert_eq!(browser.sign_up(email, PASSWORD).await.status, 201);
        browser
    }
}

/// Asks for a page, as a browser does when somebody follows a link.
async fn navigate(browser: &Browser, path: &str) -> Answer {
    let shape = |request: RequestBuilder| request.header("Sec-Fetch-Mode", "navigate");
    browser.ask(Method::GET, path, shape).await
}

/// The values that the application was sent under a name, in whatever spelling.
fn values<'h>(head: &'h str, name: &str) -> Vec<&'h str> {
    let folded = |text: &str| text.to_lowercase().replace(['_', '.'], "-");
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(other, _)| folded(other) == folded(name)).map(|(_, value)| value).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fwd_10_the_application_gets_the_identity_and_anonymous_requests_go_to_sign_in() {
    let Some(stage) = Stage::start() else { return };
    let stranger = stage.balancer.browser(11);
    for (path, next) in [
        ("/reports/7", "?next=/reports/7"),
        ("/reports?year=2026", "?next=/reports%3Fyear%3D2026"),
        ("/reports?a=1&b=%26", "?next=/reports%3Fa%3D1%26b%3D%2526"),
        ("/b%C3%BCcher/1", "?next=/b%25C3%25BCcher/1"),
        ("/", "?next=/"),
        ("//evil.example", ""),
    ] {
        let answer = navigate(&stranger, path).await;
        let login = format!("{ORIGIN}/login{next}");
        assert_eq!((answer.status, answer.location()), (302, login.as_str()), "{path}");
    }
    let answer = stranger.post("/reports", json!({})).await;
    assert_eq!(answer.refusal(), (401, "no_session".to_owned()));
    assert_eq!(stage.application.asked(), 0, "a stranger comes through");

    let ada = stage.signed_up("ada@example.org").await;
    ada.patch("/api/account", json!({ "name": "José" })).await;
    let answer = ada.get("/reports?a=1&b=%26").await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.text.starts_with("GET /reports?a=1&b=%26 HTTP/1."), "{}", answer.text);
    assert_eq!(values(&answer.text, "Remote-User"), [ada.user_id().await]);
    assert_eq!(values(&answer.text, "Remote-Name"), ["Jos%C3%A9"]);
    assert_eq!(values(&answer.text, "Remote-Groups"), ["user"]);
    assert_eq!(values(&answer.text, "X-Forwarded-For"), ["127.0.0.10"]);
    // It is not verified, so it is not told.
    assert_eq!(values(&answer.text, "Remote-Email"), [""; 0]);
    assert_eq!(answer.set_cookies().len(), 0);
    let posted = ada.post("/reports", json!({ "title": "one" })).await;
    assert!(posted.status == 200 && posted.text.starts_with("POST /reports "), "{}", posted.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_returns_to_the_requested_page() {
    let Some(stage) = Stage::start() else { return };
    let ada = stage.signed_up("ada@example.org").await;
    assert_eq!(ada.post_form("/logout", &[]).await.location(), "/login");
    let asked = navigate(&ada, "/reports?year=2026").await;
    let page = ada.get(asked.location().trim_start_matches(ORIGIN)).await;
    assert!(page.text.contains("name=\"next\" value=\"/reports?year=2026\""), "{}", page.text);
    let fields =
        [("email", "ada@example.org"), ("password", PASSWORD), ("next", "/reports?year=2026")];
    let answer = ada.post_form("/login", &fields).await;
    assert_eq!((answer.status, answer.location()), (303, "/reports?year=2026"));
    assert!(ada.get(answer.location()).await.text.starts_with("GET /reports?year=2026 "));
    // A path that leads elsewhere is not followed after signing in.
    let page = ada.get("/login?next=//evil.example").await;
    assert_eq!((page.status, page.location()), (303, "/account"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_144_attack_145_no_identity_header_of_a_client_comes_through() {
    const NAMES: [&str; 4] = ["Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups"];
    const SPELLED: [&str; 6] = [
        "Remote-User",
        "remote-groups",
        "REMOTE-EMAIL",
        "Remote_User",
        "Remote.User",
        "Remote_Groups",
    ];
    let Some(stage) = Stage::start() else { return };
    let (ada, stranger) = (stage.signed_up("ada@example.org").await, stage.balancer.browser(11));
    let id = ada.user_id().await;
    for spelled in SPELLED {
        for shape in [
            |request: RequestBuilder, name: &str| request.header(name, "admin"),
            |request: RequestBuilder, name: &str| {
                request.header(name, "admin").header(name, "root")
            },
            |request: RequestBuilder, name: &str| {
                request.header(name, "admin").header("Connection", name)
            },
        ] {
            let answer = ada.ask(Method::GET, "/reports", |r| shape(r, spelled)).await;
            assert_eq!(answer.status, 200, "{spelled}: {}", answer.text);
            let told: Vec<_> = NAMES.iter().flat_map(|name| values(&answer.text, name)).collect();
            assert_eq!(told, [id.as_str(), "user"], "{spelled}: {}", answer.text);
            let before = stage.application.asked();
            let answer = stranger.ask(Method::GET, "/reports", |r| shape(r, spelled)).await;
            assert_eq!((answer.status, stage.application.asked()), (401, before), "{spelled}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fwd_9_the_cookie_of_the_session_does_not_reach_the_application() {
    let Some(stage) = Stage::start() else { return };
    let ada = stage.signed_up("ada@example.org").await;
    let token = ada.token();
    let ours = format!("__Host-anteroom={token}");
    for (sent, comes_through) in [
        (ours.clone(), ""),
        (format!("{ours}; a=1"), "a=1"),
        (format!("a=1; {ours}"), "a=1"),
        (format!("a=1; {ours}; b=2"), "a=1; b=2"),
        (format!("a=1;{ours};b=2"), "a=1;b=2"),
        (format!("x__Host-anteroom=1; {ours}"), "x__Host-anteroom=1"),
        (format!("{ours}; __Host-anteroom-node=node1"), "__Host-anteroom-node=node1"),
        (format!("\t{ours}"), ""),
        (format!("\t {ours}; a=1"), "a=1"),
        (format!("a=1;\t{ours}"), "a=1"),
        (format!("a=1; \t {ours};\tb=2"), "a=1;\tb=2"),
        (format!("a=1;{ours};"), "a=1;"),
    ] {
        let plain = stage.balancer.browser(12);
        let shape = |request: RequestBuilder| request.header("Cookie", &sent);
        let answer = plain.ask(Method::GET, "/reports", shape).await;
        assert_eq!(answer.status, 200, "{sent}");
        assert!(!answer.text.contains(&token), "{sent}: {}", answer.text);
        assert_eq!(values(&answer.text, "Cookie").join("|"), comes_through, "{sent}");
    }
    // In two lines, which count as one.
    for (lines, comes_through) in
        [(["a=1", &ours], "a=1"), ([&ours, "a=1"], "a=1"), (["a=1; b=2", &ours], "a=1; b=2")]
    {
        let plain = stage.balancer.browser(12);
        let shape =
            |request: RequestBuilder| request.header("Cookie", lines[0]).header("Cookie", lines[1]);
        let answer = plain.ask(Method::GET, "/reports", shape).await;
        assert_eq!(answer.status, 200, "{lines:?}");
        assert_eq!(values(&answer.text, "Cookie").join("|"), comes_through, "{lines:?}");
    }
    // Twice is never: the application is not even asked.
    let asked = stage.application.asked();
    for sent in [format!("{ours}; {ours}"), format!("\t{ours};a=1;\t{ours}; b=2")] {
        let plain = stage.balancer.browser(12);
        let shape = |request: RequestBuilder| request.header("Cookie", &sent);
        assert_eq!(plain.ask(Method::GET, "/reports", shape).await.status, 401, "{sent}");
    }
    assert_eq!(stage.application.asked(), asked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_holds_at_the_next_request_to_the_application() {
    let Some(stage) = Stage::start() else { return };
    let laptop = stage.signed_up("ada@example.org").await;
    let phone = stage.balancer.browser(11);
    for end in ["revoke", "others", "sign out", "command"] {
        phone.try_to_sign_in("ada@example.org", PASSWORD, false).await;
        assert_eq!(phone.get("/reports").await.status, 200, "{end}");
        let asked = stage.application.asked();
        let status = match end {
            "revoke" => laptop.revoke(&phone).await.status,
            "others" => laptop.delete("/api/sessions").await.status,
            "sign out" => phone.copy().delete("/api/session").await.status,
            _ => {
                stage.nodes.command(0, &["session", "revoke", "--user", "ada@example.org"]);
                200
            }
        };
        assert!(status < 300, "{end}: {status}");
        assert_eq!(phone.get("/reports").await.status, 401, "{end}");
        assert_eq!(stage.application.asked(), asked, "{end}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_comes_through_while_anteroom_is_silent_and_nobody_is_signed_out_by_it() {
    let Some(mut stage) = Stage::start() else { return };
    let ada = stage.signed_up("ada@example.org").await;
    stage.nodes.node(0).stop();
    let answer = ada.get("/reports").await;
    assert_eq!((answer.status, stage.application.asked()), (503, 0), "{}", answer.text);
    assert_eq!(answer.set_cookies().len(), 0);
    stage.nodes.node(0).start();
    assert_eq!(ada.get("/reports").await.status, 200);
}

/// What Anteroom has under names that the application may want for itself.
const LEFT_TO_THE_APPLICATION: [&str; 4] = ["/", "/healthz", "/readyz", "/openapi.json"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_question_cannot_be_asked_from_outside_and_pages_of_both_are_at_their_place() {
    let Some(stage) = Stage::start() else { return };
    let ada = stage.signed_up("ada@example.org").await;
    let stranger = stage.balancer.browser(12);
    let answer = ada.get("/auth/verify").await;
    assert_eq!(answer.status, 404, "{}", answer.text);
    assert!(!answer.headers.contains_key("remote-user"));
    let routes: BTreeSet<_> = every_route().into_iter().map(|(_, path)| path).collect();
    for route in &routes {
        let path = route.replace("{id}", "0").replace("{file}", "0");
        // The file for one host has no hand-over.
        let is_elsewhere = path.starts_with("/auth/") || path.starts_with("/.anteroom/");
        if LEFT_TO_THE_APPLICATION.contains(&&*path) || is_elsewhere {
            continue;
        }
        for browser in [&ada, &stranger] {
            // A stream has no end, but it has a head.
            let answer = browser.ask(Method::HEAD, &path, |request| request).await;
            assert!(answer.headers.contains_key("x-request-id"), "{path} is not Anteroom's");
        }
    }
    for path in [
        "/invitation?token=SECRET",
        "/setup?token=SECRET",
        "/invitation/?token=SECRET",
        "/setup/?token=SECRET",
        "//invitation?token=SECRET",
        "/./invitation?token=SECRET",
        "/%69nvitation?token=SECRET",
    ] {
        for browser in [&ada, &stranger] {
            let answer = browser.get(path).await;
            assert!(answer.headers.contains_key("x-request-id"), "{path} is not Anteroom's");
            assert!(!answer.location().contains("SECRET"), "{path}: {}", answer.location());
        }
    }
    assert_eq!(stage.application.asked(), 0, "a secret reached the application");
    let of_the_application = [
        "/reports",
        "/api",
        "/api/reports",
        "/api/sessionsx",
        "/loginx",
        "/accounts",
        "/invitations",
        "/.well-known/security.txt",
    ];
    let all = LEFT_TO_THE_APPLICATION.into_iter().chain(of_the_application);
    for (path, number) in all.zip(1..) {
        let answer = ada.get(path).await;
        assert!(answer.text.starts_with(&format!("GET {path} HTTP/1.")), "{path}: {}", answer.text);
        assert_eq!(stage.application.asked(), number, "{path}");
    }
    let admin = stranger.get("/api/admin/users").await;
    assert_eq!(admin.code(), "no_session");
}
