//! `ANTEROOM_PASSKEYS`, the public URL, and what is said before anybody signs in.

use anteroom::Options;
use anteroom::accounts::SoftwareKey;
use serde_json::json;

use super::authenticator::{add, key, options};
use crate::harness::app::{Kind, PASSWORD, TestApp, on_one_store};
use crate::harness::browser::Browser;
use crate::harness::server::Server;

const ADA: &str = "ada@example.org";

on_one_store!(
    where_passkeys_are_off_their_routes_are_not_there,
    an_address_in_the_public_url_switches_them_off,
    the_options_say_nothing_of_accounts,
    pk_6_the_user_handle_is_the_random_id_of_the_account,
    one_network_gets_120_challenges_a_minute,
);

const PATHS: [&str; 4] = [
    "/api/session/passkey/options",
    "/api/session/passkey",
    "/api/account/passkeys/options",
    "/api/account/passkeys",
];

async fn are_off(app: &TestApp) {
    let ada = app.signed_in(ADA).await;
    for path in PATHS {
        let body = if path.ends_with("options") { json!({}) } else { json!({ "credential": {} }) };
        assert_eq!(ada.post(path, body).await.refusal(), (404, "not_found".to_owned()), "{path}");
    }
    let path = "/api/account/passkeys/01a1fc81-5b3e-7000-9a41-6f0c2d9be310";
    assert_eq!(ada.patch(path, json!({ "name": "x" })).await.status, 404);
    assert_eq!(ada.delete(path).await.status, 404);
    assert_eq!(ada.get("/api/account/factors").await.json()["passkeys"], json!([]));
    for page in ["/login", "/account/second-factor"] {
        let browser = if page == "/login" { app.browser() } else { ada.copy() };
        assert!(!browser.get(page).await.text.contains("passkey"), "{page}");
    }
}

async fn where_passkeys_are_off_their_routes_are_not_there(kind: Kind) {
    let app = TestApp::start_with(kind, |options: &mut Options| options.passkeys = false).await;
    are_off(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovery_codes_can_be_renewed_where_the_only_passkey_is_switched_off() {
    let server = Server::start();
    let ada = Browser::of(server.address(), &server.url);
    assert_eq!(ada.sign_up(ADA, PASSWORD).await.status, 201);
    let mut key = SoftwareKey::new(&server.url);
    add(&ada, &mut key).await;
    let codes = "action=\"/account/second-factor/recovery-codes\"";
    assert!(ada.get("/account/second-factor").await.text.contains(codes));

    let server = server.stop().with("ANTEROOM_PASSKEYS", "off").serve(&[]);

    let token = ada.token();
    let ada = Browser::of(server.address(), &server.url);
    ada.hold(&token);
    let page = ada.get("/account/second-factor").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains(codes) && page.text.contains("10 codes are left"), "{}", page.text);
    assert!(!page.text.contains("id=\"passkeys\""), "{}", page.text);
}

async fn an_address_in_the_public_url_switches_them_off(kind: Kind) {
    let app = TestApp::start_with(kind, |options: &mut Options| {
        options.public_url = options.public_url.replace("localhost", "127.0.0.1");
    })
    .await;
    are_off(&app).await;
}

async fn the_options_say_nothing_of_accounts(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    add(&ada, &mut key(&app)).await;
    let browser = app.browser();
    let asked = browser.post("/api/session/passkey/options", json!({})).await;
    let cookies = asked.set_cookies().join("\n");
    assert!(cookies.starts_with("anteroom-passkey="), "{cookies}");
    assert!(cookies.ends_with("; HttpOnly; Path=/; SameSite=Lax; Max-Age=300"), "{cookies}");
    let asked = asked.json();
    assert_eq!((&asked["allowCredentials"], &asked["rpId"]), (&json!([]), &json!("localhost")));
    assert_eq!(asked["userVerification"], "required");
    assert_ne!(asked["challenge"], options(&browser).await["challenge"]);
    let with_address = json!({ "email": ADA });
    assert_eq!(browser.post("/api/session/passkey/options", with_address).await.status, 400);
    let bob = app.signed_in("bob@example.org").await;
    let none = bob.post("/api/session/passkey/options", json!({})).await;
    assert_eq!(none.refusal(), (404, "not_found".to_owned()), "nothing to prove");
    // A wrong password says no more than before.
    let refused = browser.try_to_sign_in(ADA, "another phrase of words", false).await;
    assert_eq!(refused.refusal(), (401, "invalid_credentials".to_owned()));
    assert_eq!(browser.try_to_sign_in(ADA, PASSWORD, false).await.status, 401);
}

async fn pk_6_the_user_handle_is_the_random_id_of_the_account(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in(ADA).await;
    let mut key = key(&app);
    add(&ada, &mut key).await;
    let id = uuid::Uuid::parse_str(&ada.user_id().await).unwrap();
    assert_eq!(key.user_handle, id.as_bytes());
    assert_eq!(id.get_version_num(), 7, "a time and 62 random bits, nothing of the person");
}

async fn one_network_gets_120_challenges_a_minute(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.browser();
    let mut refused = 0;
    for _ in 0..130 {
        let answer = browser.post("/api/session/passkey/options", json!({})).await;
        refused += u32::from(answer.status == 429);
    }
    assert!((5..=10).contains(&refused), "{refused}");
}
