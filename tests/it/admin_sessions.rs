//! What administrators see of the sessions of everybody, and how they end them.

use anteroom::accounts::Role;
use serde_json::{Value, json};

use crate::audit::events;
use crate::harness::app::{HOUR, Kind, MINUTE, TestApp, on_every_store};
use crate::harness::browser::Browser;

on_every_store!(
    adm_5_sessions_of_everybody_come_in_pages_the_newest_first,
    sessions_are_found_by_what_is_known_of_them,
    rev_11_an_administrator_ends_one_session_at_once_and_on_record,
    rev_11_an_administrator_ends_every_session_of_a_person,
    adm_3_the_sessions_of_a_person_are_what_they_see_themselves,
    a_session_that_timed_out_is_in_no_list,
);

fn ids(body: &Value) -> Vec<String> {
    let sessions = body["sessions"].as_array().unwrap();
    sessions.iter().map(|session| session["id"].as_str().unwrap().to_owned()).collect()
}

async fn found(root: &Browser, query: &str) -> Vec<String> {
    let answer = root.get(&format!("/api/admin/sessions?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    ids(&answer.json())
}

async fn adm_5_sessions_of_everybody_come_in_pages_the_newest_first(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let mut expected = vec![root.session_id().await];
    for n in 0..6 {
        app.pass(MINUTE).await;
        if n % 2 == 0 {
            let visitor = app.browser();
            assert_eq!(visitor.patch("/api/session/data", json!({ "a": 1 })).await.status, 200);
            let newest = app.live_sessions().await.pop().unwrap();
            expected.push(newest.id.to_string());
        } else {
            expected.push(app.signed_in(&format!("p{n}@example.org")).await.session_id().await);
        }
    }
    expected.reverse();

    for limit in [1, 2, 3, 7, 200] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let body = root.get(&format!("/api/admin/sessions?limit={limit}{cursor}")).await.json();
            seen.extend(ids(&body));
            let Some(next) = body["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, expected, "{limit} at a time");
    }
    for bad in ["limit=0", "limit=201", "cursor=x", "cursor=", "user=x", "kind=x", "from=never"] {
        let answer = root.get(&format!("/api/admin/sessions?{bad}")).await;
        assert_eq!(answer.refusal(), (400, "invalid_input".to_owned()), "{bad}");
    }
}

async fn sessions_are_found_by_what_is_known_of_them(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    app.pass(10 * MINUTE).await;
    let ada = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;
    let visitor = app.browser();
    visitor.patch("/api/session/data", json!({ "a": 1 })).await;
    let (own, hers) = (root.session_id().await, [phone.session_id().await, ada.session_id().await]);
    let user = ada.user_id().await;

    assert_eq!(found(&root, &format!("user={user}")).await, hers);
    assert_eq!(found(&root, &format!("user={user}&limit=1")).await, hers[..1]);
    assert_eq!(found(&root, "kind=anonymous").await.len(), 1);
    assert_eq!(found(&root, "kind=user").await, [&*hers[0], &*hers[1], &*own]);
    assert_eq!(found(&root, "ip_address=127.0.0.1").await.len(), 4);
    assert_eq!(found(&root, "ip_address=192.0.2.1").await, [""; 0]);
    assert_eq!(found(&root, "device=firefox").await.len(), 4);
    assert_eq!(found(&root, "device=safari").await, [""; 0]);
    assert_eq!(found(&root, "until=2026-11-21T09:10:00Z").await, [own.as_str()]);
    assert_eq!(found(&root, "from=2026-11-21T09:10&kind=user").await, hers);
    assert_eq!(found(&root, "user=&kind=&ip_address=&device=&from=&until=").await.len(), 4);
}

async fn rev_11_an_administrator_ends_one_session_at_once_and_on_record(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let laptop = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;
    // Ending asks for no fresh proof.
    app.pass(10 * MINUTE).await;
    let id = phone.session_id().await;
    let path = format!("/api/admin/sessions/{id}");

    assert_eq!(root.delete(&path).await.status, 204);
    assert_eq!(phone.why_not().await, "revoked_by_admin");
    assert!(laptop.is_signed_in().await);
    assert_eq!(root.delete(&path).await.refusal(), (404, "not_found".to_owned()));
    let ended = events(&root, &format!("session={id}&kind=session_ended")).await;
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0]["actor"], root.user_id().await);
    assert_eq!(ended[0]["subject"], laptop.user_id().await);
    assert_eq!(ended[0]["details"]["reason"], "revoked_by_admin");
    let explained = root.get(&path).await.json();
    assert_eq!(explained["ended"]["reason"], "revoked_by_admin");
    assert_eq!(explained["events"][0]["actor"], root.user_id().await);

    let visitor = app.browser();
    visitor.patch("/api/session/data", json!({ "a": 1 })).await;
    let id = found(&root, "kind=anonymous").await.remove(0);
    assert_eq!(root.delete(&format!("/api/admin/sessions/{id}")).await.status, 204);
    assert_eq!(found(&root, "kind=anonymous").await, [""; 0]);
}

async fn rev_11_an_administrator_ends_every_session_of_a_person(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let laptop = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;
    let bob = app.signed_in("bob@example.org").await;
    let user = laptop.user_id().await;
    let path = format!("/api/admin/users/{user}/sessions");
    app.pass(10 * MINUTE).await;

    let answer = root.delete(&path).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "revoked": 2 })));
    for browser in [&laptop, &phone] {
        assert_eq!(browser.why_not().await, "revoked_by_admin");
    }
    assert!(bob.is_signed_in().await && root.is_signed_in().await);
    assert_eq!(root.get(&path).await.json(), json!({ "sessions": [] }));
    let ended = events(&root, &format!("user={user}&kind=session_ended")).await;
    assert_eq!(ended[0]["actor"], root.user_id().await);
    assert_eq!(ended[0]["details"]["count"], 2);
    assert!(app.signed_in("ada@example.org").await.is_signed_in().await);
    for nobody in ["00000000-0000-7000-8000-000000000000", "x"] {
        let path = format!("/api/admin/users/{nobody}/sessions");
        assert_eq!(root.get(&path).await.refusal(), (404, "not_found".to_owned()));
        assert_eq!(root.delete(&path).await.refusal(), (404, "not_found".to_owned()));
    }
}

async fn adm_3_the_sessions_of_a_person_are_what_they_see_themselves(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let laptop = app.signed_in_as("ada@example.org", Role::User, true).await;
    let phone = app.signed_in("ada@example.org").await;
    let answer = root.get(&format!("/api/admin/users/{}/sessions", laptop.user_id().await)).await;

    let mut own = laptop.sessions().await;
    for session in &mut own {
        session["is_current"] = json!(false);
    }
    assert_eq!(answer.json()["sessions"], json!(own));
    for browser in [&laptop, &phone] {
        assert!(!answer.text.contains(&browser.token()));
    }
}

async fn a_session_that_timed_out_is_in_no_list(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    let user = ada.user_id().await;
    app.clock.advance(HOUR);
    let root = app.administrator("root@example.org").await;

    assert_eq!(found(&root, "").await, [root.session_id().await]);
    assert_eq!(found(&root, &format!("user={user}")).await, [""; 0]);
}
