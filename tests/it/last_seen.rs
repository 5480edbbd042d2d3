//! Where a session was started from and where it was last seen.

use serde_json::{Value, json};

use crate::harness::app::{Kind, MINUTE, TestApp};
use crate::harness::browser::Browser;

fn from(app: &TestApp, last: u8) -> Browser {
    Browser::from(Some([127, 0, 0, last].into()), app.address, &app.public_url)
}

/// First and last address and device of a session.
fn places(session: &Value) -> [&str; 4] {
    ["ip_address", "last_ip_address", "device", "last_device"]
        .map(|field| session[field].as_str().unwrap())
}

const SECOND: std::time::Duration = std::time::Duration::from_secs(1);
const FIREFOX: &str = "Firefox on Linux";
const MOVED: [&str; 4] = ["127.0.0.1", "127.0.0.9", FIREFOX, "curl"];

#[tokio::test]
async fn a_session_that_moved_is_shown_with_both_places() {
    let app = TestApp::start(Kind::Database).await;
    let root = app.administrator("root@example.org").await;
    let at_home = app.signed_in("ada@example.org").await;
    let session = at_home.session().await;
    assert_eq!(places(&session), ["127.0.0.1", "127.0.0.1", FIREFOX, FIREFOX]);

    app.clock.advance(SECOND);
    let away = from(&app, 9);
    away.hold(&at_home.token());
    let curl = |request: reqwest::RequestBuilder| request.header("user-agent", "curl/8.0");
    let seen = away.ask(reqwest::Method::GET, "/api/session", curl).await.json();
    assert_eq!(places(&seen["session"]), MOVED, "who asks sees where they are");

    // Not yet written, and told all the same.
    let path = format!("/api/admin/sessions/{}", session["id"].as_str().unwrap());
    assert_eq!(places(&root.get(&path).await.json()["session"]), MOVED);
    app.clock.advance(MINUTE);
    away.ask(reqwest::Method::GET, "/auth/verify", curl).await;
    app.pass(MINUTE).await;
    assert_eq!(places(&root.get(&path).await.json()["session"]), MOVED);
    let found = root.get("/api/admin/sessions?ip_address=127.0.0.9").await.json();
    assert_eq!(found["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(places(&found["sessions"][0]), MOVED);
    let page = root.get("/admin/sessions").await.text;
    assert!(page.contains("127.0.0.9") && page.contains("127.0.0.1"), "{page}");
    let phone = app.signed_in("ada@example.org").await;
    for (path, list) in [("/api/sessions", "sessions"), ("/api/account/data", "sessions")] {
        let listed = phone.get(path).await.json();
        let one = listed[list].as_array().unwrap().iter().find(|one| one["id"] == session["id"]);
        assert_eq!(places(one.unwrap()), MOVED, "{path}");
    }
    let page = phone.get("/account/sessions").await.text;
    assert!(page.contains("Last seen at") && page.contains("127.0.0.9"), "{page}");

    // Back home.
    app.clock.advance(SECOND);
    at_home.get("/api/session").await;
    let home = ["127.0.0.1", "127.0.0.1", FIREFOX, FIREFOX];
    assert_eq!(places(&root.get(&path).await.json()["session"]), home);
    let data = at_home.patch("/api/session/data", json!({ "a": 1 })).await;
    assert_eq!(data.status, 200);
}
