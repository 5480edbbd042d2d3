//! A pending session is anonymous to everything but the second step.

use std::time::Duration;

use anteroom::Options;
use anteroom::accounts::Role;
use anteroom::sessions::{Limit, LimitPolicy};
use anteroom::throttle::{Rate, ThrottleOptions};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::authenticator::{Authenticator, send_code, set_up};
use crate::harness::app::{Kind, MINUTE, OTHER_PASSWORD, PASSWORD, TestApp, on_every_store};
use crate::harness::browser::Browser;

const ADA: &str = "ada@example.org";

on_every_store!(
    totp_7_life_4_enum_6_attack_125_a_sign_in_takes_both_steps_and_a_new_token,
    totp_6_attack_125_a_pending_session_is_anonymous_to_every_other_route,
    totp_3_the_fifth_wrong_code_ends_the_pending_session,
    totp_3_rc_2_attack_123_wrong_codes_count_across_right_passwords,
    a_pending_session_lives_ten_minutes_and_under_its_epoch,
    the_session_and_the_data_of_the_browser_are_replaced_by_the_second_step,
    signing_out_of_a_pending_session_ends_the_session_before_it,
    a_full_limit_uses_up_neither_the_code_nor_the_pending_session,
    a_set_up_is_of_the_session_that_began_it,
    of_codes_sent_at_once_for_a_pending_session_five_are_compared,
    ck_4_two_cookies_at_the_second_step_are_none_and_use_nothing_up,
);

/// Ada with an authenticator app, and the browser in which she set it up.
async fn with_app(app: &TestApp) -> (Browser, Authenticator) {
    let browser = app.signed_in(ADA).await;
    let (authenticator, _) = set_up(app, &browser).await;
    (browser, authenticator)
}

async fn pending(app: &TestApp) -> Browser {
    let browser = app.browser();
    let answer = browser.try_to_sign_in(ADA, PASSWORD, false).await;
    assert_eq!(answer.refusal(), (401, "second_factor_required".to_owned()));
    browser
}

async fn totp_7_life_4_enum_6_attack_125_a_sign_in_takes_both_steps_and_a_new_token(kind: Kind) {
    let app = TestApp::start(kind).await;
    let (_, authenticator) = with_app(&app).await;
    let browser = app.browser();

    let first = browser.try_to_sign_in(ADA, PASSWORD, true).await;

    assert_eq!(first.refusal(), (401, "second_factor_required".to_owned()));
    assert_eq!(first.json()["methods"], json!(["totp", "recovery_code"]));
    let cookie = first.set_cookies()[0].to_owned();
    assert!(cookie.starts_with("anteroom=") && !cookie.contains("Max-Age"), "{cookie}");
    let before = browser.copy();
    let second = authenticator.finish(&app, &browser).await;
    assert_eq!(second.status, 200, "{}", second.text);
    let session = &second.json()["session"];
    assert_eq!(session["methods"], json!(["password", "totp"]));
    assert_eq!(session["remember_me"], true);
    assert_ne!(browser.token(), before.token());
    assert!(browser.is_signed_in().await);
    assert_eq!(before.why_not().await, "no_session");
    let again = authenticator.finish(&app, &before).await;
    assert_eq!(again.refusal(), (401, "no_session".to_owned()), "the step is done once");
    let nobody = authenticator.finish(&app, &app.browser()).await;
    assert_eq!(nobody.refusal(), (401, "no_session".to_owned()), "without the first step");
    let malformed = pending(&app).await;
    for body in
        [json!({}), json!({ "code": "1", "recovery_code": "2" }), json!({ "code": 123_456 })]
    {
        let answer = malformed.post("/api/session/second-factor", body).await;
        assert_eq!(answer.refusal(), (400, "malformed_body".to_owned()));
    }
}

async fn totp_6_attack_125_a_pending_session_is_anonymous_to_every_other_route(kind: Kind) {
    let app = TestApp::start(kind).await;
    let (_, authenticator) = with_app(&app).await;
    let browser = pending(&app).await;
    // So that nothing that was remembered can answer either.
    for _ in 0..3 {
        assert_eq!(browser.get("/auth/verify").await.refusal(), (401, "no_session".to_owned()));
    }
    let (get, post, put) = (Method::GET, Method::POST, Method::PUT);
    let (patch, delete) = (Method::PATCH, Method::DELETE);
    for (method, path, body) in [
        (&get, "/auth/verify/redirect", json!({})),
        (&get, "/api/session", json!({})),
        (&post, "/api/session/reauthenticate", json!({ "password": PASSWORD })),
        (&get, "/api/session/events", json!({})),
        (&get, "/api/sessions", json!({})),
        (&delete, "/api/sessions", json!({})),
        (&get, "/api/account", json!({})),
        (&patch, "/api/account", json!({ "name": "Eve" })),
        (&delete, "/api/account", json!({})),
        (
            &put,
            "/api/account/password",
            json!({ "current_password": PASSWORD, "new_password": OTHER_PASSWORD }),
        ),
        (&get, "/api/account/data", json!({})),
        (&get, "/api/account/factors", json!({})),
        (&post, "/api/account/totp", json!({})),
        (&post, "/api/account/totp/confirm", json!({ "code": "123456" })),
        (&delete, "/api/account/totp", json!({})),
        (&post, "/api/account/recovery-codes", json!({})),
        (&get, "/api/admin/users", json!({})),
    ] {
        let answer = match *method {
            Method::GET => browser.get(path).await,
            _ => browser.send(method.clone(), path, body).await,
        };
        assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text);
        assert!(answer.set_cookies().is_empty(), "{method} {path}");
    }
    for path in ["/account", "/account/second-factor", "/account/second-factor/set-up", "/admin"] {
        let page = browser.get(path).await;
        assert_eq!((page.status, &page.location()[..6]), (303, "/login"), "{path}");
    }
    assert_eq!(browser.get("/api/session/data").await.text, "{}");

    assert_eq!(authenticator.finish(&app, &browser).await.status, 200);
    let given_up = pending(&app).await;
    let copy = given_up.copy();
    assert_eq!(given_up.delete("/api/session").await.status, 204);
    let late = authenticator.finish(&app, &copy).await;
    assert_eq!(late.refusal(), (401, "no_session".to_owned()), "after signing out");
}

async fn totp_3_the_fifth_wrong_code_ends_the_pending_session(kind: Kind) {
    let app = TestApp::start(kind).await;
    let (_, authenticator) = with_app(&app).await;
    let browser = pending(&app).await;
    for _ in 0..5 {
        let answer = send_code(&browser, "000000").await;
        assert_eq!(answer.refusal(), (401, "invalid_credentials".to_owned()));
        assert!(answer.set_cookies().is_empty());
    }
    let right = authenticator.finish(&app, &browser).await;
    assert_eq!(right.refusal(), (401, "no_session".to_owned()));

    let browser = pending(&app).await;
    for _ in 0..4 {
        assert_eq!(send_code(&browser, "000000").await.status, 401);
    }
    assert_eq!(authenticator.finish(&app, &browser).await.status, 200);
}

async fn totp_3_rc_2_attack_123_wrong_codes_count_across_right_passwords(kind: Kind) {
    let app = TestApp::start_with(kind, |options| {
        let account = Some(Rate { count: 10, per: 10 * MINUTE });
        options.throttles = ThrottleOptions { account, ..ThrottleOptions::off() };
    })
    .await;
    let (_, authenticator) = with_app(&app).await;
    let mut compared = 0;
    'attack: for _ in 0..200 {
        let browser = app.browser();
        let first = browser.try_to_sign_in(ADA, PASSWORD, false).await;
        match first.code().as_str() {
            "second_factor_required" => {}
            "too_many_attempts" => break,
            other => panic!("{other}"),
        }
        for _ in 0..5 {
            match send_code(&browser, "000000").await.code().as_str() {
                "invalid_credentials" => compared += 1,
                "too_many_attempts" => break 'attack,
                other => panic!("{other}"),
            }
        }
    }
    assert_eq!(compared, 10, "as many as wrong passwords");
    // Its owner gets in again when the time has passed.
    app.pass(Duration::from_hours(2)).await;
    authenticator.sign_in(&app, ADA, PASSWORD).await;
}

async fn of_codes_sent_at_once_for_a_pending_session_five_are_compared(kind: Kind) {
    let app = TestApp::start(kind).await;
    with_app(&app).await;
    let browser = pending(&app).await;
    let answers = join_all((0..20).map(|_| send_code(&browser, "000000"))).await;
    let refused = |code: &str| answers.iter().filter(|answer| answer.code() == code).count();
    assert_eq!(refused("invalid_credentials") + refused("no_session"), 20);
    assert_eq!(send_code(&browser, "000000").await.code(), "no_session");
}

async fn ck_4_two_cookies_at_the_second_step_are_none_and_use_nothing_up(kind: Kind) {
    let app = TestApp::start(kind).await;
    let (_, authenticator) = with_app(&app).await;
    let (browser, other) = (pending(&app).await, pending(&app).await);
    let code = authenticator.next_code(&app).await;
    let both = format!("anteroom={}; anteroom={}", browser.token(), other.token());
    let plain = app.browser();

    let answer = plain
        .ask(Method::POST, "/api/session/second-factor", |request| {
            request.header("Cookie", &both).json(&json!({ "code": code }))
        })
        .await;

    assert_eq!(answer.refusal(), (401, "no_session".to_owned()));
    assert!(answer.text.contains("several session cookies"), "{}", answer.text);
    let by_form = plain
        .ask(Method::POST, "/login/second-factor", |request| {
            let request = request.header("Cookie", &both);
            let request = request.header("Content-Type", "application/x-www-form-urlencoded");
            request.body(format!("code={code}"))
        })
        .await;
    assert_eq!((by_form.status, by_form.location()), (303, "/login"));
    assert_eq!(send_code(&browser, &code).await.status, 200);
    assert_eq!(authenticator.finish(&app, &other).await.status, 200);
}

async fn a_pending_session_lives_ten_minutes_and_under_its_epoch(kind: Kind) {
    let app = TestApp::start(kind).await;
    let (ada, authenticator) = with_app(&app).await;
    let browser = pending(&app).await;
    app.pass(9 * MINUTE).await;
    assert_eq!(authenticator.finish(&app, &browser).await.status, 200);
    let browser = pending(&app).await;
    app.pass(10 * MINUTE).await;
    let late = authenticator.finish(&app, &browser).await;
    assert_eq!(late.refusal(), (401, "no_session".to_owned()));

    let (of_password, of_status) = (pending(&app).await, pending(&app).await);
    authenticator.reauthenticate(&app, &ada).await;
    assert_eq!(ada.change_password(PASSWORD, OTHER_PASSWORD).await.status, 204);
    let answer = authenticator.finish(&app, &of_password).await;
    assert_eq!(answer.refusal(), (401, "no_session".to_owned()), "the password changed");
    let answer = authenticator.finish(&app, &of_status).await;
    assert_eq!(answer.refusal(), (401, "no_session".to_owned()));

    let browser = app.browser();
    assert_eq!(browser.try_to_sign_in(ADA, OTHER_PASSWORD, false).await.status, 401);
    let root = app.administrator("root@example.org").await;
    let path = format!("/api/admin/users/{}", ada.user_id().await);
    assert_eq!(root.patch(&path, json!({ "status": "disabled" })).await.status, 200);
    let answer = authenticator.finish(&app, &browser).await;
    assert_eq!(answer.refusal(), (401, "no_session".to_owned()), "the account is disabled");
}

async fn the_session_and_the_data_of_the_browser_are_replaced_by_the_second_step(kind: Kind) {
    let app = TestApp::start(kind).await;
    let (_, authenticator) = with_app(&app).await;
    let browser = app.browser();
    assert_eq!(browser.patch("/api/session/data", json!({ "cart": 7 })).await.status, 200);
    let visitor = browser.copy();

    assert_eq!(browser.try_to_sign_in(ADA, PASSWORD, false).await.status, 401);
    assert_eq!(browser.get("/api/session/data").await.text, "{}");
    assert_eq!(visitor.get("/api/session/data").await.json()["cart"], 7);
    // A second sign-in in the same browser keeps what was there before the first.
    assert_eq!(browser.try_to_sign_in(ADA, PASSWORD, false).await.status, 401);
    assert_eq!(authenticator.finish(&app, &browser).await.status, 200);

    assert_eq!(browser.get("/api/session/data").await.json()["cart"], 7);
    assert_eq!(visitor.why_not().await, "replaced");
    let (bob, other) =
        (app.signed_in_as("bob@example.org", Role::User, false).await, app.browser());
    other.hold(&bob.token());
    assert_eq!(other.try_to_sign_in(ADA, PASSWORD, false).await.status, 401);
    assert!(bob.is_signed_in().await, "until the second step");
    assert_eq!(authenticator.finish(&app, &other).await.status, 200);
    assert_eq!(bob.why_not().await, "signed_out");
}

async fn signing_out_of_a_pending_session_ends_the_session_before_it(kind: Kind) {
    let app = TestApp::start(kind).await;
    with_app(&app).await;
    let browser = app.signed_in("bob@example.org").await;
    let before = browser.copy();
    assert_eq!(browser.try_to_sign_in(ADA, PASSWORD, false).await.status, 401);
    assert!(before.is_signed_in().await);

    assert_eq!(browser.delete("/api/session").await.status, 204);

    assert_eq!(before.why_not().await, "signed_out");
}

async fn a_full_limit_uses_up_neither_the_code_nor_the_pending_session(kind: Kind) {
    let refuse = |options: &mut Options| {
        options.policy.limit = Limit { most: 1, policy: LimitPolicy::Refuse };
    };
    let app = TestApp::start_with(kind, refuse).await;
    let (ada, authenticator) = with_app(&app).await;
    let browser = pending(&app).await;
    let code = authenticator.next_code(&app).await;
    let full = (409, "session_limit_reached".to_owned());
    assert_eq!(send_code(&browser, &code).await.refusal(), full);

    assert_eq!(ada.delete("/api/session").await.status, 204);

    assert_eq!(send_code(&browser, &code).await.status, 200);
}

async fn a_set_up_is_of_the_session_that_began_it(kind: Kind) {
    let app = TestApp::start(kind).await;
    let (thief, owner) = (app.signed_in(ADA).await, app.signed_in(ADA).await);
    let begun = thief.post("/api/account/totp", json!({})).await;
    let key = Authenticator::of(begun.json()["secret"].as_str().unwrap());

    let page = owner.get("/account/second-factor/set-up").await;
    assert!(page.status == 200 && !page.text.contains("otpauth://"), "{}", page.text);
    let answer = owner.post("/api/account/totp/confirm", json!({ "code": key.code(&app) })).await;
    assert_eq!(answer.refusal(), (404, "not_found".to_owned()));
    let answer = thief.post("/api/account/totp/confirm", json!({ "code": key.code(&app) })).await;
    assert_eq!(answer.status, 200);
}
