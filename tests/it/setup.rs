//! The one-time link by which the first administrator is made.

use anteroom::accounts::Role;
use futures_util::future::join;

use crate::harness::app::{Kind, PASSWORD, TestApp, on_one_store};
use crate::harness::browser::{Answer, Browser};

on_one_store!(
    pw_10_the_link_makes_one_administrator,
    pw_10_two_parallel_uses_make_one_administrator,
    a_link_that_failed_works_again,
    a_link_lasts_an_hour,
    a_new_link_voids_the_one_before,
    a_link_is_needless_once_there_is_an_administrator,
    adm_6_a_fresh_server_has_no_account_at_all,
);

async fn token(app: &TestApp) -> String {
    let link = app.anteroom.issue_setup_link().await.unwrap().unwrap();
    let prefix = format!("{}/setup?token=", app.public_url);
    link.strip_prefix(&prefix).unwrap().to_owned()
}

async fn set_up(browser: &Browser, token: &str, email: &str, password: &str) -> Answer {
    let fields = [("token", token), ("email", email), ("password", password), ("name", "Root")];
    browser.post_form("/setup", &fields).await
}

async fn is_needless(app: &TestApp, token: &str) {
    for answer in [
        app.browser().get(&format!("/setup?token={token}")).await,
        set_up(&app.browser(), token, "evil@example.org", PASSWORD).await,
    ] {
        assert_eq!(answer.status, 404);
        assert!(answer.text.contains("anteroom user add --admin"), "{}", answer.text);
        assert_eq!(answer.set_cookies().len(), 0);
    }
    let evil = app.browser().try_to_sign_in("evil@example.org", PASSWORD, false).await;
    assert_eq!(evil.status, 401);
}

async fn pw_10_the_link_makes_one_administrator(kind: Kind) {
    let app = TestApp::start(kind).await;
    let token = token(&app).await;
    is_needless(&app, "").await;
    is_needless(&app, &"A".repeat(43)).await;
    let browser = app.browser();
    for _ in 0..2 {
        assert_eq!(browser.get(&format!("/setup?token={token}")).await.status, 200);
    }

    let answer = set_up(&browser, &token, "root@example.org", PASSWORD).await;

    assert_eq!((answer.status, answer.location()), (303, "/account"));
    let user = browser.whoami().await.json()["user"].clone();
    assert_eq!((&user["role"], &user["email_verified"]), (&"admin".into(), &true.into()));
    assert_eq!(browser.session().await["idle_expires_at"], "2026-11-21T09:15:00Z");
    is_needless(&app, &token).await;
    assert_eq!(app.anteroom.issue_setup_link().await.unwrap(), None);
}

async fn pw_10_two_parallel_uses_make_one_administrator(kind: Kind) {
    let app = TestApp::start(kind).await;
    let token = token(&app).await;
    let (one, other) = (app.browser(), app.browser());

    let (first, second) = join(
        set_up(&one, &token, "one@example.org", PASSWORD),
        set_up(&other, &token, "other@example.org", PASSWORD),
    )
    .await;

    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 404]);
    assert_eq!(app.live_sessions().await.len(), 1);
}

async fn a_link_that_failed_works_again(kind: Kind) {
    let app = TestApp::start(kind).await;
    app.add("ada@example.org", Role::User).await;
    let token = token(&app).await;
    let browser = app.browser();

    let short = set_up(&browser, &token, "root@example.org", "short").await;
    assert_eq!(short.status, 422);
    assert!(short.text.contains("This password is too short") && short.text.contains(&token));
    assert_eq!(set_up(&browser, &token, "ada@example.org", PASSWORD).await.status, 409);
    assert_eq!(set_up(&browser, &token, "nobody", PASSWORD).await.status, 422);
    assert_eq!(set_up(&browser, &token, "root@example.org", PASSWORD).await.status, 303);
}

async fn a_link_lasts_an_hour(kind: Kind) {
    let app = TestApp::start(kind).await;
    let token = token(&app).await;

    app.pass(std::time::Duration::from_mins(59)).await;
    assert_eq!(app.browser().get(&format!("/setup?token={token}")).await.status, 200);
    app.pass(std::time::Duration::from_mins(1)).await;
    is_needless(&app, &token).await;
}

async fn a_new_link_voids_the_one_before(kind: Kind) {
    let app = TestApp::start(kind).await;
    let old = token(&app).await;
    let new = token(&app).await;

    is_needless(&app, &old).await;
    assert_eq!(set_up(&app.browser(), &new, "root@example.org", PASSWORD).await.status, 303);
}

async fn a_link_is_needless_once_there_is_an_administrator(kind: Kind) {
    let app = TestApp::start(kind).await;
    let token = token(&app).await;
    app.add("root@example.org", Role::Admin).await;

    is_needless(&app, &token).await;
}

async fn adm_6_a_fresh_server_has_no_account_at_all(kind: Kind) {
    let app = TestApp::start(kind).await;
    let listing = anteroom::accounts::Listing { limit: 200, ..Default::default() };
    assert_eq!(app.anteroom.accounts().list(&listing).await.unwrap().accounts, []);
    for name in ["admin", "root", "anteroom", "administrator", "test", "setup"] {
        for email in [name.to_owned(), format!("{name}@localhost"), format!("{name}@example.org")] {
            for password in ["", name, "admin", "password", "changeme", "anteroom"] {
                let answer = app.browser().try_to_sign_in(&email, password, false).await;
                let refused = if email.contains('@') { 401 } else { 422 };
                assert_eq!(answer.status, refused, "{email} {password}");
            }
        }
    }
}
