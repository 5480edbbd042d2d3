//! The routes of access tokens.

use futures_util::future::BoxFuture;
use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use serde_json::json;

use super::{Operation, Scene, ada, operation, visitor};
use crate::code_flow::{self, CALLBACK};
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

async fn give_consent(browser: &Browser, scene: &Scene) -> Answer {
    code_flow::consent_of(browser, &scene.client.id, &scene.user_id).await
}

/// Exchanges a code.
async fn exchanged(browser: &Browser, scene: &Scene) -> Answer {
    let answer = give_consent(browser, scene).await;
    if !answer.location().starts_with(CALLBACK) {
        return answer;
    }
    let fields = code_flow::answer_of(&answer);
    let code = code_flow::field(&fields, "code");
    code_flow::exchange(&scene.app, &scene.client, code, &[]).await
}

/// Shows the access token of a code.
async fn userinfo(method: Method, browser: &Browser, scene: &Scene) -> Answer {
    let answer = exchanged(browser, scene).await;
    if answer.status != 200 {
        return answer;
    }
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let visitor = scene.app.browser();
    visitor.ask(method, "/oauth/userinfo", |request| request.header(AUTHORIZATION, bearer)).await
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
        operation("GET /.well-known/openid-configuration", 200, visitor, |b, _| {
            Box::pin(b.get("/.well-known/openid-configuration"))
        }),
        operation("GET /oauth/authorize", 200, ada, |b, s| {
            let path = code_flow::authorize(&s.client.id, &[("prompt", "consent")]);
            Box::pin(async move { b.get(&path).await })
        }),
        operation("POST /oauth/authorize", 303, ada, |b, _| {
            Box::pin(b.post_form("/oauth/authorize", &[("client_id", "x")]))
        })
        .to("/oauth/authorize?client_id=x"),
        operation("POST /oauth/consent", 303, ada, |b, s| Box::pin(give_consent(b, s)))
            .to(CALLBACK),
        operation("GET /api/account/applications", 200, ada, |b, _| {
            Box::pin(b.get("/api/account/applications"))
        }),
        operation("GET /account/applications", 200, ada, |b, _| {
            Box::pin(b.get("/account/applications"))
        }),
        operation("DELETE /api/account/applications/{id}", 204, ada, |b, s| {
            Box::pin(async move {
                let answer = give_consent(b, s).await;
                if !answer.location().starts_with(CALLBACK) {
                    return answer;
                }
                b.delete(&format!("/api/account/applications/{}", s.client.id)).await
            })
        }),
        operation("POST /account/applications/{id}/withdraw", 303, ada, |b, s| {
            Box::pin(async move {
                let answer = give_consent(b, s).await;
                if !answer.location().starts_with(CALLBACK) {
                    return answer;
                }
                let path = format!("/account/applications/{}/withdraw", s.client.id);
                b.post_form(&path, &[]).await
            })
        })
        .to("/account/applications?done=withdrawn"),
        operation("POST /oauth/token", 200, ada, |b, s| Box::pin(exchanged(b, s))),
        operation("GET /oauth/userinfo", 200, ada, |b, s| Box::pin(userinfo(Method::GET, b, s))),
        operation("POST /oauth/userinfo", 200, ada, |b, s| Box::pin(userinfo(Method::POST, b, s))),
        operation("POST /oauth/introspect", 200, ada, |b, s| {
            Box::pin(token_to("/oauth/introspect", b, s))
        }),
        operation("POST /oauth/revoke", 200, ada, |b, s| Box::pin(token_to("/oauth/revoke", b, s)))
            .done(is_revoked),
    ]
}
