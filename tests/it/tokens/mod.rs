//! Access tokens: signed for a session, checked with it, and dead with it.

mod admin;
mod bearer;
mod clients;
mod commands;
mod introspection;
mod issuing;
mod peers;
mod refused;
mod rotation;
mod several_servers;

use anteroom::audit::By;
use anteroom::tokens::{Algorithm, NewClient};
use anteroom::use_cases::{Authorized, RegisteredClient};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::app::TestApp;
use crate::harness::browser::{Answer, Browser};

pub const API: &str = "https://api.example.org";

/// A client with its secret.
pub struct Registered {
    pub id: String,
    pub secret: String,
}

pub fn operator() -> Authorized {
    Authorized::by_operator(By::command_line())
}

/// Registers a client for an audience; without one for the public URL.
pub async fn register(app: &TestApp, name: &str, audience: Option<&str>) -> Registered {
    register_with(app, name, audience, Algorithm::Es256).await
}

pub async fn register_with(
    app: &TestApp,
    name: &str,
    audience: Option<&str>,
    algorithm: Algorithm,
) -> Registered {
    let new = NewClient {
        name: name.to_owned(),
        audiences: audience.into_iter().map(str::to_owned).collect(),
        scopes: vec!["groups".to_owned(), "orders:read".to_owned()],
        algorithm,
        ..NewClient::default()
    };
    let added = app.anteroom.clients().add(new, &operator()).await.unwrap();
    let RegisteredClient { client, secret } = added;
    Registered { id: client.id.to_string(), secret: secret.unwrap().reveal().to_owned() }
}

/// Gives the client of this id or name another secret.
pub async fn rotate_secret(app: &TestApp, name: &str, drop_old: bool) -> Registered {
    let clients = app.anteroom.clients();
    let client = clients.find(name).await.unwrap();
    let rotated = clients.rotate_secret(client, drop_old, &operator()).await.unwrap();
    let RegisteredClient { client, secret } = rotated;
    Registered { id: client.id.to_string(), secret: secret.unwrap().reveal().to_owned() }
}

/// Removes the client of this id or name.
pub async fn remove(app: &TestApp, name: &str) {
    let clients = app.anteroom.clients();
    let client = clients.find(name).await.unwrap();
    clients.remove(client, &operator()).await.unwrap();
}

/// An access token of a browser's session; without an audience for the public URL.
pub async fn token_of(browser: &Browser, audience: Option<&str>) -> String {
    let body = audience.map_or(json!({}), |audience| json!({ "audience": audience }));
    let answer = browser.post("/api/session/token", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

/// A request with an access token and no cookie.
pub async fn with_token(app: &TestApp, path: &str, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    app.browser()
        .ask(Method::GET, path, |request| request.header(AUTHORIZATION, authorization))
        .await
}

pub async fn is_accepted(app: &TestApp, token: &str) -> bool {
    let [session, check] = [
        with_token(app, "/api/session", token).await,
        with_token(app, "/auth/verify", token).await,
    ];
    assert_eq!(session.status, check.status, "the two checks disagree");
    match session.status {
        200 => true,
        401 => {
            let bearer = "Bearer error=\"invalid_token\"";
            assert_eq!(session.code(), "invalid_token");
            assert_eq!(
                (session.header("www-authenticate"), check.header("www-authenticate")),
                (bearer, bearer)
            );
            false
        }
        _ => panic!("{}", session.text),
    }
}

/// Adds the fields of a form.
pub fn with_form(request: RequestBuilder, fields: &[(&str, &str)]) -> RequestBuilder {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
}

/// A request of a client, authenticated by HTTP Basic.
pub async fn ask_as(
    app: &TestApp,
    client: &Registered,
    path: &str,
    fields: &[(&str, &str)],
) -> Answer {
    let signed = |request: RequestBuilder| request.basic_auth(&client.id, Some(&client.secret));
    app.browser().ask(Method::POST, path, |request| with_form(signed(request), fields)).await
}

pub async fn introspect(app: &TestApp, client: &Registered, token: &str) -> Value {
    let answer = ask_as(app, client, "/oauth/introspect", &[("token", token)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

/// Whether the client is told that the token is valid. An inactive one tells nothing else.
pub async fn is_active(app: &TestApp, client: &Registered, token: &str) -> bool {
    let told = introspect(app, client, token).await;
    let is_active = told["active"] == true;
    assert!(is_active || told == json!({ "active": false }), "{told}");
    is_active
}
