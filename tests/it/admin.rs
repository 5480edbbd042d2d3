//! What administrators do to accounts, and that nobody else does.

use anteroom::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::app::{Kind, MINUTE, PASSWORD, TestApp, on_each_database};

on_each_database!(
    adm_1_others_get_404,
    a_change_holds_at_the_next_request_of_every_session,
    rev_10_disabling_ends_every_session_and_enabling_brings_none_back,
    life_5_attack_34_a_new_role_ends_the_sessions_it_was_not_given_to,
    adm_2_every_change_needs_a_fresh_proof,
    adm_4_the_last_active_administrator_stays,
    adm_4_two_administrators_cannot_remove_each_other_at_once,
    adm_5_accounts_are_listed_a_page_at_a_time,
    pw_10_what_cannot_be_accepted_changes_nothing,
    deleting_an_account_ends_its_sessions,
    adm_1_no_spelling_of_a_path_or_method_leads_past_the_check,
    adm_3_an_administrator_sees_only_what_is_meant_to_be_seen,
    adm_4_nobody_raises_their_own_role,
    adm_5_no_parameter_orders_or_widens_the_list,
);

const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

async fn adm_1_others_get_404(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    let visitor = app.browser();
    visitor.patch("/api/session/data", json!({ "a": 1 })).await;
    let one = format!("/api/admin/users/{}", root.user_id().await);
    let nothing = ada.get("/api/nothing/here").await;

    for (method, path) in [
        (Method::GET, "/api/admin/users"),
        (Method::GET, &*one),
        (Method::PATCH, &one),
        (Method::DELETE, &one),
    ] {
        let body = json!({ "role": "user" });
        let answer = ada.send(method.clone(), path, body.clone()).await;
        assert_eq!(answer.refusal(), (404, "not_found".to_owned()), "{method} {path}");
        assert_eq!(answer.json()["detail"], nothing.json()["detail"]);
        for nobody in [&app.browser(), &visitor] {
            let answer = nobody.send(method.clone(), path, body.clone()).await;
            assert_eq!(answer.refusal(), (401, "no_session".to_owned()), "{method} {path}");
        }
    }
    for path in ["/api/admin/users/", "/api/admin/Users", "/api/admin", "/api/%61dmin/users"] {
        assert_eq!(ada.get(path).await.status, 404, "{path}");
    }
    assert_eq!(root.get(&one).await.json()["user"]["role"], "admin");
}

async fn a_change_holds_at_the_next_request_of_every_session(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let laptop = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;
    let path = format!("/api/admin/users/{}", laptop.user_id().await);
    laptop.patch("/api/account", json!({ "email": "unverified@example.org" })).await;

    let change = json!({ "name": "Lovelace", "email": "lovelace@example.org" });
    let answer = root.patch(&path, change).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    for browser in [&laptop, &phone] {
        let user = browser.whoami().await.json()["user"].clone();
        assert_eq!(
            (&user["name"], &user["email"]),
            (&json!("Lovelace"), &json!("lovelace@example.org"))
        );
        assert_eq!(user["email_verified"], true);
        let verified = browser.get("/auth/verify").await;
        assert_eq!(verified.header("remote-email"), "lovelace@example.org");
    }
    assert_eq!(root.get(&path).await.json(), answer.json());
}

async fn rev_10_disabling_ends_every_session_and_enabling_brings_none_back(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let laptop = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;
    let path = format!("/api/admin/users/{}", laptop.user_id().await);

    let answer = root.patch(&path, json!({ "status": "disabled" })).await;
    assert_eq!((answer.status, &answer.json()["user"]["status"]), (200, &json!("disabled")));
    assert_eq!(laptop.why_not().await, "account_disabled");
    assert_eq!(phone.get("/auth/verify").await.status, 401);
    let refused = app.browser().try_to_sign_in("ada@example.org", PASSWORD, false).await;
    assert_eq!(refused.refusal(), (401, "invalid_credentials".to_owned()));

    assert_eq!(root.patch(&path, json!({ "status": "active" })).await.status, 200);
    assert_eq!(laptop.why_not().await, "account_disabled");
    assert_eq!(phone.why_not().await, "account_disabled");
    assert!(app.signed_in("ada@example.org").await.is_signed_in().await);
}

async fn life_5_attack_34_a_new_role_ends_the_sessions_it_was_not_given_to(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    let path = format!("/api/admin/users/{}", ada.user_id().await);

    assert_eq!(root.patch(&path, json!({ "role": "admin" })).await.status, 200);
    assert_eq!(ada.why_not().await, "role_changed");
    let ada = app.signed_in("ada@example.org").await;
    assert_eq!(ada.get("/api/admin/users").await.status, 200);
    assert_eq!(ada.get("/auth/verify").await.header("remote-groups"), "admin");

    assert_eq!(root.patch(&path, json!({ "role": "user" })).await.status, 200);
    assert_eq!(ada.get("/api/admin/users").await.refusal(), (401, "role_changed".to_owned()));
    let ada = app.signed_in("ada@example.org").await;
    assert_eq!(ada.get("/api/admin/users").await.status, 404);
    // The role that somebody has already changes nothing.
    assert_eq!(root.patch(&path, json!({ "role": "user" })).await.status, 200);
    assert!(ada.is_signed_in().await);
}

async fn adm_2_every_change_needs_a_fresh_proof(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    let path = format!("/api/admin/users/{}", ada.user_id().await);
    app.pass(10 * MINUTE).await;

    for body in
        [json!({ "name": "X" }), json!({ "status": "disabled" }), json!({ "groups": ["x"] })]
    {
        let answer = root.patch(&path, body).await;
        assert_eq!(answer.refusal(), (403, "reauthentication_required".to_owned()));
    }
    let answer = root.delete(&path).await;
    assert_eq!(answer.refusal(), (403, "reauthentication_required".to_owned()));
    assert_eq!(ada.whoami().await.json()["user"]["name"], "Ada");
    assert_eq!(root.get(&path).await.status, 200, "looking needs no proof");

    root.reauthenticate(PASSWORD).await;
    assert_eq!(root.patch(&path, json!({ "name": "X" })).await.status, 200);
}

async fn adm_4_the_last_active_administrator_stays(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let own = format!("/api/admin/users/{}", root.user_id().await);
    let second = app.administrator("second@example.org").await;
    let other = format!("/api/admin/users/{}", second.user_id().await);
    assert_eq!(root.patch(&other, json!({ "status": "disabled" })).await.status, 200);

    let last = (409, "last_administrator".to_owned());
    assert_eq!(root.patch(&own, json!({ "role": "user" })).await.refusal(), last);
    assert_eq!(root.patch(&own, json!({ "status": "disabled" })).await.refusal(), last);
    assert_eq!(root.delete(&own).await.refusal(), last);
    assert_eq!(root.delete("/api/account").await.refusal(), last);
    assert!(root.is_signed_in().await);
    assert_eq!(root.patch(&own, json!({ "name": "Still here" })).await.status, 200);
}

async fn adm_4_two_administrators_cannot_remove_each_other_at_once(kind: Kind) {
    for _ in 0..5 {
        let app = TestApp::start(kind).await;
        let one = app.administrator("one@example.org").await;
        let other = app.administrator("other@example.org").await;
        let path_one = format!("/api/admin/users/{}", one.user_id().await);
        let path_other = format!("/api/admin/users/{}", other.user_id().await);
        let demote = json!({ "role": "user" });

        futures_util::future::join(
            one.patch(&path_other, demote.clone()),
            other.patch(&path_one, demote),
        )
        .await;

        assert!(app.anteroom.accounts().has_administrator().await.unwrap());
    }
}

async fn adm_5_accounts_are_listed_a_page_at_a_time(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    for n in 0..5 {
        app.add(&format!("user{n}@example.org"), Role::User).await;
    }
    let emails = |body: &Value| -> Vec<String> {
        let users = body["users"].as_array().unwrap();
        users.iter().map(|user| user["email"].as_str().unwrap().to_owned()).collect()
    };

    let mut seen = Vec::new();
    let mut path = "/api/admin/users?limit=4".to_owned();
    loop {
        let body = root.get(&path).await.json();
        seen.extend(emails(&body));
        let Some(cursor) = body["next_cursor"].as_str() else { break };
        path = format!("/api/admin/users?limit=4&cursor={cursor}");
    }
    assert_eq!(seen.len(), 6);
    assert_eq!(seen[0], "root@example.org");
    seen.dedup();
    assert_eq!(seen.len(), 6);

    let found = root.get("/api/admin/users?query=USER3").await.json();
    assert_eq!(emails(&found), ["user3@example.org"]);
    for all_or_nothing in ["%25", "_", "%27%20OR%201%3D1%20--"] {
        let found = root.get(&format!("/api/admin/users?query={all_or_nothing}")).await;
        assert_eq!((found.status, emails(&found.json()).len()), (200, 0), "{all_or_nothing}");
    }
    for bad in ["limit=0", "limit=-1", "limit=201", "limit=1e3", "limit=", "limit=%2B5", "cursor=x"]
    {
        let answer = root.get(&format!("/api/admin/users?{bad}")).await;
        assert_eq!(answer.refusal(), (400, "invalid_input".to_owned()), "{bad}");
    }
    assert_eq!(root.get("/api/admin/users?limit=1&limit=2").await.status, 400);
}

async fn pw_10_what_cannot_be_accepted_changes_nothing(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    let path = format!("/api/admin/users/{}", ada.user_id().await);

    let body = json!({
        "status": "gone", "role": "god", "groups": ["a b"], "name": "a\u{0}", "email": "x"
    });
    let answer = root.patch(&path, body).await;
    assert_eq!(answer.refusal(), (422, "invalid_input".to_owned()));
    let errors = answer.json()["errors"].clone();
    assert_eq!(errors.as_object().unwrap().len(), 5, "{errors}");
    let taken = root.patch(&path, json!({ "email": "root@example.org" })).await;
    assert_eq!(taken.refusal(), (409, "email_taken".to_owned()));
    for extra in ["password", "epoch", "email_verified", "id"] {
        let answer = root.patch(&path, json!({ extra: true })).await;
        assert_eq!(answer.refusal(), (400, "malformed_body".to_owned()), "{extra}");
    }
    for id in [NOBODY, "x", "%ff", "%00"] {
        let path = format!("/api/admin/users/{id}");
        let missing = (404, "not_found".to_owned());
        assert_eq!(root.get(&path).await.refusal(), missing, "{id}");
        assert_eq!(root.patch(&path, json!({ "name": "X" })).await.refusal(), missing, "{id}");
        assert_eq!(root.delete(&path).await.refusal(), missing, "{id}");
    }
    assert!(ada.is_signed_in().await);
}

async fn deleting_an_account_ends_its_sessions(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    let path = format!("/api/admin/users/{}", ada.user_id().await);

    assert_eq!(root.delete(&path).await.status, 204);

    assert_eq!(ada.why_not().await, "account_deleted");
    assert_eq!(root.get(&path).await.status, 404);
    assert_eq!(root.delete(&path).await.status, 404);
    assert_eq!(app.live_sessions().await.len(), 1);
}

async fn adm_1_no_spelling_of_a_path_or_method_leads_past_the_check(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    let id = root.user_id().await;
    for browser in [&ada, &app.browser()] {
        for path in [
            "/api/admin/users/",
            "/api/admin//users",
            "//api/admin/users",
            "/API/admin/users",
            "/api/Admin/users",
            "/api/admin/users%2f",
            "/api/admin/%75sers",
            "/api/%61dmin/users",
            "/api/admin/users;x=1",
            "/api/admin/users%00",
            "/api/admin/users.json",
            "/api/x/%2e%2e/admin/users",
            "/api/admin%2fusers",
            "/api/admin%5cusers",
            "/admin/api/users",
        ] {
            let line = format!("GET {path} HTTP/1.1");
            let cookie = format!("Cookie: anteroom={}\r\n", browser.token());
            let answer = crate::harness::wire::raw(&app, &line, cookie.as_bytes(), b"").await;
            assert_eq!(answer.status, 404, "{path}");
        }
        for (method, path) in [("HEAD", ""), ("HEAD", &*id), ("GET", ""), ("GET", &*id)] {
            let path = format!("/api/admin/users/{path}");
            let method: Method = method.parse().unwrap();
            let answer = browser.ask(method, path.trim_end_matches('/'), |r| r).await;
            assert!([401, 404].contains(&answer.status), "{path}: {}", answer.status);
            assert!(!answer.text.contains("root@example.org"));
        }
    }
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

async fn adm_3_an_administrator_sees_only_what_is_meant_to_be_seen(kind: Kind) {
    const USER: [&str; 9] = [
        "created_at",
        "email",
        "email_display",
        "email_verified",
        "groups",
        "id",
        "name",
        "role",
        "status",
    ];
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    let path = format!("/api/admin/users/{}", ada.user_id().await);
    let shown = [
        root.get(&path).await,
        root.patch(&path, json!({ "name": "X" })).await,
        root.get("/api/admin/users").await,
    ];
    assert_eq!(keys(&shown[0].json()), ["user"]);
    assert_eq!(keys(&shown[0].json()["user"]), USER);
    assert_eq!(keys(&shown[1].json()["user"]), USER);
    assert_eq!(keys(&shown[2].json()), ["next_cursor", "users"]);
    assert_eq!(keys(&shown[2].json()["users"][0]), USER);
    for answer in shown {
        assert!(!answer.text.contains("argon2"), "{}", answer.text);
        assert!(!answer.text.contains(&ada.token()), "{}", answer.text);
    }
}

async fn adm_4_nobody_raises_their_own_role(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    for field in ["role", "groups", "status", "is_admin", "email_verified", "id", "epoch"] {
        let answer = ada.patch("/api/account", json!({ field: "admin" })).await;
        assert_eq!(answer.refusal(), (400, "malformed_body".to_owned()), "{field}");
    }
    let fields = [("current_password", PASSWORD), ("new_password", "short"), ("role", "admin")];
    assert_eq!(ada.post_form("/account/password", &fields).await.status, 422);
    let fields = [("password", PASSWORD), ("role", "admin"), ("is_admin", "true")];
    assert_eq!(ada.post_form("/reauthenticate", &fields).await.status, 303);
    let user = ada.whoami().await.json()["user"].clone();
    assert_eq!((&user["role"], &user["status"]), (&json!("user"), &json!("active")));
    assert_eq!(ada.get("/api/admin/users").await.status, 404);
}

async fn adm_5_no_parameter_orders_or_widens_the_list(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    for n in 0..3 {
        app.add(&format!("user{n}@example.org"), Role::User).await;
    }
    let plain = root.get("/api/admin/users?limit=2").await.json();
    for bad in ["0", "-1", "201", "1000000000", "99999999999999999999", "1%00", "2%20", "NaN"] {
        let answer = root.get(&format!("/api/admin/users?limit={bad}")).await;
        assert_eq!(answer.refusal(), (400, "invalid_input".to_owned()), "{bad}");
    }
    for odd in ["sort=;%20DROP%20TABLE%20users", "order=email", "offset=1", "fields=password_hash"]
    {
        let answer = root.get(&format!("/api/admin/users?limit=2&{odd}")).await;
        assert_eq!((answer.status, answer.json()), (200, plain.clone()), "{odd}");
    }
}

#[tokio::test]
async fn people_are_found_and_shown_in_their_own_spelling() {
    let app = TestApp::start(Kind::Database).await;
    let root = app.administrator("root@example.org").await;
    let new = json!({ "email": "info@MÜLLER.example", "name": "José 김민수" });
    assert_eq!(root.post("/api/admin/users", new).await.status, 201);
    let spellings = [
        "müller",
        "mu\u{308}ller",
        "MÜLL",
        "ｍüｌｌｅｒ",
        "xn--mller",
        "info@müller.example",
        "jose\u{301}",
        "ＪＯＳÉ",
        "\u{1100}\u{1175}\u{11B7}",
        "\u{A0}josé\u{200B}",
    ];
    for typed in spellings {
        let query: String = url::form_urlencoded::byte_serialize(typed.as_bytes()).collect();
        let found = root.get(&format!("/api/admin/users?query={query}")).await.json();
        let users = found["users"].as_array().unwrap();
        assert_eq!(users.len(), 1, "{typed:?}");
        assert_eq!(users[0]["email"], "info@xn--mller-kva.example");
        assert_eq!(users[0]["email_display"], "info@müller.example");
        let page = root.get(&format!("/admin/users?query={query}")).await;
        assert!(page.text.contains("info@müller.example"), "{typed:?}");
    }
    let kind = root
        .get("/api/admin/audit?kind=%EF%BD%93%EF%BD%89%EF%BD%87%EF%BD%8E%EF%BD%95%EF%BD%90")
        .await;
    assert_eq!(kind.status, 200, "full width letters");
}
