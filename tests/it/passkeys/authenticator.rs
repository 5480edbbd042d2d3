//! Ceremonies with a key in software.

use anteroom::accounts::{Quirk, SoftwareKey};
use serde_json::{Value, json};

use crate::harness::app::TestApp;
use crate::harness::browser::{Answer, Browser};

/// A key for pages of this server.
pub fn key(app: &TestApp) -> SoftwareKey {
    SoftwareKey::new(&app.public_url)
}

/// The options for a proof or a sign-in.
pub async fn options(browser: &Browser) -> Value {
    let answer = browser.post("/api/session/passkey/options", json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// The options for a new passkey.
pub async fn options_to_add(browser: &Browser) -> Value {
    let answer = browser.post("/api/account/passkeys/options", json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// Adds a key to the account of this session.
pub async fn add(browser: &Browser, key: &mut SoftwareKey) -> Value {
    let options = options_to_add(browser).await;
    let answer = send_new(browser, &key.register(&options, &[])).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()
}

pub async fn send_new(browser: &Browser, credential: &Value) -> Answer {
    browser.post("/api/account/passkeys", json!({ "credential": credential })).await
}

/// A sign-in, right or wrong.
pub async fn sign_in_with(browser: &Browser, key: &mut SoftwareKey, quirks: &[Quirk]) -> Answer {
    let options = options(browser).await;
    send(browser, &key.prove(&options, quirks)).await
}

pub async fn send(browser: &Browser, credential: &Value) -> Answer {
    browser.post("/api/session/passkey", json!({ "credential": credential })).await
}

/// A browser that has signed in with this key.
pub async fn signed_in_with(app: &TestApp, key: &mut SoftwareKey) -> Browser {
    let browser = app.browser();
    let answer = sign_in_with(&browser, key, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    browser
}

pub fn refused() -> (u16, String) {
    (401, "invalid_credentials".to_owned())
}

/// The ids of the passkeys of this account.
pub async fn ids(browser: &Browser) -> Vec<String> {
    let factors = browser.get("/api/account/factors").await.json();
    let passkeys = factors["passkeys"].as_array().unwrap().iter();
    passkeys.map(|passkey| passkey["id"].as_str().unwrap().to_owned()).collect()
}
