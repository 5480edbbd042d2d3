//! Codes are used once, on any server, and set-up and removal end the other sessions.

use futures_util::future::join_all;
use serde_json::json;

use super::authenticator::{Authenticator, send_code, send_recovery_code, set_up, texts};
use crate::harness::app::{Kind, PASSWORD, TestApp, on_every_store};
use crate::harness::browser::{Answer, Browser};

const ADA: &str = "ada@example.org";

on_every_store!(
    totp_1_attack_120_a_code_is_used_once_at_the_same_instant_too,
    totp_4_attack_121_only_six_digits_are_a_code,
    totp_2_attack_122_a_code_of_another_step_or_user_is_refused,
    totp_5_adding_and_removing_an_app_ends_the_other_sessions,
    rc_1_attack_126_a_recovery_code_works_once_and_until_new_ones_are_made,
    each_change_of_factors_is_in_the_audit_trail,
);

async fn pending(app: &TestApp, email: &str) -> Browser {
    let browser = app.browser();
    assert_eq!(browser.try_to_sign_in(email, PASSWORD, false).await.status, 401);
    browser
}

async fn totp_1_attack_120_a_code_is_used_once_at_the_same_instant_too(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let (authenticator, _) = set_up(&app, &ada).await;
    let code = authenticator.code(&app);
    let answer = send_code(&pending(&app, ADA).await, &code).await;
    assert_eq!(answer.refusal().0, 401, "the code of the set-up is used up");

    let code = authenticator.next_code(&app).await;
    let browsers = join_all((0..8).map(|_| pending(&app, ADA))).await;
    let answers = join_all(browsers.iter().map(|browser| send_code(browser, &code))).await;
    let accepted = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(accepted, 1, "of eight at once");
    let refused = answers.iter().filter(|answer| answer.code() == "invalid_credentials").count();
    assert_eq!(refused, 7);
    let answer = send_code(&pending(&app, ADA).await, &code).await;
    assert_eq!(answer.refusal(), (401, "invalid_credentials".to_owned()), "later");
    let answer = ada.post("/api/session/reauthenticate", json!({ "code": code })).await;
    assert_eq!(answer.refusal(), (403, "invalid_credentials".to_owned()), "for another purpose");
}

/// Two servers of one database, which share the key file.
async fn two(kind: Kind) -> [TestApp; 2] {
    let here = TestApp::one_of_several(kind, |_| ()).await;
    let (database, key_file) = (here.accounts_at.clone(), here.folder.path().join("anteroom.key"));
    let clock = here.clock.clone();
    let there = TestApp::one_of_several(kind, |options| {
        options.database = database;
        options.key_file = key_file;
        options.clock = anteroom::clock::Clock::from(&clock);
    });
    let there = there.await;
    [here, there]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn totp_1_rc_1_of_two_servers_one_accepts_a_code() {
    if !Kind::Postgres.is_here("totp_1_rc_1_of_two_servers_one_accepts_a_code").await {
        return;
    }
    let [here, there] = two(Kind::Postgres).await;
    let (authenticator, codes) = set_up(&here, &here.signed_in(ADA).await).await;
    for recovery_code in codes.iter().take(3) {
        let browsers = [pending(&here, ADA).await, pending(&there, ADA).await];
        let code = authenticator.next_code(&here).await;
        let answers = join_all(browsers.iter().map(|browser| send_code(browser, &code))).await;
        assert_eq!(statuses(&answers), [200, 401], "{code}");

        let browsers = [pending(&here, ADA).await, pending(&there, ADA).await];
        let sent = browsers.iter().map(|browser| send_recovery_code(browser, recovery_code));
        assert_eq!(statuses(&join_all(sent).await), [200, 401], "{recovery_code}");
    }
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    statuses
}

async fn totp_4_attack_121_only_six_digits_are_a_code(kind: Kind) {
    let app = TestApp::start(kind).await;
    let (authenticator, _) = set_up(&app, &app.signed_in(ADA).await).await;
    let code = authenticator.next_code(&app).await;
    let wide: String = code.chars().map(|c| char::from_u32(c as u32 + 0xFEE0).unwrap()).collect();
    let odd = [wide, format!("+{code}"), format!("{code}0"), code[1..].to_owned(), String::new()];
    for odd in odd {
        let answer = send_code(&pending(&app, ADA).await, &odd).await;
        assert_eq!(answer.refusal(), (401, "invalid_credentials".to_owned()), "{odd:?}");
    }
    let spaced = format!(" {} {} ", &code[..3], &code[3..]);
    assert_eq!(send_code(&pending(&app, ADA).await, &spaced).await.status, 200);
    assert_eq!(send_code(&pending(&app, ADA).await, &code).await.status, 401);
}

async fn totp_2_attack_122_a_code_of_another_step_or_user_is_refused(kind: Kind) {
    let app = TestApp::start(kind).await;
    let (ada, bob) = (app.signed_in(ADA).await, app.signed_in("bob@example.org").await);
    let (of_ada, codes) = set_up(&app, &ada).await;
    let (of_bob, _) = set_up(&app, &bob).await;
    let step = std::time::Duration::from_secs(30);
    app.pass(10 * step).await;
    let early = of_ada.code(&app);
    app.pass(2 * step).await;
    assert_eq!(send_code(&pending(&app, ADA).await, &early).await.status, 401, "two steps ago");
    let code = of_bob.code(&app);
    assert_eq!(send_code(&pending(&app, ADA).await, &code).await.status, 401, "of Bob");
    let answer = send_recovery_code(&pending(&app, "bob@example.org").await, &codes[0]).await;
    assert_eq!(answer.refusal(), (401, "invalid_credentials".to_owned()), "a code of Ada");
    let last = of_ada.code(&app);
    app.pass(step).await;
    assert_eq!(send_code(&pending(&app, ADA).await, &last).await.status, 200, "a step ago");
}

async fn totp_5_adding_and_removing_an_app_ends_the_other_sessions(kind: Kind) {
    let app = TestApp::start(kind).await;
    let (ada, phone) = (app.signed_in(ADA).await, app.signed_in(ADA).await);
    let before = ada.copy();
    let nothing = ada.post("/api/account/totp/confirm", json!({ "code": "123456" })).await;
    assert_eq!(nothing.refusal(), (404, "not_found".to_owned()));
    let begun = ada.post("/api/account/totp", json!({})).await.json();
    let (first, uri) = (begun["secret"].as_str().unwrap(), begun["uri"].as_str().unwrap());
    assert_eq!(first.len(), 32);
    assert!(uri.starts_with("otpauth://totp/localhost") && uri.contains(first), "{uri}");
    assert!(begun["qr"].as_str().unwrap().starts_with("<svg"));
    assert_eq!(ada.get("/api/account/factors").await.json()["totp"], false, "not in use yet");
    let second = ada.post("/api/account/totp", json!({})).await.json();
    let old = Authenticator::of(first).code(&app);
    let wrong = ada.post("/api/account/totp/confirm", json!({ "code": old })).await;
    assert_eq!(wrong.refusal(), (403, "invalid_credentials".to_owned()), "of a replaced set-up");

    let authenticator = Authenticator::of(second["secret"].as_str().unwrap());
    let code = authenticator.code(&app);
    let confirmed = ada.post("/api/account/totp/confirm", json!({ "code": code })).await;

    let codes = texts(&confirmed.json()["recovery_codes"]);
    assert_eq!((confirmed.status, codes.len()), (200, 10));
    assert_eq!(phone.why_not().await, "factor_changed");
    assert_eq!(before.why_not().await, "replaced");
    assert_eq!(ada.session().await["methods"], json!(["password", "totp"]));
    let shown = ada.get("/api/account/factors").await.json();
    assert_eq!(shown, json!({ "totp": true, "recovery_codes_left": 10, "passkeys": [] }));

    let phone = authenticator.sign_in(&app, ADA, PASSWORD).await;
    assert_eq!(ada.delete("/api/account/totp").await.status, 204);
    assert_eq!(phone.why_not().await, "factor_changed");
    assert!(ada.is_signed_in().await);
    let shown = ada.get("/api/account/factors").await.json();
    assert_eq!(shown, json!({ "totp": false, "recovery_codes_left": 0, "passkeys": [] }));
    assert_eq!(ada.delete("/api/account/totp").await.refusal(), (404, "not_found".to_owned()));
    app.signed_in(ADA).await;
}

async fn rc_1_attack_126_a_recovery_code_works_once_and_until_new_ones_are_made(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let (_, codes) = set_up(&app, &ada).await;
    let lower = codes[0].to_lowercase().replace('-', " ");
    let browser = pending(&app, ADA).await;
    let answer = send_recovery_code(&browser, &lower).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["session"]["methods"], json!(["password", "recovery_code"]));
    let again = send_recovery_code(&pending(&app, ADA).await, &codes[0]).await;
    assert_eq!(again.refusal(), (401, "invalid_credentials".to_owned()));

    let browsers = join_all((0..4).map(|_| pending(&app, ADA))).await;
    let sent = browsers.iter().map(|browser| send_recovery_code(browser, &codes[1]));
    let accepted = join_all(sent).await.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(accepted, 1, "of four at once");
    let left = browser.get("/api/account/factors").await.json();
    assert_eq!(left["recovery_codes_left"], 8);

    let renewed = browser.post("/api/account/recovery-codes", json!({})).await;
    let new = texts(&renewed.json()["recovery_codes"]);
    assert_eq!((renewed.status, new.len()), (200, 10));
    let old = send_recovery_code(&pending(&app, ADA).await, &codes[2]).await;
    assert_eq!(old.refusal(), (401, "invalid_credentials".to_owned()), "replaced");
    assert_eq!(send_recovery_code(&pending(&app, ADA).await, &new[0]).await.status, 200);
    for odd in ["", "AAAA", "AAAA-AAAA-AAAA-AAAAA", "123456"] {
        let answer = send_recovery_code(&pending(&app, ADA).await, odd).await;
        assert_eq!(answer.refusal(), (401, "invalid_credentials".to_owned()), "{odd:?}");
    }
}

async fn each_change_of_factors_is_in_the_audit_trail(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let (_, codes) = set_up(&app, &ada).await;
    let browser = pending(&app, ADA).await;
    assert_eq!(send_code(&browser, "000000").await.status, 401);
    assert_eq!(send_recovery_code(&browser, &codes[0]).await.status, 200);
    assert_eq!(browser.delete("/api/account/totp").await.status, 204);

    let root = app.administrator("root@example.org").await;
    let path = format!("/api/admin/audit?user={}", browser.user_id().await);
    let events = root.get(&path).await.json()["events"].as_array().unwrap().clone();
    let found = |kind: &str, outcome: &str| {
        let is_it =
            |event: &&serde_json::Value| event["kind"] == kind && event["outcome"] == outcome;
        events
            .iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("no {kind} {outcome}: {events:#?}"))
            .clone()
    };
    assert_eq!(found("factor_added", "ok")["details"]["factor"], "totp");
    assert_eq!(found("factor_removed", "ok")["details"]["factor"], "totp");
    found("recovery_codes_created", "ok");
    found("login_failed", "wrong_code");
    found("second_factor_asked", "ok");
    let signed_in = found("login", "ok");
    assert_eq!(signed_in["details"]["methods"], json!(["password", "recovery_code"]));
    let text = serde_json::to_string(&events).unwrap();
    assert!(!codes.iter().any(|code| text.contains(code)), "a code is in the trail");
}
