//! What needs a proof of the second kind, where the account has one.

use std::time::Duration;

use serde_json::json;

use super::authenticator::set_up;
use crate::harness::app::{Kind, MINUTE, PASSWORD, TestApp, on_every_store};
use crate::harness::browser::Browser;

const ADA: &str = "ada@example.org";

on_every_store!(
    totp_5_changes_of_factors_need_a_factor_and_not_only_the_password,
    deleting_the_account_needs_a_factor_where_there_is_one,
    an_administrator_removes_every_factor,
    totp_5_the_password_of_an_administrator_does_not_remove_their_factors,
);

fn required() -> (u16, String) {
    (403, "reauthentication_required".to_owned())
}

async fn refuses_changes(browser: &Browser) {
    for path in ["/api/account/totp", "/api/account/recovery-codes"] {
        assert_eq!(browser.post(path, json!({})).await.refusal(), required(), "{path}");
    }
    let confirm = browser.post("/api/account/totp/confirm", json!({ "code": "123456" })).await;
    assert_eq!(confirm.refusal(), required());
    assert_eq!(browser.delete("/api/account/totp").await.refusal(), required());
}

async fn totp_5_changes_of_factors_need_a_factor_and_not_only_the_password(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    app.pass(11 * MINUTE).await;
    assert_eq!(ada.post("/api/account/totp", json!({})).await.refusal(), required());
    assert_eq!(ada.reauthenticate(PASSWORD).await.status, 200, "enough without a factor");
    let (authenticator, codes) = set_up(&app, &ada).await;

    app.pass(11 * MINUTE).await;
    refuses_changes(&ada).await;
    assert_eq!(ada.reauthenticate(PASSWORD).await.status, 200);
    refuses_changes(&ada).await;
    let wrong = ada.post("/api/session/reauthenticate", json!({ "code": "000000" })).await;
    assert_eq!(wrong.refusal(), (403, "invalid_credentials".to_owned()));
    let both = json!({ "password": PASSWORD, "code": "000000" });
    assert_eq!(ada.post("/api/session/reauthenticate", both).await.status, 400);
    authenticator.reauthenticate(&app, &ada).await;
    assert_eq!(ada.post("/api/account/recovery-codes", json!({})).await.status, 200);

    let other = authenticator.sign_in(&app, ADA, PASSWORD).await;
    assert_eq!(other.post("/api/account/totp", json!({})).await.status, 201, "a sign-in counts");
    app.pass(11 * MINUTE).await;
    let used = json!({ "recovery_code": codes[0] });
    let answer = other.post("/api/session/reauthenticate", used).await;
    assert_eq!(answer.refusal(), (403, "invalid_credentials".to_owned()), "a void code");
}

async fn deleting_the_account_needs_a_factor_where_there_is_one(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let (_, codes) = set_up(&app, &ada).await;
    app.pass(Duration::from_mins(11)).await;
    assert_eq!(ada.reauthenticate(PASSWORD).await.status, 200);
    assert_eq!(ada.delete("/api/account").await.refusal(), required());
    let page = ada.get("/account/delete").await;
    assert_eq!((page.status, page.location()), (303, "/reauthenticate?next=/account/delete"));
    let page = ada.get(page.location()).await;
    assert!(page.text.contains("name=\"code\"") && !page.text.contains("name=\"password\""));
    let fields = [("code", codes[0].as_str()), ("next", "/account/delete")];
    let proven = ada.post_form("/reauthenticate", &fields).await;
    assert_eq!((proven.status, proven.location()), (303, "/account/delete"));
    let deleted = ada.post_form("/account/delete", &[("confirm", "true")]).await;
    assert_eq!((deleted.status, deleted.location()), (303, "/login?ended=account_deleted"));
    // Nothing of it is left for an account that gets the same address.
    let fresh = app.signed_in(ADA).await;
    assert_eq!(fresh.get("/api/account/factors").await.json()["recovery_codes_left"], 0);
}

async fn an_administrator_removes_every_factor(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    set_up(&app, &ada).await;
    let id = ada.user_id().await;
    let (api, page) = (format!("/api/admin/users/{id}/factors"), format!("/admin/users/{id}"));
    assert_eq!(ada.delete(&api).await.refusal(), (404, "not_found".to_owned()));
    let root = app.administrator("root@example.org").await;
    assert!(root.get(&page).await.text.contains("reset-factors"));

    assert_eq!(root.delete(&api).await.status, 204);

    assert_eq!(ada.why_not().await, "factor_changed");
    let ada = app.signed_in(ADA).await;
    assert_eq!(root.delete(&api).await.status, 204, "there is nothing left to do");
    assert!(ada.is_signed_in().await);
    assert!(!root.get(&page).await.text.contains("reset-factors"));
    set_up(&app, &ada).await;
    let reset = root.post_form(&format!("{page}/reset-factors"), &[]).await;
    assert_eq!((reset.status, reset.location()), (303, &*format!("{page}?done=changed")));
    assert_eq!(ada.why_not().await, "factor_changed");
    app.pass(11 * MINUTE).await;
    assert_eq!(root.delete(&api).await.refusal(), required());
}

async fn totp_5_the_password_of_an_administrator_does_not_remove_their_factors(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let (authenticator, _) = set_up(&app, &root).await;
    let page = format!("/admin/users/{}", root.user_id().await);
    app.pass(11 * MINUTE).await;
    assert_eq!(root.reauthenticate(PASSWORD).await.status, 200);

    for path in [format!("/api{page}/factors"), format!("/api{page}")] {
        assert_eq!(root.delete(&path).await.refusal(), required(), "{path}");
    }
    for (form, fields) in [("reset-factors", &[][..]), ("delete", &[("sure", "true")])] {
        let answer = root.post_form(&format!("{page}/{form}"), fields).await;
        let proof = format!("/reauthenticate?next={page}");
        assert_eq!((answer.status, answer.location()), (303, &*proof), "{form}");
    }

    authenticator.reauthenticate(&app, &root).await;
    assert_eq!(root.delete(&format!("/api{page}/factors")).await.status, 204);
}
