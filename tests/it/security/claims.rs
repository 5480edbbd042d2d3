//! What a client claims of its own session counts for nothing: whose it is, how long it lasts, how
//! fresh its proof is.

use std::time::Duration;

use anteroom::accounts::Role;
use reqwest::Method;
use serde_json::json;

use crate::harness::app::{DAY, HOUR, Kind, MINUTE, PASSWORD, TestApp, on_one_store};
use crate::harness::browser::Browser;
use crate::harness::client::{self, Client};
use crate::harness::server::{Place, Server};
use crate::harness::wire::raw_get;

on_one_store!(
    attack_16_a_token_planted_before_the_sign_in_opens_nothing_after_it,
    life_9_no_expiry_that_a_browser_claims_prolongs_a_session,
    life_10_attack_51_nobody_claims_to_have_proven_who_they_are,
    life_14_another_place_and_another_agent_extend_no_trust,
);

async fn attack_16_a_token_planted_before_the_sign_in_opens_nothing_after_it(kind: Kind) {
    for way in ["form", "json", "sign-up", "setup"] {
        let app = TestApp::start(kind).await;
        let link = app.anteroom.issue_setup_link().await.unwrap().unwrap();
        app.add("ada@example.org", Role::User).await;
        let attacker = app.browser();
        attacker.patch("/api/session/data", json!({ "planted": true })).await;
        let victim = app.browser();
        victim.hold(&attacker.token());

        let (email, new) = (("email", "ada@example.org"), ("email", "eve@example.org"));
        let answer = match way {
            "form" => victim.post_form("/login", &[email, ("password", PASSWORD)]).await,
            "json" => victim.try_to_sign_in("ada@example.org", PASSWORD, false).await,
            "sign-up" => victim.post_form("/signup", &[new, ("password", PASSWORD)]).await,
            _ => {
                let token = ("token", link.split_once("token=").unwrap().1);
                victim.post_form("/setup", &[token, new, ("password", PASSWORD)]).await
            }
        };

        assert!(answer.status < 400, "{way}: {}", answer.text);
        assert_ne!(victim.token(), attacker.token(), "{way}");
        assert!(victim.is_signed_in().await);
        for path in ["/api/session", "/auth/verify", "/api/session/data", "/api/account"] {
            assert_eq!(attacker.get(path).await.status, 401, "{way}: {path}");
        }
        assert_eq!(attacker.get("/account").await.status, 303);
        let data = attacker.patch("/api/session/data", json!({ "a": 1 })).await;
        assert!(data.status == 401 || attacker.token() != victim.token(), "{way}");
        assert!(victim.get("/api/session/data").await.json().get("a").is_none());
    }
}

async fn life_9_no_expiry_that_a_browser_claims_prolongs_a_session(kind: Kind) {
    for (remember_me, idle) in [(false, HOUR), (true, 14 * DAY)] {
        let app = TestApp::start(kind).await;
        let browser = app.signed_in_as("ada@example.org", Role::User, remember_me).await;
        // As if the browser had been told to keep it for ever.
        let cookie = format!(
            "Cookie: anteroom={}; Max-Age=999999999; Expires=Fri, 31 Dec 9999 23:59:59 GMT; \
             $Max-Age=999999999\r\n",
            browser.token()
        );
        assert_eq!(raw_get(&app, "/api/session", cookie.as_bytes()).await.status, 200);

        app.pass(idle.saturating_sub(Duration::from_secs(1))).await;
        assert_eq!(raw_get(&app, "/api/session", cookie.as_bytes()).await.status, 200);
        app.pass(idle).await;
        let answer = raw_get(&app, "/api/session", cookie.as_bytes()).await;
        assert_eq!(answer.refusal(), (401, "idle_timeout".to_owned()));
        // Ticking the box later, without the password, moves nothing either.
        let late = browser.post("/api/session", json!({ "remember_me": true })).await;
        assert_eq!((late.status, late.set_cookies().len()), (400, 0));
    }
}

/// Every operation that asks for a fresh proof, as this browser does it; the statuses.
async fn calls_that_need_a_fresh_proof(root: &Browser, user: &str) -> Vec<(u16, String)> {
    let path = format!("/api/admin/users/{user}");
    let claims = |request: reqwest::RequestBuilder| {
        request
            .header("X-Authenticated-At", "2026-11-21T10:00:00Z")
            .header("X-Reauthenticated", "true")
            .header("Authorization", "Basic cm9vdEBleGFtcGxlLm9yZzp4")
            .header("Cookie", "authenticated_at=2026-11-21T10:00:00Z; reauthenticated=1; fresh=1")
    };
    let mut refusals = Vec::new();
    for (method, path, body) in [
        (Method::PATCH, "/api/account", json!({ "email": "new@example.org" })),
        (Method::DELETE, "/api/account", json!({})),
        (Method::PATCH, &*path, json!({ "role": "admin" })),
        (Method::PATCH, &path, json!({ "status": "disabled" })),
        (Method::DELETE, &path, json!({})),
    ] {
        let query = format!("{path}?authenticated_at=2026-11-21T10:00:00Z&fresh=true");
        for path in [path, &query] {
            let shape = |request| claims(request).json(&body);
            refusals.push(root.ask(method.clone(), path, shape).await.refusal());
        }
    }
    refusals
}

async fn life_10_attack_51_nobody_claims_to_have_proven_who_they_are(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    app.administrator("second@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    let user = ada.user_id().await;
    app.pass(10 * MINUTE).await;
    // Neither a proof elsewhere nor what the browser keeps counts, nor a wrong password.
    app.administrator("root@example.org").await.reauthenticate(PASSWORD).await;
    let kept = json!({ "authenticated_at": "2026-11-21T09:10:00Z", "reauthenticated": true });
    assert_eq!(root.patch("/api/session/data", kept).await.status, 200);
    root.reauthenticate("wrong").await;

    for refusal in calls_that_need_a_fresh_proof(&root, &user).await {
        assert_eq!(refusal, (403, "reauthentication_required".to_owned()));
    }
    for claimed in ["authenticated_at", "reauthenticated", "fresh"] {
        for (method, path) in
            [(Method::PATCH, "/api/account"), (Method::POST, "/api/session/reauthenticate")]
        {
            let body = json!({ "name": "x", claimed: true });
            let answer = root.send(method, path, body).await;
            assert_eq!(answer.refusal(), (400, "malformed_body".to_owned()), "{claimed}");
        }
    }
    let session = root.session().await;
    assert_eq!(session["authenticated_at"], "2026-11-21T09:00:00Z");
    assert!(ada.is_signed_in().await);

    assert_eq!(root.reauthenticate(PASSWORD).await.status, 200);
    let (path, name) = (format!("/api/admin/users/{user}"), json!({ "name": "Lovelace" }));
    assert_eq!(root.patch(&path, name).await.status, 200);
}

async fn life_14_another_place_and_another_agent_extend_no_trust(kind: Kind) {
    let app = TestApp::start_with(kind, |options| {
        options.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let browser = app.signed_in("ada@example.org").await;
    let before = browser.session().await;
    app.pass(10 * MINUTE).await;
    let elsewhere = |request: reqwest::RequestBuilder| {
        request.header("X-Forwarded-For", "203.0.113.9").header("User-Agent", "curl/8.1")
    };

    let email = json!({ "email": "new@example.org" });
    let changed =
        browser.ask(Method::PATCH, "/api/account", |request| elsewhere(request).json(&email)).await;

    assert_eq!(changed.refusal(), (403, "reauthentication_required".to_owned()));
    let seen = browser.ask(Method::GET, "/api/session", elsewhere).await.json()["session"].clone();
    // The list says where a session began, whoever has its token later.
    for same in ["id", "authenticated_at", "expires_at", "ip_address", "user_agent", "device"] {
        assert_eq!(seen[same], before[same], "{same}");
    }
    assert_eq!(seen["ip_address"], "127.0.0.1");
    let answer = browser
        .ask(Method::POST, "/api/session", |request| {
            let body = json!({ "email": "ada@example.org", "password": PASSWORD });
            elsewhere(request).json(&body)
        })
        .await;
    assert_eq!(answer.json()["session"]["ip_address"], "203.0.113.9");
    assert_eq!(answer.json()["session"]["device"], "curl");
}

#[tokio::test]
async fn life_11_a_proof_outlives_a_restart_with_its_session() {
    let server = Server::start();
    let ada = Client::of(&server);
    ada.sign_up("ada@example.org").await;
    let body = json!({ "password": client::PASSWORD });
    let proven = ada.post_json("/api/session/reauthenticate", &body).await;
    assert_eq!(proven.status(), 200);
    let (_, before) = ada.session().await;

    let server = server.kill().serve(&[]);

    let ada = ada.at(&server);
    let (status, after) = ada.session().await;
    assert_eq!(status, 200);
    assert_eq!(after["session"]["authenticated_at"], before["session"]["authenticated_at"]);
    let left = ada.request(Method::DELETE, "/api/account").send().await.unwrap();
    assert_eq!(left.status(), 204);
}

#[test]
fn life_13_every_timeout_and_limit_can_be_seen() {
    let place = Place::new();
    let shown = place.run(&["config"]).stdout;
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name| std::fs::read_to_string(root.join(name)).unwrap();
    let (example, page) = (read(".env.example"), read("docs/configure.md"));

    for (variable, default) in [
        ("ANTEROOM_IDLE_TIMEOUT", "1h"),
        ("ANTEROOM_ABSOLUTE_TIMEOUT", "24h"),
        ("ANTEROOM_REMEMBER_IDLE_TIMEOUT", "14d"),
        ("ANTEROOM_REMEMBER_ABSOLUTE_TIMEOUT", "30d"),
        ("ANTEROOM_ADMIN_IDLE_TIMEOUT", "15m"),
        ("ANTEROOM_ADMIN_ABSOLUTE_TIMEOUT", "12h"),
        ("ANTEROOM_SESSION_LIMIT", "20"),
        ("ANTEROOM_SESSION_LIMIT_POLICY", "evict-idle"),
    ] {
        let line = shown.lines().find(|line| line.split_whitespace().next() == Some(variable));
        let line = line.unwrap_or_else(|| panic!("config hides {variable}"));
        assert!(line.contains(default), "{line}");
        assert!(example.contains(&format!("#{variable}={default}\n")), "{variable}");
        let row = page.lines().find(|line| line.contains(&format!("`{variable}`")));
        let row = row.unwrap_or_else(|| panic!("docs/configure.md does not name {variable}"));
        assert!(row.contains(default), "docs/configure.md: {default} is not in the row {row}");
    }
    assert!(page.contains("NIST SP 800-63B"), "docs/configure.md does not say why");
}

#[test]
fn attack_49_timeouts_that_make_no_sense_are_refused_at_the_start() {
    let pairs = ["", "REMEMBER_", "ADMIN_"];
    for rule in pairs {
        let (idle, absolute) =
            (format!("ANTEROOM_{rule}IDLE_TIMEOUT"), format!("ANTEROOM_{rule}ABSOLUTE_TIMEOUT"));
        for (variable, value) in [
            (&idle, "60d"),
            (&absolute, "1m"),
            (&idle, "0s"),
            (&absolute, "0s"),
            (&idle, "-1h"),
            (&absolute, "18446744073709551615s"),
            (&idle, "18446744073709551616s"),
            (&absolute, "401d"),
            (&idle, "x"),
            (&idle, "60"),
        ] {
            let place = Place::new().with(variable, value);
            let outcome = place.run(&["serve", "--listen", "127.0.0.1:0"]);
            assert_eq!(outcome.code, Some(2), "{variable}={value}: {outcome:?}");
            assert!(
                outcome.stderr.contains(&format!("{rule}IDLE_TIMEOUT"))
                    || outcome.stderr.contains(variable.as_str()),
                "{outcome:?}"
            );
            assert!(place.files().is_empty(), "something was made");
        }
    }
}
