//! A gateway that caches session checks, and follows the revocation feed to invalidate them.
//!
//! `ADMIN_EMAIL=… ADMIN_PASSWORD=… cargo run --example revocation_feed`, with Anteroom at
//! <http://localhost:8080>, then `curl -b anteroom=TOKEN http://localhost:3001`.

mod cache;

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;
use reqwest::Client;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::time::sleep;

use cache::Cache;

const ANTEROOM: &str = "http://localhost:8080";
/// The session cookie. With an https public URL it is `__Host-anteroom`.
const COOKIE: &str = "anteroom=";

/// State of the request handler.
#[derive(Clone)]
struct Gateway {
    cache: Arc<Cache>,
    client: Client,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let administrator = json!({
        "email": std::env::var("ADMIN_EMAIL")?,
        "password": std::env::var("ADMIN_PASSWORD")?,
    });
    let cache = Arc::new(Cache::default());
    tokio::spawn(follow(Arc::clone(&cache), administrator));

    let gateway = Gateway { cache, client: Client::new() };
    let app = Router::new().route("/", get(greet)).with_state(gateway);
    let listener = TcpListener::bind("127.0.0.1:3001").await?;
    println!("http://localhost:3001");
    axum::serve(listener, app).await?;
    Ok(())
}

/// Follows the feed, and retries after errors. During an outage the cache returns nothing.
async fn follow(cache: Arc<Cache>, administrator: Value) {
    loop {
        if let Err(error) = follow_as(&cache, &administrator).await {
            eprintln!("could not follow the revocation feed; will retry: {error}");
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// Signs in and polls the feed. The polls also keep the session from timing out.
async fn follow_as(cache: &Cache, administrator: &Value) -> Result<(), reqwest::Error> {
    let client = Client::builder().cookie_store(true).build()?;
    let sign_in = client.post(format!("{ANTEROOM}/api/session")).json(administrator);
    sign_in.send().await?.error_for_status()?;
    loop {
        let feed = match cache.cursor() {
            Some(cursor) => format!("{ANTEROOM}/api/admin/revocations?wait=2&after={cursor}"),
            None => format!("{ANTEROOM}/api/admin/revocations"),
        };
        let asked_at = Instant::now();
        let answer = client.get(feed).send().await?;
        if answer.status() == StatusCode::GONE {
            cache.drop_everything();
            continue;
        }
        cache.hear(&answer.error_for_status()?.json().await?, asked_at);
    }
}

/// A page for signed-in users.
async fn greet(State(gateway): State<Gateway>, headers: HeaderMap) -> Result<String, StatusCode> {
    let cookies = headers.get(header::COOKIE).and_then(|cookies| cookies.to_str().ok());
    let mut token = cookies.into_iter().flat_map(|cookies| cookies.split("; "));
    let token = token.find_map(|cookie| cookie.strip_prefix(COOKIE));
    let token = token.ok_or(StatusCode::UNAUTHORIZED)?;
    let now = now();
    if let Some(answer) = gateway.cache.find(token, now) {
        return Ok(format!("{} (from memory)\n", answer["user"]["email"]));
    }
    let ticket = gateway.cache.ticket();
    let answer = gateway.ask(token).await?;
    if let Some(ticket) = ticket {
        gateway.cache.keep(&ticket, token, &answer, now);
    }
    Ok(format!("{}\n", answer["user"]["email"]))
}

#[expect(clippy::disallowed_methods, reason = "a gateway has a clock of its own")]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

impl Gateway {
    /// Asks Anteroom about a session. 503 means that its store does not answer, not that the session has
    /// ended.
    async fn ask(&self, token: &str) -> Result<Value, StatusCode> {
        let question = self.client.get(format!("{ANTEROOM}/api/session"));
        let question = question.header(header::COOKIE, format!("{COOKIE}{token}"));
        let answer = question.send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
        if answer.status() != StatusCode::OK {
            return Err(answer.status());
        }
        answer.json().await.map_err(|_| StatusCode::BAD_GATEWAY)
    }
}
