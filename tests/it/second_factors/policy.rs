//! `ANTEROOM_SECOND_FACTOR`: who must have one.

use anteroom::Options;
use anteroom::accounts::{Role, SecondFactorPolicy};
use serde_json::json;

use super::authenticator::Authenticator;
use crate::harness::app::{Kind, PASSWORD, TestApp, on_every_store};
use crate::harness::browser::{Answer, Browser};
use crate::metrics::{counted, text_of};

const ADA: &str = "ada@example.org";

on_every_store!(
    totp_9_without_a_factor_a_pending_session_sets_one_up_and_becomes_a_session,
    finishing_a_set_up_ends_every_other_pending_set_up,
    administrators_must_have_one_and_others_need_not,
    totp_9_signing_up_leads_to_the_set_up,
    totp_8_a_factor_that_was_removed_satisfies_no_policy,
    a_sign_in_that_a_set_up_finishes_is_counted_and_recorded,
);

fn must_be_set_up() -> (u16, String) {
    (401, "second_factor_setup_required".to_owned())
}

async fn app_with(kind: Kind, policy: SecondFactorPolicy) -> TestApp {
    TestApp::start_with(kind, |options: &mut Options| options.second_factor = policy).await
}

async fn begins(browser: &Browser) -> Authenticator {
    let begun = browser.post("/api/account/totp", json!({})).await;
    assert_eq!(begun.status, 201, "{}", begun.text);
    Authenticator::of(begun.json()["secret"].as_str().unwrap())
}

async fn confirms(app: &TestApp, browser: &Browser, of: &Authenticator) -> Answer {
    let code = of.code(app);
    browser.post("/api/account/totp/confirm", json!({ "code": code })).await
}

async fn totp_9_without_a_factor_a_pending_session_sets_one_up_and_becomes_a_session(kind: Kind) {
    let app = app_with(kind, SecondFactorPolicy::Required).await;
    app.add(ADA, Role::User).await;
    let browser = app.browser();
    assert_eq!(browser.try_to_sign_in(ADA, PASSWORD, true).await.refusal(), must_be_set_up());
    let pending = browser.copy();
    for path in ["/api/session", "/auth/verify", "/api/account", "/api/account/factors"] {
        assert_eq!(browser.get(path).await.refusal(), (401, "no_session".to_owned()), "{path}");
    }
    for path in ["/api/session/second-factor", "/api/account/recovery-codes"] {
        let answer = browser.post(path, json!({ "code": "123456" })).await;
        assert_eq!(answer.status, 401, "{path}");
    }
    let authenticator = begins(&browser).await;
    let wrong = browser.post("/api/account/totp/confirm", json!({ "code": "000000" })).await;
    assert_eq!(wrong.refusal(), (403, "invalid_credentials".to_owned()));

    let confirmed = confirms(&app, &browser, &authenticator).await;

    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    assert_eq!(confirmed.json()["recovery_codes"].as_array().unwrap().len(), 10);
    let session = browser.session().await;
    assert_eq!(session["methods"], json!(["password", "totp"]));
    assert_eq!(session["remember_me"], true);
    assert_ne!(browser.token(), pending.token());
    assert_eq!(pending.why_not().await, "no_session");
    assert_eq!(pending.post("/api/account/totp", json!({})).await.status, 401);
    authenticator.sign_in(&app, ADA, PASSWORD).await;
}

async fn finishing_a_set_up_ends_every_other_pending_set_up(kind: Kind) {
    let app = app_with(kind, SecondFactorPolicy::Required).await;
    app.add(ADA, Role::User).await;
    let (here, there) = (app.browser(), app.browser());
    for browser in [&here, &there] {
        assert_eq!(browser.try_to_sign_in(ADA, PASSWORD, false).await.refusal(), must_be_set_up());
    }
    // The one who began last has the set-up, and nobody else sees or finishes it.
    begins(&there).await;
    let authenticator = begins(&here).await;
    assert_eq!(confirms(&app, &there, &authenticator).await.status, 404);
    let page = there.get("/account/second-factor/set-up").await;
    assert!(page.status == 200 && !page.text.contains("otpauth://"), "{}", page.text);
    assert_eq!(confirms(&app, &here, &authenticator).await.status, 200);
    assert_eq!(confirms(&app, &there, &authenticator).await.status, 401);
    assert_eq!(there.post("/api/account/totp", json!({})).await.status, 401);
    assert!(here.is_signed_in().await);
}

async fn administrators_must_have_one_and_others_need_not(kind: Kind) {
    let app = app_with(kind, SecondFactorPolicy::Administrators).await;
    app.signed_in(ADA).await;
    app.add("root@example.org", Role::Admin).await;
    let root = app.browser();
    let answer = root.try_to_sign_in("root@example.org", PASSWORD, false).await;
    assert_eq!(answer.refusal(), must_be_set_up());
    let authenticator = begins(&root).await;
    assert_eq!(confirms(&app, &root, &authenticator).await.status, 200);
    assert_eq!(root.get("/api/admin/users").await.status, 200);
}

async fn a_sign_in_that_a_set_up_finishes_is_counted_and_recorded(kind: Kind) {
    let app = TestApp::start_with(kind, |options: &mut Options| {
        options.second_factor = SecondFactorPolicy::Required;
        counted(options);
    })
    .await;
    let ada = app.add(ADA, Role::User).await;
    let sign_ins = async || {
        let text = text_of(&app.anteroom).await;
        let series = "anteroom_sign_ins_total{outcome=\"ok\"} ";
        text.lines().find_map(|line| line.strip_prefix(series)).unwrap_or("0").to_owned()
    };
    let browser = app.browser();
    assert_eq!(browser.try_to_sign_in(ADA, PASSWORD, false).await.refusal(), must_be_set_up());
    let authenticator = begins(&browser).await;
    assert_eq!(sign_ins().await, "0");

    assert_eq!(confirms(&app, &browser, &authenticator).await.status, 200);

    assert_eq!(sign_ins().await, "1");
    let admin = app.browser();
    app.add("root@example.org", Role::Admin).await;
    admin.try_to_sign_in("root@example.org", PASSWORD, false).await;
    let of_admin = begins(&admin).await;
    assert_eq!(confirms(&app, &admin, &of_admin).await.status, 200);
    let path = format!("/api/admin/audit?kind=login&user={}", ada.user.id);
    let events = admin.get(&path).await.json();
    let events = events["events"].as_array().unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["outcome"], "ok", "{events:?}");
}

async fn totp_8_a_factor_that_was_removed_satisfies_no_policy(kind: Kind) {
    let app = app_with(kind, SecondFactorPolicy::Required).await;
    app.add(ADA, Role::User).await;
    let browser = app.browser();
    browser.try_to_sign_in(ADA, PASSWORD, false).await;
    let authenticator = begins(&browser).await;
    assert_eq!(confirms(&app, &browser, &authenticator).await.status, 200);

    assert_eq!(browser.delete("/api/account/totp").await.status, 204);

    assert_eq!(browser.why_not().await, "factor_changed");
    let again = app.browser().try_to_sign_in(ADA, PASSWORD, false).await;
    assert_eq!(again.refusal(), must_be_set_up());
}

async fn totp_9_signing_up_leads_to_the_set_up(kind: Kind) {
    let app = app_with(kind, SecondFactorPolicy::Required).await;
    let browser = app.browser();
    assert_eq!(browser.sign_up(ADA, PASSWORD).await.refusal(), must_be_set_up());
    let authenticator = begins(&browser).await;
    assert_eq!(confirms(&app, &browser, &authenticator).await.status, 200);

    let form = app.browser();
    let fields =
        [("email", "bob@example.org"), ("password", PASSWORD), ("next", "/account/sessions")];
    let answer = form.post_form("/signup", &fields).await;
    let page = "/account/second-factor/set-up?next=/account/sessions";
    assert_eq!((answer.status, answer.location()), (303, page));
    assert_eq!(form.get(page).await.status, 200);
}

/// Servers of one database, with one policy after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn totp_8_sessions_older_than_a_stricter_policy_end_at_their_next_request() {
    let lenient = app_with(Kind::Database, SecondFactorPolicy::Optional).await;
    let ada = lenient.signed_in(ADA).await;
    let token = ada.token();
    let (database, clock) = (lenient.database.clone(), lenient.clock.clone());
    let copy = lenient.folder.path().join("copy.db");
    // Everything is written once the server has stopped.
    let file = database.clone();
    lenient.anteroom.sessions().flush().await.unwrap();
    copy_of(&file, &copy).await;
    let strict = TestApp::start_with(Kind::Database, |options: &mut Options| {
        options.database = copy.clone().into();
        options.second_factor = SecondFactorPolicy::Required;
        options.clock = anteroom::clock::Clock::from(&clock);
    })
    .await;
    let browser = strict.browser();
    browser.hold(&token);
    assert_eq!(browser.why_not().await, "factor_changed");
    assert_eq!(browser.why_not().await, "factor_changed", "it has ended");
    let answer = browser.try_to_sign_in(ADA, PASSWORD, false).await;
    assert_eq!(answer.refusal(), must_be_set_up());
    assert!(ada.is_signed_in().await, "at the other server nothing has changed");
}

/// A copy of a database file with what is in its log.
async fn copy_of(from: &std::path::Path, to: &std::path::Path) {
    use sqlx::{Connection as _, SqliteConnection};
    let mut connection = SqliteConnection::connect(from.to_str().unwrap()).await.unwrap();
    let statement = format!("VACUUM INTO '{}'", to.display());
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
