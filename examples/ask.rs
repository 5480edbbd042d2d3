//! An axum application that asks Anteroom who is signed in.
//!
//! `ANTEROOM=http://localhost:8080 PORT=3002 cargo run --example ask`

use std::{env, error::Error, time::Duration};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header::COOKIE};
use axum::routing::get;
use reqwest::Client;
use serde::Deserialize;
use tokio::net::TcpListener;

#[derive(Deserialize)]
struct SignedIn {
    user: User,
}

#[derive(Deserialize)]
struct User {
    email: String,
}

#[derive(Clone)]
struct Anteroom {
    client: Client,
    url: String,
}

impl Anteroom {
    /// The user of these cookies, or `None`.
    async fn signed_in(&self, headers: &HeaderMap) -> reqwest::Result<Option<User>> {
        let mut question = self.client.get(format!("{}/api/session", self.url));
        for cookies in headers.get_all(COOKIE) {
            question = question.header(COOKIE, cookies);
        }
        let answer = question.send().await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            return Ok(None);
        }
        let answer: SignedIn = answer.error_for_status()?.json().await?;
        Ok(Some(answer.user))
    }
}

async fn greet(State(anteroom): State<Anteroom>, headers: HeaderMap) -> (StatusCode, String) {
    match anteroom.signed_in(&headers).await {
        Ok(Some(user)) => (StatusCode::OK, user.email),
        Ok(None) => (StatusCode::UNAUTHORIZED, "Sign in first.".to_owned()),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "Try again.".to_owned()),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::builder().timeout(Duration::from_secs(5)).build()?;
    let anteroom = Anteroom { client, url: env::var("ANTEROOM")? };
    let app = Router::new().route("/", get(greet)).with_state(anteroom);
    let listener = TcpListener::bind(format!("127.0.0.1:{}", env::var("PORT")?)).await?;
    axum::serve(listener, app).await?;
    Ok(())
}
