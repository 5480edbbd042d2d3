//! The routes of access tokens.

use futures_util::future::BoxFuture;
use serde_json::json;

use super::{Operation, Scene, ada, operation, visitor};
use crate::harness::browser::{Answer, Browser};
use crate::tokens::{ask_as, is_active};

/// Gets a token of her session, and sends it as the client.
async fn token_to(path: &str, browser: &Browser, scene: &Scene) -> Answer {
    let answer = browser.post("/api/session/token", json!({})).await;
    if answer.status != 200 {
        return answer;
    }
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    scene.token.lock().unwrap().clone_from(&token);
    ask_as(&scene.app, &scene.client, path, &[("token", &token)]).await
}

fn is_revoked(scene: &Scene) -> BoxFuture<'_, bool> {
    let token = scene.token.lock().unwrap().clone();
    Box::pin(
        async move { !token.is_empty() && !is_active(&scene.app, &scene.client, &token).await },
    )
}

pub fn operations() -> Vec<Operation> {
    vec![
        operation("POST /api/session/token", 200, ada, |b, _| {
            Box::pin(b.post("/api/session/token", json!({})))
        }),
        operation("GET /oauth/jwks", 200, visitor, |b, _| Box::pin(b.get("/oauth/jwks"))),
        operation("GET /.well-known/oauth-authorization-server", 200, visitor, |b, _| {
            Box::pin(b.get("/.well-known/oauth-authorization-server"))
        }),
        operation("POST /oauth/introspect", 200, ada, |b, s| {
            Box::pin(token_to("/oauth/introspect", b, s))
        }),
        operation("POST /oauth/revoke", 200, ada, |b, s| Box::pin(token_to("/oauth/revoke", b, s)))
            .done(is_revoked),
    ]
}
