//! Accounts that an administrator makes, and the link by which their owner sets the password.

use anteroom::accounts::{InvitationDigest, UserId};
use serde_json::{Value, json};

use crate::audit::events;
use crate::harness::app::{
    DAY, HOUR, Kind, MINUTE, OTHER_PASSWORD, PASSWORD, TestApp, on_each_database,
};
use crate::harness::browser::{Answer, Browser};

on_each_database!(
    an_invited_user_sets_a_password_and_is_signed_in,
    an_invitation_works_once,
    a_new_invitation_voids_the_one_before,
    an_invitation_ends_with_its_time,
    an_invitation_is_void_once_the_account_is_changed,
    an_invitation_resets_a_password_and_ends_the_sessions_of_the_account,
    two_who_use_an_invitation_at_once_set_one_password,
    an_account_without_a_password_refuses_like_any_other,
    adm_2_making_accounts_and_invitations_needs_a_fresh_proof_and_is_recorded,
    what_cannot_be_accepted_makes_no_account,
    a_password_that_is_refused_leaves_the_invitation_as_it_is,
    the_store_keeps_no_secret_of_an_invitation,
);

fn path_of(answer: &Answer, app: &TestApp) -> String {
    let url = answer.json()["invitation"]["url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix(&app.public_url).unwrap_or_else(|| panic!("{url}"));
    assert_eq!(path.len(), "/invitation?token=".len() + 43, "{path}");
    path.to_owned()
}

/// Makes an account, and gives its id and the path of the invitation.
async fn invited(app: &TestApp, root: &Browser, email: &str) -> (String, String) {
    let answer = root.post("/api/admin/users", json!({ "email": email })).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    (answer.json()["user"]["id"].as_str().unwrap().to_owned(), path_of(&answer, app))
}

async fn accept(browser: &Browser, path: &str, password: &str) -> Answer {
    let token = path.split_once('=').unwrap().1;
    browser.post_form("/invitation", &[("token", token), ("password", password)]).await
}

async fn is_of_no_use(app: &TestApp, path: &str) {
    let browser = app.browser();
    for answer in [browser.get(path).await, accept(&browser, path, OTHER_PASSWORD).await] {
        assert_eq!(answer.status, 404, "{}", answer.text);
        assert!(answer.text.contains("Ask an administrator"), "{}", answer.text);
        assert_eq!(answer.set_cookies().len(), 0);
    }
}

async fn an_invited_user_sets_a_password_and_is_signed_in(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let new = json!({ "email": "ada@example.org", "name": "Ada", "role": "admin" });
    let answer = root.post("/api/admin/users", new).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let body = answer.json();
    let user = &body["user"];
    assert_eq!(
        (&user["email"], &user["name"], &user["role"], &user["status"], &user["email_verified"]),
        (&json!("ada@example.org"), &json!("Ada"), &json!("admin"), &json!("active"), &json!(true))
    );
    assert_eq!(body["invitation"]["expires_at"], "2026-11-28T09:00:00Z");
    let path = path_of(&answer, &app);

    let ada = app.browser();
    for _ in 0..2 {
        let page = ada.get(&path).await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains("ada@example.org"), "{}", page.text);
        assert_eq!(page.set_cookies().len(), 0, "looking uses nothing up");
    }
    let answer = accept(&ada, &path, PASSWORD).await;
    assert_eq!((answer.status, answer.location()), (303, "/account"), "{}", answer.text);
    assert_eq!(ada.whoami().await.json()["user"], *user);
    assert_eq!(app.browser().try_to_sign_in("ada@example.org", PASSWORD, false).await.status, 200);
}

async fn an_invitation_works_once(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let (_, path) = invited(&app, &root, "ada@example.org").await;
    assert_eq!(accept(&app.browser(), &path, PASSWORD).await.status, 303);

    is_of_no_use(&app, &path).await;
    is_of_no_use(&app, "/invitation?token=").await;
    is_of_no_use(&app, &format!("/invitation?token={}", "A".repeat(43))).await;
    let signed_in = app.browser().try_to_sign_in("ada@example.org", PASSWORD, false).await;
    assert_eq!(signed_in.status, 200);
}

async fn a_new_invitation_voids_the_one_before(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let (id, first) = invited(&app, &root, "ada@example.org").await;
    let answer = root.post(&format!("/api/admin/users/{id}/invitation"), json!({})).await;
    assert_eq!(answer.status, 201, "{}", answer.text);

    is_of_no_use(&app, &first).await;
    assert_eq!(accept(&app.browser(), &path_of(&answer, &app), PASSWORD).await.status, 303);
    for nobody in ["00000000-0000-7000-8000-000000000000", "x"] {
        let path = format!("/api/admin/users/{nobody}/invitation");
        assert_eq!(root.post(&path, json!({})).await.refusal(), (404, "not_found".to_owned()));
    }
}

async fn an_invitation_ends_with_its_time(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let (_, path) = invited(&app, &root, "ada@example.org").await;
    app.clock.advance(6 * DAY + 23 * HOUR);
    assert_eq!(app.browser().get(&path).await.status, 200);
    app.clock.advance(HOUR);

    is_of_no_use(&app, &path).await;
}

async fn an_invitation_is_void_once_the_account_is_changed(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    for (n, change) in
        [json!({ "status": "disabled" }), json!({ "email": "other@example.org" }), Value::Null]
            .into_iter()
            .enumerate()
    {
        let (id, path) = invited(&app, &root, &format!("ada{n}@example.org")).await;
        let account = format!("/api/admin/users/{id}");
        if change.is_null() {
            assert_eq!(root.delete(&account).await.status, 204);
        } else {
            assert_eq!(root.patch(&account, change).await.status, 200);
            // Enabled again, it does not come back.
            assert_eq!(root.patch(&account, json!({ "status": "active" })).await.status, 200);
        }
        is_of_no_use(&app, &path).await;
    }
    // A name or a role is no reason.
    let (id, path) = invited(&app, &root, "bob@example.org").await;
    let change = json!({ "name": "Bob", "role": "admin" });
    assert_eq!(root.patch(&format!("/api/admin/users/{id}"), change).await.status, 200);
    assert_eq!(accept(&app.browser(), &path, PASSWORD).await.status, 303);
    // Made for an account that is disabled, it works once that is enabled.
    let disabled = json!({ "email": "eve@example.org", "status": "disabled" });
    let answer = root.post("/api/admin/users", disabled).await;
    let path = path_of(&answer, &app);
    is_of_no_use(&app, &path).await;
    let account = format!("/api/admin/users/{}", answer.json()["user"]["id"].as_str().unwrap());
    assert_eq!(root.patch(&account, json!({ "status": "active" })).await.status, 200);
    assert_eq!(accept(&app.browser(), &path, PASSWORD).await.status, 303);
}

async fn an_invitation_resets_a_password_and_ends_the_sessions_of_the_account(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    let account = format!("/api/admin/users/{}", ada.user_id().await);
    let answer = root.post(&format!("{account}/invitation"), json!({})).await;
    assert!(ada.is_signed_in().await, "the present password stays until then");

    let phone = app.browser();
    assert_eq!(accept(&phone, &path_of(&answer, &app), OTHER_PASSWORD).await.status, 303);
    assert_eq!(ada.why_not().await, "password_changed");
    assert!(phone.is_signed_in().await);
    let refused = app.browser().try_to_sign_in("ada@example.org", PASSWORD, false).await;
    assert_eq!(refused.status, 401);
    let kinds: Vec<Value> = events(&root, &format!("user={}", phone.user_id().await))
        .await
        .iter()
        .map(|event| event["kind"].clone())
        .collect();
    let expected = [
        "login",
        "invitation_created",
        "password_changed",
        "session_ended",
        "login",
        "login_failed",
    ];
    assert_eq!(kinds, expected);
}

async fn two_who_use_an_invitation_at_once_set_one_password(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let (_, path) = invited(&app, &root, "ada@example.org").await;
    let (one, other) = (app.browser(), app.browser());
    let answers = futures_util::future::join(
        accept(&one, &path, PASSWORD),
        accept(&other, &path, OTHER_PASSWORD),
    )
    .await;

    let mut statuses = [answers.0.status, answers.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 404]);
    let winner = if answers.0.status == 303 { PASSWORD } else { OTHER_PASSWORD };
    let signed_in = app.browser().try_to_sign_in("ada@example.org", winner, false).await;
    assert_eq!(signed_in.status, 200);
}

async fn an_account_without_a_password_refuses_like_any_other(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    invited(&app, &root, "ada@example.org").await;
    app.add("bob@example.org", anteroom::accounts::Role::User).await;
    let told = async |email: &str, password: &str| {
        let answer = app.browser().try_to_sign_in(email, password, false).await;
        let mut body = answer.json();
        body.as_object_mut().unwrap().remove("request_id");
        (answer.status, body)
    };

    let refused = told("bob@example.org", "wrong password here").await;
    assert_eq!(refused.0, 401);
    for password in ["", "wrong password here", PASSWORD] {
        assert_eq!(told("ada@example.org", password).await, refused, "{password}");
    }
}

async fn adm_2_making_accounts_and_invitations_needs_a_fresh_proof_and_is_recorded(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let (id, _) = invited(&app, &root, "ada@example.org").await;
    let admin = root.user_id().await;
    let mut made = Vec::new();
    for event in events(&root, &format!("user={id}")).await {
        assert_eq!((&event["actor"], &event["subject"]), (&json!(admin), &json!(id)));
        made.push(event["kind"].clone());
    }
    assert_eq!(made, ["signup", "invitation_created"]);

    app.pass(10 * MINUTE).await;
    let stale = (403, "reauthentication_required".to_owned());
    let answer = root.post("/api/admin/users", json!({ "email": "bob@example.org" })).await;
    assert_eq!(answer.refusal(), stale);
    let path = format!("/api/admin/users/{id}/invitation");
    assert_eq!(root.post(&path, json!({})).await.refusal(), stale);
    assert_eq!(events(&root, &format!("user={id}")).await.len(), 2);
    let found = root.get("/api/admin/users?query=bob").await.json();
    assert_eq!(found["users"], json!([]));
}

async fn what_cannot_be_accepted_makes_no_account(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let wrong = json!({ "email": "x", "name": "a\u{0}", "role": "god", "status": "gone" });
    let answer = root.post("/api/admin/users", wrong).await;
    assert_eq!(answer.refusal(), (422, "invalid_input".to_owned()));
    assert_eq!(answer.json()["errors"].as_object().unwrap().len(), 4);
    for body in [json!({}), json!({ "email": "a@example.org", "password": PASSWORD })] {
        let answer = root.post("/api/admin/users", body).await;
        assert_eq!(answer.refusal(), (400, "malformed_body".to_owned()));
    }
    let taken = root.post("/api/admin/users", json!({ "email": "root@example.org" })).await;
    assert_eq!(taken.refusal(), (409, "email_taken".to_owned()));
    assert_eq!(root.get("/api/admin/users").await.json()["users"].as_array().unwrap().len(), 1);
}

async fn a_password_that_is_refused_leaves_the_invitation_as_it_is(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let (_, path) = invited(&app, &root, "ada@example.org").await;
    let ada = app.browser();
    for weak in ["", "short", "ada@example.org"] {
        let page = accept(&ada, &path, weak).await;
        assert_eq!(page.status, 422, "{weak}");
        assert!(page.text.contains("name=\"token\""), "the form is shown again");
    }
    assert_eq!(accept(&ada, &path, PASSWORD).await.status, 303);
}

async fn the_store_keeps_no_secret_of_an_invitation(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let (id, path) = invited(&app, &root, "ada@example.org").await;
    let secret = path.split_once('=').unwrap().1.to_owned();
    let user = UserId::parse(&id).unwrap();
    let found = app.anteroom.accounts().invited(&InvitationDigest::of(&secret)).await.unwrap();
    assert_eq!(found.map(|account| account.user.id), Some(user));
    let trail = root.get("/api/admin/audit?limit=200").await.text;
    assert!(!trail.contains(&secret));
    for file in ["anteroom.db", "anteroom.db-wal"] {
        let bytes = std::fs::read(app.folder.path().join(file)).unwrap_or_default();
        let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!found, "{file} has the secret");
    }
}

#[tokio::test]
async fn adm_4_an_administrator_who_has_no_password_yet_is_not_the_last() {
    let app = TestApp::start(Kind::Database).await;
    let root = app.administrator("root@example.org").await;
    let id = root.user_id().await;
    let new = json!({ "email": "ada@example.org", "role": "admin" });
    let answer = root.post("/api/admin/users", new).await;
    let (invited, path) = (answer.json()["user"]["id"].clone(), path_of(&answer, &app));
    let one = format!("/api/admin/users/{id}");
    for answer in [
        root.delete("/api/account").await,
        root.delete(&one).await,
        root.patch(&one, json!({ "role": "user" })).await,
        root.patch(&one, json!({ "status": "disabled" })).await,
    ] {
        assert_eq!(answer.refusal(), (409, "last_administrator".to_owned()));
    }
    let other = format!("/api/admin/users/{}", invited.as_str().unwrap());
    for role in ["user", "admin"] {
        assert_eq!(root.patch(&other, json!({ "role": role })).await.status, 200, "{role}");
    }
    assert_eq!(accept(&app.browser(), &path, PASSWORD).await.status, 303);
    assert_eq!(root.delete("/api/account").await.status, 204);
    assert!(app.anteroom.accounts().has_administrator().await.unwrap());
}

#[tokio::test]
async fn an_invitation_and_a_proof_from_the_future_do_not_count() {
    let app = TestApp::start(Kind::Database).await;
    let root = app.administrator("root@example.org").await;
    let (_, path) = invited(&app, &root, "ada@example.org").await;
    let now = app.clock.now();

    app.clock.set(now - time::Duration::HOUR);

    let answer = root.post("/api/admin/users", json!({ "email": "bob@example.org" })).await;
    assert_eq!(answer.refusal(), (403, "reauthentication_required".to_owned()));
    is_of_no_use(&app, &path).await;
    app.clock.set(now - time::Duration::seconds(3));
    assert_eq!(accept(&app.browser(), &path, PASSWORD).await.status, 303);
    let answer = root.post("/api/admin/users", json!({ "email": "bob@example.org" })).await;
    assert_eq!(answer.status, 201);
}
