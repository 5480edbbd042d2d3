//! What people see of themselves: profile, activity, what the server remembers, their data.

use anteroom::accounts::Role;
use serde_json::json;

use crate::harness::app::{Kind, MINUTE, OTHER_PASSWORD, PASSWORD, TestApp, on_one_store};

/// How the link to older entries begins.
const OLDER: &str = "<a class=\"button\" href=\"/account/activity?cursor=";

on_one_store!(
    the_profile_page_changes_name_and_address,
    a_new_address_on_the_page_asks_for_a_fresh_proof,
    log_5_the_activity_page_tells_sign_ins_failures_and_changes,
    the_address_and_browser_of_an_administrator_are_not_shown,
    the_server_shows_what_it_remembers_and_not_the_token,
    one_takes_ones_data_along,
    leaving_by_the_page_needs_a_tick_and_a_fresh_proof,
    the_last_administrator_cannot_leave_by_the_page,
    all_sessions_end_by_one_button,
    a_page_that_left_says_why,
);

async fn the_profile_page_changes_name_and_address(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    assert!(browser.get("/account/profile").await.text.contains("value=\"ada@example.org\""));

    let fields = [("name", "Ada Lovelace"), ("email", "lovelace@example.org")];
    let answer = browser.post_form("/account/profile", &fields).await;
    assert_eq!((answer.status, answer.location()), (303, "/account?done=profile"));
    let page = browser.get("/account?done=profile").await.text;
    assert!(page.contains("lovelace@example.org") && page.contains("Ada Lovelace"));
    assert!(page.contains("Your profile was changed."));

    app.signed_in("bob@example.org").await;
    for (email, words) in [
        ("bob@example.org", "There is an account with this email address already."),
        ("not an address", "An email address has one @, such as name@example.com."),
    ] {
        let fields = [("name", "Countess"), ("email", email)];
        let answer = browser.post_form("/account/profile", &fields).await;
        assert!([409, 422].contains(&answer.status), "{}", answer.status);
        assert!(answer.text.contains(words), "{email}");
        assert!(answer.text.contains("value=\"Countess\"") && answer.text.contains(email));
    }
    let fields = [("name", &*"x".repeat(101)), ("email", "lovelace@example.org")];
    let answer = browser.post_form("/account/profile", &fields).await;
    assert_eq!(answer.status, 422);
    assert_eq!(browser.whoami().await.json()["user"]["name"], "Ada Lovelace");
}

async fn a_new_address_on_the_page_asks_for_a_fresh_proof(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    app.pass(10 * MINUTE).await;

    let fields = [("name", "Both or neither"), ("email", "lovelace@example.org")];
    let answer = browser.post_form("/account/profile", &fields).await;
    assert_eq!(answer.location(), "/reauthenticate?next=/account/profile");
    assert_eq!(browser.whoami().await.json()["user"]["name"], "Ada");
    let fields = [("name", "Ada L."), ("email", "ada@example.org")];
    let answer = browser.post_form("/account/profile", &fields).await;
    assert_eq!(answer.location(), "/account?done=profile");
}

async fn log_5_the_activity_page_tells_sign_ins_failures_and_changes(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    app.signed_in("bob@example.org").await;
    app.browser().try_to_sign_in("ada@example.org", "not her password at all", false).await;
    assert_eq!(browser.change_password(PASSWORD, OTHER_PASSWORD).await.status, 204);

    let page = browser.get("/account/activity").await.text;
    for words in ["Signed in", "Failed sign-in: wrong password", "Password changed"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(page.contains("Firefox on Linux · 127.0.0.1"), "{page}");
    let places = ["Password changed", "Failed sign-in", "Signed in"].map(|words| page.find(words));
    assert!(places.is_sorted(), "{places:?}");
    assert!(!page.contains(OLDER));

    for _ in 0..30 {
        browser.reauthenticate(OTHER_PASSWORD).await;
        browser.reauthenticate("not her password at all").await;
        app.pass(MINUTE / 2).await;
    }
    let page = browser.get("/account/activity").await.text;
    assert_eq!(page.matches("<li>").count(), 50);
    let older = page.split_once(OLDER).unwrap().1.split('"').next().unwrap();
    let page = browser.get(&format!("/account/activity?cursor={older}")).await.text;
    assert!(page.contains("Signed in") && !page.contains(OLDER));
    assert_eq!(browser.get("/account/activity?cursor=nonsense").await.status, 200);
}

async fn the_address_and_browser_of_an_administrator_are_not_shown(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let id = browser.user_id().await;
    let root = app.administrator("root@example.org").await;
    let root_id = root.user_id().await;
    let path = format!("/api/admin/users/{id}");
    for status in ["disabled", "active"] {
        let request = root.request(reqwest::Method::PATCH, &path);
        let request =
            request.header("User-Agent", "RootBrowser/1").json(&json!({ "status": status }));
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    browser.try_to_sign_in("ada@example.org", PASSWORD, false).await;

    let page = browser.get("/account/activity").await.text;
    assert!(page.contains("Account disabled") && page.contains("By an administrator"));
    let data = browser.get("/api/account/data").await;
    let events = data.json()["events"].as_array().unwrap().clone();
    let disabled = events.iter().find(|event| event["kind"] == "account_disabled").unwrap();
    assert_eq!(disabled["actor"], "administrator");
    assert_eq!((&disabled["network"], &disabled["user_agent"]), (&json!(null), &json!("")));
    for text in [&page, &data.text] {
        assert!(!text.contains("RootBrowser") && !text.contains(&root_id), "{text}");
    }
}

async fn the_server_shows_what_it_remembers_and_not_the_token(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in_as("ada@example.org", Role::User, true).await;
    browser.patch("/api/session/data", json!({ "cart": ["<b>tea</b>"] })).await;
    let session = browser.session().await;

    let page = browser.get("/account/remembered").await.text;

    assert!(!page.contains(&browser.token()));
    for field in ["id", "user_id", "created_at", "idle_expires_at", "expires_at", "user_agent"] {
        let value = session[field].as_str().unwrap();
        assert!(page.contains(&format!("<code>{field}</code>")) && page.contains(value), "{field}");
    }
    for words in ["Cookie: anteroom=", "remember_me", "127.0.0.1", "token_digest"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(page.contains("&#60;b&#62;tea") || page.contains("&lt;b&gt;tea"), "{page}");
    let digest = page.split("token_digest</code>").nth(1).unwrap();
    let digest: String = digest.split("<bdi>").nth(1).unwrap().chars().take(9).collect();
    assert!(
        digest.ends_with('…') && digest[..8].bytes().all(|b| b.is_ascii_hexdigit()),
        "{digest}"
    );
}

async fn one_takes_ones_data_along(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;
    app.signed_in("bob@example.org").await;
    browser.patch("/api/session/data", json!({ "cart": 2 })).await;

    let answer = browser.get("/api/account/data").await;

    assert_eq!(answer.header("content-type"), "application/json");
    let disposition = answer.header("content-disposition");
    assert_eq!(disposition, "attachment; filename=\"anteroom-data.json\"");
    let data = answer.json();
    assert_eq!(data["user"]["email"], "ada@example.org");
    assert_eq!(data["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(data["session_data"], json!({ "cart": 2 }));
    assert_eq!(data["has_older_events"], false);
    let kinds: Vec<_> =
        data["events"].as_array().unwrap().iter().map(|e| e["kind"].clone()).collect();
    assert_eq!(kinds, ["login", "login"]);
    for secret in
        [browser.token(), phone.token(), "bob@example.org".to_owned(), "argon2".to_owned()]
    {
        assert!(!answer.text.contains(&secret));
    }
}

async fn leaving_by_the_page_needs_a_tick_and_a_fresh_proof(kind: Kind) {
    let app = TestApp::start(kind).await;
    let (browser, phone) =
        (app.signed_in("ada@example.org").await, app.signed_in("ada@example.org").await);
    app.pass(10 * MINUTE).await;
    let to_prove = "/reauthenticate?next=/account/delete";
    assert_eq!(browser.get("/account/delete").await.location(), to_prove);
    let confirmed = [("confirm", "true")];
    assert_eq!(browser.post_form("/account/delete", &confirmed).await.location(), to_prove);
    browser.reauthenticate(PASSWORD).await;

    let answer = browser.post_form("/account/delete", &[]).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text.contains("Tick the box") && browser.is_signed_in().await);

    let answer = browser.post_form("/account/delete", &confirmed).await;
    assert_eq!((answer.status, answer.location()), (303, "/login?ended=account_deleted"));
    assert_eq!(browser.token(), "");
    assert!(browser.get(answer.location()).await.text.contains("This account was deleted."));
    assert_eq!(phone.why_not().await, "account_deleted");
}

async fn the_last_administrator_cannot_leave_by_the_page(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let answer = root.post_form("/account/delete", &[("confirm", "true")]).await;
    assert_eq!(answer.status, 409);
    assert!(answer.text.contains("Make somebody else an administrator first"));
    assert!(root.is_signed_in().await);
}

async fn all_sessions_end_by_one_button(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let (copy, phone) = (browser.copy(), app.signed_in("ada@example.org").await);
    let answer = browser.post_form("/account/sessions/revoke-all", &[]).await;
    assert_eq!((answer.status, answer.location()), (303, "/login?ended=signed_out"));
    assert_eq!(browser.token(), "");
    for other in [copy, phone] {
        assert_eq!(other.why_not().await, "revoked_by_user");
    }
}

async fn a_page_that_left_says_why(kind: Kind) {
    let app = TestApp::start(kind).await;
    let visitor = app.browser();
    let page = visitor.get("/login?ended=revoked_by_admin").await.text;
    assert!(page.contains("An administrator ended this session."));
    let page = visitor.get("/login?ended=%3Cscript%3E").await.text;
    assert!(!page.contains("class=\"banner") && !page.contains("&lt;script"));
    // What the cookie says counts for more than what an address says.
    let browser = app.signed_in("ada@example.org").await;
    browser.copy().delete("/api/session").await;
    let page = browser.get("/login?ended=account_deleted").await.text;
    assert!(page.contains("You are signed out.") && !page.contains("deleted"));
}
