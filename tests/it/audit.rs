//! What happened is there for administrators, with who did it, to whom and from where.

use anteroom::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::app::{HOUR, Kind, OTHER_PASSWORD, PASSWORD, TestApp, on_one_store};
use crate::harness::browser::Browser;

/// What is told of an event, and nothing else.
pub const FIELDS: [&str; 10] = [
    "actor",
    "details",
    "id",
    "kind",
    "network",
    "outcome",
    "session_id",
    "subject",
    "time",
    "user_agent",
];

on_one_store!(
    log_2_log_4_signing_up_in_and_out_is_recorded_with_every_field,
    log_4_why_a_sign_in_failed_is_shown_to_administrators_only,
    log_4_proofs_and_new_passwords_are_recorded_with_every_field,
    log_4_what_people_change_about_their_account_is_recorded,
    adm_2_what_administrators_do_is_recorded_with_who_did_it,
    rev_11_every_end_of_a_session_is_recorded_with_its_reason_and_who_asked,
    rev_11_timeouts_are_recorded_by_a_request_and_by_the_sweep,
    attack_33_a_user_who_polls_while_disabled_is_out_and_the_trail_says_by_whom,
    log_4_what_is_refused_at_the_door_is_recorded,
    log_4_the_setup_link_is_recorded_when_it_makes_an_administrator,
    adm_3_an_event_has_these_fields_and_no_other,
    adm_5_events_are_listed_a_page_at_a_time,
    the_trail_is_for_administrators_alone,
);

/// How browsers of the tests call themselves.
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

/// The events that fit, the oldest first, without what differs each time.
pub async fn events(root: &Browser, query: &str) -> Vec<Value> {
    let answer = root.get(&format!("/api/admin/audit?limit=200&{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let mut events = answer.json()["events"].as_array().unwrap().clone();
    events.reverse();
    for event in &mut events {
        let event = event.as_object_mut().unwrap();
        let time = event.remove("time").unwrap();
        assert!(time.as_str().unwrap().starts_with("2026-1"), "{time}");
        assert_eq!(event.remove("id").unwrap().as_str().unwrap().len(), 36);
    }
    events
}

/// The newest event of a kind.
async fn newest(root: &Browser, kind: &str) -> Value {
    events(root, &format!("kind={kind}")).await.pop().unwrap_or_default()
}

/// An event from the browsers of the tests.
fn event(
    kind: &str,
    (actor, subject): (Option<&str>, Option<&str>),
    session: Option<&str>,
    outcome: &str,
    details: &Value,
) -> Value {
    json!({
        "kind": kind,
        "actor": actor,
        "subject": subject,
        "session_id": session,
        "network": "127.0.0.1",
        "user_agent": AGENT,
        "outcome": outcome,
        "details": details,
    })
}

/// One that the user did to themselves.
fn own(kind: &str, user: &str, session: &str, details: &Value) -> Value {
    event(kind, (Some(user), Some(user)), Some(session), "ok", details)
}

async fn log_2_log_4_signing_up_in_and_out_is_recorded_with_every_field(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.browser();
    ada.sign_up("ada@example.org", PASSWORD).await;
    let (user, first) = (ada.user_id().await, ada.session_id().await);
    ada.delete("/api/session").await;
    ada.try_to_sign_in("ada@example.org", PASSWORD, false).await;
    let second = ada.session_id().await;
    ada.post_form("/logout", &[]).await;
    let root = app.administrator("root@example.org").await;

    let reason = json!({ "reason": "signed_out" });
    assert_eq!(
        events(&root, &format!("user={user}")).await,
        [
            own("signup", &user, &first, &json!({ "role": "user" })),
            own("logout", &user, &first, &json!({})),
            own("session_ended", &user, &first, &reason),
            own("login", &user, &second, &json!({ "methods": ["password"] })),
            own("logout", &user, &second, &json!({})),
            own("session_ended", &user, &second, &reason),
        ]
    );
}

async fn log_4_why_a_sign_in_failed_is_shown_to_administrators_only(kind: Kind) {
    let app = TestApp::start_with(kind, |options| {
        options.policy.limit.most = 1;
        options.policy.limit.policy = anteroom::sessions::LimitPolicy::Refuse;
    })
    .await;
    let root = app.administrator("root@example.org").await;
    let ada = app.add("ada@example.org", Role::User).await.user.id.to_string();
    let bob = app.add("bob@example.org", Role::User).await.user.id.to_string();
    root.patch(&format!("/api/admin/users/{bob}"), json!({ "status": "disabled" })).await;
    let stranger = app.browser();

    let mut answers = Vec::new();
    for (email, password) in [
        ("ada@example.org", "wrong"),
        ("bob@example.org", PASSWORD),
        ("nobody@example.org", PASSWORD),
    ] {
        let answer = stranger.try_to_sign_in(email, password, false).await;
        answers.push((answer.refusal(), answer.json()["detail"].clone()));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    app.signed_in("ada@example.org").await;
    assert_eq!(stranger.try_to_sign_in("ada@example.org", PASSWORD, false).await.status, 409);

    let failed =
        |subject, outcome: &str| event("login_failed", (None, subject), None, outcome, &json!({}));
    assert_eq!(
        events(&root, "kind=login_failed").await,
        [
            failed(Some(&*ada), "wrong_password"),
            failed(Some(&*bob), "account_disabled"),
            failed(None, "unknown_account"),
            failed(Some(&*ada), "session_limit_reached"),
        ]
    );
}

async fn log_4_proofs_and_new_passwords_are_recorded_with_every_field(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    app.signed_in("ada@example.org").await;
    let (user, session) = (ada.user_id().await, ada.session_id().await);
    ada.reauthenticate("wrong").await;
    ada.reauthenticate(PASSWORD).await;
    ada.change_password("wrong", OTHER_PASSWORD).await;
    ada.change_password(PASSWORD, OTHER_PASSWORD).await;
    let root = app.administrator("root@example.org").await;

    let wrong = |kind| {
        let whose = (Some(&*user), Some(&*user));
        event(kind, whose, Some(&session), "wrong_password", &json!({}))
    };
    let ended = json!({ "reason": "password_changed", "count": 1, "by_session": session });
    assert_eq!(
        events(&root, &format!("user={user}")).await[2..],
        [
            wrong("reauthenticated"),
            own("reauthenticated", &user, &session, &json!({})),
            wrong("password_changed"),
            own("password_changed", &user, &session, &json!({})),
            event("session_ended", (Some(&user), Some(&user)), None, "ok", &ended),
        ]
    );
}

async fn log_4_what_people_change_about_their_account_is_recorded(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    let (user, session) = (ada.user_id().await, ada.session_id().await);
    ada.patch("/api/account", json!({ "email": "new@example.org", "name": "New" })).await;
    ada.patch("/api/account", json!({ "email": "new@example.org" })).await;
    ada.delete("/api/account").await;
    let root = app.administrator("root@example.org").await;

    let ended = json!({ "reason": "account_deleted", "count": 1, "by_session": session });
    let trail = events(&root, &format!("user={user}")).await;
    assert_eq!(
        trail[1..],
        [
            own("email_changed", &user, &session, &json!({ "verified": false })),
            own("account_deleted", &user, &session, &json!({})),
            event("session_ended", (Some(&user), Some(&user)), None, "ok", &ended),
        ]
    );
    assert!(!json!(trail).to_string().contains("example.org"), "an address is in the trail");
}

async fn adm_2_what_administrators_do_is_recorded_with_who_did_it(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let (admin, session) = (root.user_id().await, root.session_id().await);
    let user = app.signed_in("ada@example.org").await.user_id().await;
    let path = format!("/api/admin/users/{user}");
    root.patch(&path, json!({ "role": "admin", "email": "other@example.org" })).await;
    root.patch(&path, json!({ "groups": ["ops", "dev"] })).await;
    root.patch(&path, json!({ "groups": ["dev", "ops"] })).await;
    root.patch(&path, json!({ "groups": ["dev", "crew"] })).await;
    root.patch(&path, json!({ "status": "disabled" })).await;
    root.patch(&path, json!({ "status": "disabled" })).await;
    root.patch(&path, json!({ "status": "active" })).await;
    root.delete(&path).await;

    let done =
        |kind, details| event(kind, (Some(&*admin), Some(&*user)), Some(&session), "ok", &details);
    let ended = json!({ "reason": "role_changed", "count": 1, "by_session": session });
    assert_eq!(
        events(&root, &format!("user={user}")).await[1..],
        [
            done("role_changed", json!({ "from": "user", "to": "admin" })),
            done("email_changed", json!({ "verified": true })),
            event("session_ended", (Some(&admin), Some(&user)), None, "ok", &ended),
            done("groups_changed", json!({ "added": ["dev", "ops"], "removed": [] })),
            done("groups_changed", json!({ "added": ["crew"], "removed": ["ops"] })),
            done("account_disabled", json!({})),
            done("account_enabled", json!({})),
            done("account_deleted", json!({})),
        ]
    );
    let by_root = events(&root, &format!("user={admin}")).await;
    assert!(by_root.contains(&done("account_deleted", json!({}))), "{by_root:?}");
}

async fn rev_11_every_end_of_a_session_is_recorded_with_its_reason_and_who_asked(kind: Kind) {
    let app = TestApp::start_with(kind, |options| options.policy.limit.most = 3).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    let (user, own_session) = (ada.user_id().await, ada.session_id().await);
    let phone = app.signed_in("ada@example.org").await;
    let phone_session = phone.session_id().await;
    let by_ada = |session: Option<&str>, details: Value| {
        event("session_ended", (Some(&*user), Some(&*user)), session, "ok", &details)
    };

    ada.revoke(&phone).await;
    let details = json!({ "reason": "revoked_by_user", "by_session": own_session });
    assert_eq!(newest(&root, "session_ended").await, by_ada(Some(&phone_session), details));

    app.signed_in("ada@example.org").await;
    app.signed_in("ada@example.org").await;
    ada.delete("/api/sessions").await;
    let details = json!({ "reason": "revoked_by_user", "count": 2, "by_session": own_session });
    assert_eq!(newest(&root, "session_ended").await, by_ada(None, details));

    // Three more: the fourth that is live evicts the first.
    let [.., last] = [
        app.signed_in("ada@example.org").await,
        app.signed_in("ada@example.org").await,
        app.signed_in("ada@example.org").await,
    ];
    let details = json!({ "reason": "session_limit", "by_session": last.session_id().await });
    assert_eq!(newest(&root, "session_ended").await, by_ada(Some(&own_session), details));

    let before = last.session_id().await;
    last.try_to_sign_in("ada@example.org", PASSWORD, false).await;
    let details = json!({ "reason": "replaced", "by_session": last.session_id().await });
    assert_eq!(newest(&root, "session_ended").await, by_ada(Some(&before), details));

    // Somebody else signs in where Ada was.
    let left = last.session_id().await;
    app.add("bob@example.org", Role::User).await;
    last.try_to_sign_in("bob@example.org", PASSWORD, false).await;
    let bob = last.user_id().await;
    let details = json!({ "reason": "signed_out", "by_session": last.session_id().await });
    let whose = (Some(&*bob), Some(&*user));
    assert_eq!(
        newest(&root, "session_ended").await,
        event("session_ended", whose, Some(&left), "ok", &details)
    );
    let visitor = app.browser();
    visitor.patch("/api/session/data", json!({ "a": 1 })).await;
    visitor.delete("/api/session").await;
    assert_eq!(newest(&root, "session_ended").await["session_id"], json!(left));
}

/// Waits for events that nobody waits for.
async fn eventually(root: &Browser, query: &str, count: usize) -> Vec<Value> {
    for _ in 0..1000 {
        let found = events(root, query).await;
        if found.len() >= count {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("there are no {count} events of {query}: {:?}", events(root, query).await);
}

async fn rev_11_timeouts_are_recorded_by_a_request_and_by_the_sweep(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    let (user, noticed) = (ada.user_id().await, ada.session_id().await);
    let swept = app.signed_in_as("ada@example.org", Role::User, true).await;
    let swept_session = swept.session_id().await;
    let visitor = app.browser();
    visitor.patch("/api/session/data", json!({ "a": 1 })).await;

    app.pass(HOUR).await;
    assert_eq!(ada.why_not().await, "idle_timeout");
    app.pass(24 * 30 * HOUR).await;
    let root = app.administrator("root@example.org").await;
    app.anteroom.sessions().sweep(100).await.unwrap();

    let events = eventually(&root, &format!("user={user}&kind=session_ended"), 2).await;
    for (event, session) in events.iter().zip([noticed, swept_session]) {
        let expected = json!({
            "kind": "session_ended", "actor": "server", "subject": user, "session_id": session,
            "network": null, "user_agent": "", "outcome": "ok",
            "details": { "reason": "idle_timeout" },
        });
        assert_eq!(*event, expected);
    }
    assert_eq!(events.len(), 2);
}

async fn attack_33_a_user_who_polls_while_disabled_is_out_and_the_trail_says_by_whom(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let admin = root.user_id().await;
    let ada = app.signed_in("ada@example.org").await;
    let user = ada.user_id().await;
    let polling = tokio::spawn(async move {
        while ada.is_signed_in().await {}
        ada.why_not().await
    });

    let path = format!("/api/admin/users/{user}");
    assert_eq!(root.patch(&path, json!({ "status": "disabled" })).await.status, 200);

    assert_eq!(polling.await.unwrap(), "account_disabled");
    let event = newest(&root, "account_disabled").await;
    assert_eq!((&event["actor"], &event["subject"]), (&json!(admin), &json!(user)));
    let event = newest(&root, "session_ended").await;
    assert_eq!((&event["actor"], &event["subject"]), (&json!(admin), &json!(user)));
    assert_eq!(event["details"]["reason"], "account_disabled");
}

async fn log_4_what_is_refused_at_the_door_is_recorded(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let foreign = |request: reqwest::RequestBuilder| request.header("Origin", "https://evil.test");
    app.browser().ask(Method::POST, "/logout", foreign).await;
    for _ in 0..31 {
        app.browser().patch("/api/session/data", json!({ "a": 1 })).await;
    }

    let refused = |kind, details| event(kind, (None, None), None, "refused", &details);
    assert_eq!(
        events(&root, "kind=cross_origin_refused").await,
        [refused("cross_origin_refused", json!({ "origin": "https://evil.test" }))]
    );
    assert_eq!(
        events(&root, "kind=throttled").await,
        [refused("throttled", json!({ "limit": "anonymous_sessions" }))]
    );
}

async fn log_4_the_setup_link_is_recorded_when_it_makes_an_administrator(kind: Kind) {
    let app = TestApp::start(kind).await;
    let link = app.anteroom.issue_setup_link().await.unwrap().unwrap();
    let token = link.split_once('=').unwrap().1;
    let root = app.browser();
    for password in ["short", PASSWORD] {
        let fields = [("token", token), ("email", "root@example.org"), ("password", password)];
        root.post_form("/setup", &fields).await;
    }

    let (user, session) = (root.user_id().await, root.session_id().await);
    assert_eq!(
        events(&root, "").await,
        [
            own("setup_used", &user, &session, &json!({})),
            own("signup", &user, &session, &json!({ "role": "admin" })),
        ]
    );
}

async fn adm_3_an_event_has_these_fields_and_no_other(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let page = root.get("/api/admin/audit").await.json();
    let names: Vec<&String> = page["events"][0].as_object().unwrap().keys().collect();
    assert_eq!(names, FIELDS);
    let names: Vec<&String> = page.as_object().unwrap().keys().collect();
    assert_eq!(names, ["events", "next_cursor"]);
    assert_eq!(page["events"][0]["time"], "2026-11-21T09:00:00Z");
}

async fn adm_5_events_are_listed_a_page_at_a_time(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    for n in 0..7 {
        let email = if n % 2 == 0 { "root@example.org" } else { "ada@example.org" };
        app.signed_in(email).await;
    }
    let admin = root.user_id().await;
    for query in
        ["", "kind=login&", &format!("user={admin}&"), &format!("user={admin}&kind=login&")]
    {
        let all = root.get(&format!("/api/admin/audit?{query}")).await.json()["events"].clone();
        let all = all.as_array().unwrap();
        assert!(all.len() >= 5, "{query}: {all:?}");
        let ids: Vec<&str> = all.iter().map(|event| event["id"].as_str().unwrap()).collect();
        assert!(ids.is_sorted_by(|newer, older| newer > older), "{query}: {ids:?}");
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/admin/audit?{query}limit=2{cursor}");
            let page = root.get(&path).await.json();
            paged.extend(page["events"].as_array().unwrap().clone());
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(paged, *all, "{query}");
    }
    for query in
        ["limit=0", "limit=201", "limit=x", "limit=+5", "cursor=x", "cursor=", "user=x", "kind=x"]
    {
        let answer = root.get(&format!("/api/admin/audit?{query}")).await;
        assert_eq!(answer.refusal(), (400, "invalid_input".to_owned()), "{query}");
    }
    assert_eq!(root.get("/api/admin/audit?limit=200").await.status, 200);
}

async fn the_trail_is_for_administrators_alone(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    let answer = ada.get("/api/admin/audit").await;
    assert_eq!(answer.refusal(), (404, "not_found".to_owned()));
    let answer = app.browser().get("/api/admin/audit?limit=0").await;
    assert_eq!(answer.refusal(), (401, "no_session".to_owned()));
    assert_eq!(ada.get("/api/admin/audit?limit=0").await.status, 404);
    for method in [Method::POST, Method::DELETE, Method::PUT, Method::PATCH] {
        let root = app.administrator("root@example.org").await;
        assert_eq!(root.send(method, "/api/admin/audit", json!({})).await.status, 405);
    }
}
