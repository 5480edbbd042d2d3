//! Sign-in to clients by the code flow: the request, the pages in between, and the exchange.

mod attacks;
mod clients;
mod exchange;
mod flow;
mod prompts;
mod userinfo;

use anteroom::tokens::{Algorithm, NewClient};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::harness::app::TestApp;
use crate::harness::browser::{Answer, Browser};
use crate::tokens::{Registered, operator, with_form};

pub const CALLBACK: &str = "https://app.example.org/callback";
pub const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters";

/// A client that people are not asked about.
pub fn trusted() -> NewClient {
    NewClient {
        name: "Notes".to_owned(),
        redirect_uris: vec![CALLBACK.to_owned()],
        is_trusted: true,
        algorithm: Algorithm::Es256,
        ..NewClient::default()
    }
}

pub async fn add(app: &TestApp, new: NewClient) -> Registered {
    let added = app.anteroom.clients().add(new, &operator()).await.unwrap();
    let secret = added.secret.map(|secret| secret.reveal().to_owned()).unwrap_or_default();
    Registered { id: added.client.id.to_string(), secret }
}

pub fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

/// The path of a request, with other values in place of the usual ones. An empty one is left out.
pub fn authorize(client: &str, changed: &[(&str, &str)]) -> String {
    let challenge = challenge();
    let usual = [
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid email"),
        ("state", "a state"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let is_changed = |name: &str| changed.iter().any(|(changed, _)| *changed == name);
    let kept = usual.iter().filter(|(name, _)| !is_changed(name)).chain(changed);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(kept.filter(|(_, value)| !value.is_empty()));
    format!("/oauth/authorize?{}", query.finish())
}

/// The parameters of an answer that leads to the client.
pub fn answer_of(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert!(answer.location().starts_with(CALLBACK), "{}", answer.location());
    let url = Url::parse(answer.location()).unwrap();
    url.query_pairs().into_owned().collect()
}

pub fn field<'f>(fields: &'f [(String, String)], name: &str) -> &'f str {
    fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

/// The error that the client is told.
pub fn error_of(answer: &Answer) -> String {
    let fields = answer_of(answer);
    assert!(field(&fields, "code").is_empty());
    assert_eq!(field(&fields, "state"), "a state");
    field(&fields, "error").to_owned()
}

/// The answer to the consent of a signed-in browser.
pub async fn consent_to(browser: &Browser, client: &str) -> Answer {
    let user = browser.whoami().await.json()["user"]["id"].as_str().unwrap_or_default().to_owned();
    consent_of(browser, client, &user).await
}

/// As [`consent_to`], where the page showed this user.
pub async fn consent_of(browser: &Browser, client: &str, user: &str) -> Answer {
    let path = authorize(client, &[]);
    let fields = url::form_urlencoded::parse(path.split_once('?').unwrap().1.as_bytes());
    let fields: Vec<(String, String)> = fields.into_owned().collect();
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<_> = fields.chain([("decision", "allow"), ("user", user)]).collect();
    browser.post_form("/oauth/consent", &fields).await
}

/// A code for a signed-in browser.
pub async fn code_of(browser: &Browser, client: &str, changed: &[(&str, &str)]) -> String {
    let answer = browser.get(&authorize(client, changed)).await;
    let code = field(&answer_of(&answer), "code").to_owned();
    assert!(!code.is_empty(), "{}", answer.location());
    code
}

/// The exchange of a code, with other values in place of the usual ones.
pub async fn exchange(
    app: &TestApp,
    client: &Registered,
    code: &str,
    changed: &[(&str, &str)],
) -> Answer {
    let usual = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", &client.id),
        ("client_secret", &client.secret),
    ];
    let is_changed = |name: &str| changed.iter().any(|(changed, _)| *changed == name);
    let kept = usual.iter().filter(|(name, _)| !is_changed(name)).chain(changed);
    let fields: Vec<(&str, &str)> = kept.copied().filter(|(_, value)| !value.is_empty()).collect();
    app.browser().ask(Method::POST, "/oauth/token", |request| with_form(request, &fields)).await
}

/// The tokens for a code.
pub async fn tokens_of(app: &TestApp, client: &Registered, code: &str) -> Value {
    let answer = exchange(app, client, code, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

/// The word of an OAuth error.
pub fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"].as_str().unwrap_or_default().to_owned())
}

pub fn claims(token: &Value) -> Value {
    let part = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
