//! One's own account: name, address, password, and leaving.

use std::time::Duration;

use anteroom::accounts::Role;
use serde_json::json;

use crate::harness::app::{DAY, Kind, MINUTE, OTHER_PASSWORD, PASSWORD, TestApp, on_each_store};

on_each_store!(
    a_new_name_holds_in_every_session_at_once,
    a_new_address_needs_a_fresh_proof_and_is_unverified,
    an_address_that_is_taken_is_refused,
    in_10_a_name_hides_nothing_and_names_nobody,
    rev_9_attack_38_a_new_password_ends_every_other_session_and_rotates_this_one,
    pw_8_a_wrong_or_weak_password_changes_nothing,
    the_account_page_changes_the_password,
    parallel_password_changes_leave_one_of_them,
    leaving_needs_a_fresh_proof_and_ends_everything,
    adm_4_the_last_administrator_cannot_leave,
    life_3_reauthenticating_moves_the_proof_and_rotates,
    the_reauthentication_page_leads_back,
    rev_16_an_address_is_free_again_after_its_account_is_gone,
);

async fn a_new_name_holds_in_every_session_at_once(kind: Kind) {
    let app = TestApp::start(kind).await;
    let laptop = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;
    app.pass(30 * MINUTE).await;

    let answer = laptop.patch("/api/account", json!({ "name": " 이아름 " })).await;

    assert_eq!((answer.status, &answer.json()["user"]["name"]), (200, &json!("이아름")));
    assert_eq!(phone.whoami().await.json()["user"]["name"], "이아름");
    assert!(phone.get("/account").await.text.contains("이아름"));
    assert_eq!(laptop.patch("/api/account", json!({})).await.status, 200);
    let answer = laptop.patch("/api/account", json!({ "name": "x".repeat(101) })).await;
    assert_eq!(answer.json()["errors"]["name"]["code"], "too_long");
    laptop.patch("/api/account", json!({ "name": "<script>alert(1)</script>" })).await;
    assert!(!laptop.get("/account").await.text.contains("<script>alert"), "not escaped");
}

async fn a_new_address_needs_a_fresh_proof_and_is_unverified(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let new = json!({ "email": "lovelace@example.org", "name": "Both or neither" });
    assert_eq!(browser.whoami().await.json()["user"]["email_verified"], true);
    app.pass(10 * MINUTE).await;

    let refused = browser.patch("/api/account", new.clone()).await;
    assert_eq!(refused.refusal(), (403, "reauthentication_required".to_owned()));
    let user = browser.whoami().await.json()["user"].clone();
    assert_eq!((&user["email"], &user["name"]), (&json!("ada@example.org"), &json!("Ada")));
    let same = browser.patch("/api/account", json!({ "email": "Ada@example.org" })).await;
    assert_eq!((same.status, &same.json()["user"]["email_verified"]), (200, &json!(true)));

    browser.reauthenticate(PASSWORD).await;
    app.pass(Duration::from_secs(599)).await;
    let user = browser.patch("/api/account", new).await.json()["user"].clone();
    assert_eq!(user["email"], "lovelace@example.org");
    assert_eq!(user["email_verified"], false);
    assert_eq!(app.browser().try_to_sign_in("ada@example.org", PASSWORD, false).await.status, 401);
    app.signed_in("lovelace@example.org").await;
}

async fn an_address_that_is_taken_is_refused(kind: Kind) {
    let app = TestApp::start(kind).await;
    app.add("bob@example.org", Role::User).await;
    let browser = app.signed_in("ada@example.org").await;

    let answer = browser.patch("/api/account", json!({ "email": "BOB@example.org" })).await;
    assert_eq!(answer.refusal(), (409, "email_taken".to_owned()));
    let answer = browser.patch("/api/account", json!({ "email": "no address" })).await;
    assert_eq!(answer.refusal(), (422, "invalid_input".to_owned()));
    assert_eq!(browser.whoami().await.json()["user"]["email"], "ada@example.org");
}

async fn in_10_a_name_hides_nothing_and_names_nobody(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    for refused in [
        "x".repeat(101),
        "x".repeat(10_000),
        "a\0b".to_owned(),
        "a\nb".to_owned(),
        "a\u{1b}[31mb".to_owned(),
        "a\u{202e}b".to_owned(),
        "a\u{200b}b".to_owned(),
        "a\u{2066}b".to_owned(),
        "a\u{feff}b".to_owned(),
        "a\u{61c}b".to_owned(),
        "\u{3164}".to_owned(),
        "\u{2800}\u{ffa0}\u{ad}".to_owned(),
    ] {
        let answer = browser.patch("/api/account", json!({ "name": refused })).await;
        assert_eq!(answer.status, 422, "{refused:?}");
    }
    // A name is a label and finds nobody, so words of the service are names like any other.
    for name in [
        "",
        "{{7*7}}",
        "..",
        "null",
        "me",
        "new",
        "admin",
        "root@example.org",
        "<b>A</b>",
        "👩‍🚀 नमस्ते",
    ] {
        let answer = browser.patch("/api/account", json!({ "name": name })).await;
        assert_eq!(answer.json()["user"]["name"], name);
        let page = browser.get("/account").await.text;
        assert!(!page.contains("<b>A") && !page.contains(">49<"), "{name}: {page}");
        assert_eq!(browser.whoami().await.json()["user"]["role"], "user");
    }
    let decomposed = json!({ "name": "cafe\u{301}" });
    let answer = browser.patch("/api/account", decomposed).await;
    assert_eq!(answer.json()["user"]["name"], "caf\u{e9}", "two spellings of one name");
}

async fn rev_9_attack_38_a_new_password_ends_every_other_session_and_rotates_this_one(kind: Kind) {
    let app = TestApp::start(kind).await;
    let laptop = app.signed_in_as("ada@example.org", Role::User, true).await;
    let phone = app.signed_in("ada@example.org").await;
    let bob = app.signed_in("bob@example.org").await;
    let (old, id) = (laptop.copy(), laptop.session_id().await);
    app.pass(DAY / 48).await;

    let answer = laptop.change_password(PASSWORD, OTHER_PASSWORD).await;

    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    let left = 30 * 24 * 60 * 60 - 30 * 60;
    assert_eq!(
        answer.set_cookies(),
        [format!("anteroom={}; HttpOnly; Path=/; SameSite=Lax; Max-Age={left}", laptop.token())]
    );
    assert_eq!(old.why_not().await, "replaced");
    assert_eq!(phone.why_not().await, "password_changed");
    assert!(bob.is_signed_in().await);
    let session = laptop.session().await;
    assert_eq!(session["id"], id);
    assert_eq!(session["authenticated_at"], "2026-11-21T09:30:00Z");
    let now = |password| async move {
        let browser = TestApp::browser(&app);
        let old = browser.try_to_sign_in("ada@example.org", PASSWORD, false).await.status;
        (old, browser.try_to_sign_in("ada@example.org", password, false).await.status)
    };
    assert_eq!(now(OTHER_PASSWORD).await, (401, 200));
}

async fn pw_8_a_wrong_or_weak_password_changes_nothing(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let token = browser.token();

    let wrong = browser.change_password("wrong", OTHER_PASSWORD).await;
    assert_eq!(wrong.refusal(), (403, "invalid_credentials".to_owned()));
    let weak = browser.change_password(PASSWORD, "short").await;
    assert_eq!(weak.refusal(), (422, "invalid_input".to_owned()));
    assert_eq!(weak.json()["errors"]["new_password"]["code"], "too_short");
    let wrong = browser.reauthenticate("wrong").await;
    assert_eq!(wrong.refusal(), (403, "invalid_credentials".to_owned()));

    assert_eq!(browser.token(), token);
    assert!(browser.is_signed_in().await);
    app.signed_in("ada@example.org").await;
    let nobody = app.browser().change_password(PASSWORD, OTHER_PASSWORD).await;
    assert_eq!(nobody.refusal(), (401, "no_session".to_owned()));
}

async fn the_account_page_changes_the_password(kind: Kind) {
    let app = TestApp::start(kind).await;
    let laptop = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;
    let submit = |current, new| {
        let laptop = &laptop;
        async move {
            let fields = [("current_password", current), ("new_password", new)];
            laptop.post_form("/account/password", &fields).await
        }
    };

    let wrong = submit("wrong", OTHER_PASSWORD).await;
    assert_eq!(wrong.status, 403);
    assert!(wrong.text.contains("This is not your current password"));
    assert!(!wrong.text.contains(OTHER_PASSWORD));
    let weak = submit(PASSWORD, "short").await;
    assert_eq!(weak.status, 422);
    assert!(weak.text.contains("This password is too short"));
    assert!(phone.is_signed_in().await);

    let done = submit(PASSWORD, OTHER_PASSWORD).await;
    assert_eq!((done.status, done.location()), (303, "/account?done=password"));
    assert_eq!(phone.why_not().await, "password_changed");
    assert!(laptop.get(done.location()).await.text.contains("Your password was changed"));
}

async fn parallel_password_changes_leave_one_of_them(kind: Kind) {
    let app = TestApp::start(kind).await;
    let one = app.signed_in("ada@example.org").await;
    let other = app.signed_in("ada@example.org").await;
    let third = "copper swans bring wet maps";

    let (first, second) = futures_util::future::join(
        one.change_password(PASSWORD, OTHER_PASSWORD),
        other.change_password(PASSWORD, third),
    )
    .await;

    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses[0], 204);
    assert!([401, 403].contains(&statuses[1]), "{statuses:?}");
    assert_eq!(app.live_sessions().await.len(), 1);
    let mut good = 0;
    for password in [PASSWORD, OTHER_PASSWORD, third] {
        let answer = app.browser().try_to_sign_in("ada@example.org", password, false).await;
        good += u16::from(answer.status == 200);
    }
    assert_eq!(good, 1);
}

async fn leaving_needs_a_fresh_proof_and_ends_everything(kind: Kind) {
    let app = TestApp::start(kind).await;
    let laptop = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;
    app.pass(10 * MINUTE).await;
    let refused = laptop.delete("/api/account").await;
    assert_eq!(refused.refusal(), (403, "reauthentication_required".to_owned()));
    assert!(phone.is_signed_in().await);
    laptop.reauthenticate(PASSWORD).await;
    let old = laptop.copy();

    let answer = laptop.delete("/api/account").await;

    assert_eq!(answer.status, 204);
    assert!(answer.set_cookies().concat().ends_with("; Max-Age=0"));
    assert_eq!(old.why_not().await, "account_deleted");
    assert_eq!(phone.why_not().await, "account_deleted");
    assert!(app.live_sessions().await.is_empty());
    assert_eq!(app.browser().try_to_sign_in("ada@example.org", PASSWORD, false).await.status, 401);
}

async fn adm_4_the_last_administrator_cannot_leave(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;

    let answer = root.delete("/api/account").await;
    assert_eq!(answer.refusal(), (409, "last_administrator".to_owned()));
    assert!(root.is_signed_in().await);

    app.add("second@example.org", Role::Admin).await;
    assert_eq!(root.delete("/api/account").await.status, 204);
}

async fn life_3_reauthenticating_moves_the_proof_and_rotates(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let (old, before) = (browser.copy(), browser.session().await);
    app.pass(30 * MINUTE).await;

    let answer = browser.reauthenticate(PASSWORD).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.set_cookies().len(), 1);
    assert_eq!(old.why_not().await, "replaced");
    let after = browser.session().await;
    assert_eq!(after["authenticated_at"], "2026-11-21T09:30:00Z");
    for same in ["id", "created_at", "expires_at", "remember_me", "user_agent"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_eq!(app.live_sessions().await.len(), 1);
    let nobody = app.browser().reauthenticate(PASSWORD).await;
    assert_eq!(nobody.refusal(), (401, "no_session".to_owned()));
}

async fn the_reauthentication_page_leads_back(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let page = browser.get("/reauthenticate?next=/account/sessions").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("value=\"/account/sessions\""));

    let wrong = [("password", "wrong"), ("next", "/account/sessions")];
    let answer = browser.post_form("/reauthenticate", &wrong).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("value=\"/account/sessions\""), "next is gone");
    let old = browser.copy();
    let right = [("password", PASSWORD), ("next", "/account/sessions")];
    let answer = browser.post_form("/reauthenticate", &right).await;
    assert_eq!((answer.status, answer.location()), (303, "/account/sessions"));
    assert_eq!(old.why_not().await, "replaced");
    let away = [("password", PASSWORD), ("next", "//evil.example")];
    assert_eq!(browser.post_form("/reauthenticate", &away).await.location(), "/account");
    let nobody = app.browser().post_form("/reauthenticate", &right).await;
    assert_eq!((nobody.status, nobody.location()), (303, "/login?next=/account/sessions"));
}

async fn rev_16_an_address_is_free_again_after_its_account_is_gone(kind: Kind) {
    let app = TestApp::start(kind).await;
    let old = app.signed_in("ada@example.org").await;
    let (held, before) = (old.copy(), old.user_id().await);
    old.patch("/api/session/data", json!({ "of": "the first" })).await;
    assert_eq!(old.delete("/api/account").await.status, 204);

    let new = app.browser();
    assert_eq!(new.sign_up("ada@example.org", OTHER_PASSWORD).await.status, 201);

    assert_eq!(held.why_not().await, "account_deleted");
    assert_eq!(held.get("/auth/verify").await.status, 401);
    assert_ne!(new.user_id().await, before, "an id is used again");
    assert_eq!(new.sessions().await.len(), 1);
    assert_eq!(new.get("/api/session/data").await.json(), json!({}));
}
