//! The routes of passkeys.

use anteroom::accounts::SoftwareKey;
use serde_json::{Value, json};

use super::{Operation, Scene, ada, operation, visitor};
use crate::harness::browser::{Answer, Browser};

const OWN: &str = "/api/account/passkeys";
const FORMS: &str = "/account/second-factor/passkeys";
const SIGN_IN: &str = "/api/session/passkey";

fn key(scene: &Scene) -> SoftwareKey {
    SoftwareKey::new(&scene.app.public_url)
}

/// The options that this path answers, or the answer to whatever failed.
async fn options(browser: &Browser, path: &str) -> Result<Value, Answer> {
    let answer = browser.post(&format!("{path}/options"), json!({})).await;
    if answer.status == 200 { Ok(answer.json()) } else { Err(answer) }
}

async fn add(browser: &Browser, key: &mut SoftwareKey) -> Result<Answer, Answer> {
    let credential = key.register(&options(browser, OWN).await?, &[]);
    let answer = browser.post(OWN, json!({ "credential": credential })).await;
    if answer.status == 201 { Ok(answer) } else { Err(answer) }
}

async fn add_by_form(browser: &Browser, scene: &Scene) -> Result<Answer, Answer> {
    let credential = key(scene).register(&options(browser, OWN).await?, &[]).to_string();
    Ok(browser.post_form(FORMS, &[("credential", &credential)]).await)
}

async fn add_and_sign_in(browser: &Browser, scene: &Scene) -> Result<Answer, Answer> {
    let mut key = key(scene);
    add(ada(scene), &mut key).await?;
    let credential = key.prove(&options(browser, SIGN_IN).await?, &[]);
    Ok(browser.post(SIGN_IN, json!({ "credential": credential })).await)
}

async fn id_of_new(browser: &Browser, scene: &Scene) -> Result<String, Answer> {
    let added = add(browser, &mut key(scene)).await?.json();
    Ok(added["passkey"]["id"].as_str().unwrap().to_owned())
}

async fn add_and_rename(browser: &Browser, scene: &Scene) -> Result<Answer, Answer> {
    let path = format!("{OWN}/{}", id_of_new(browser, scene).await?);
    Ok(browser.patch(&path, json!({ "name": "Phone" })).await)
}

async fn add_and_rename_by_form(browser: &Browser, scene: &Scene) -> Result<Answer, Answer> {
    let path = format!("{FORMS}/{}/rename", id_of_new(browser, scene).await?);
    Ok(browser.post_form(&path, &[("name", "Phone")]).await)
}

/// Adds a passkey, and deletes what an attempt before left as well. The answer to the last deletion.
async fn add_and_delete(browser: &Browser, scene: &Scene) -> Result<Answer, Answer> {
    let last = id_of_new(browser, scene).await?;
    for id in earlier(browser, &last).await? {
        browser.delete(&format!("{OWN}/{id}")).await;
    }
    Ok(browser.delete(&format!("{OWN}/{last}")).await)
}

async fn add_and_delete_by_form(browser: &Browser, scene: &Scene) -> Result<Answer, Answer> {
    let last = id_of_new(browser, scene).await?;
    for id in earlier(browser, &last).await? {
        browser.post_form(&format!("{FORMS}/{id}/remove"), &[]).await;
    }
    Ok(browser.post_form(&format!("{FORMS}/{last}/remove"), &[]).await)
}

/// The passkeys but this one.
async fn earlier(browser: &Browser, last: &str) -> Result<Vec<String>, Answer> {
    let answer = browser.get("/api/account/factors").await;
    if answer.status != 200 {
        return Err(answer);
    }
    let all = answer.json()["passkeys"].as_array().unwrap().clone();
    let ids = all.iter().map(|one| one["id"].as_str().unwrap().to_owned());
    Ok(ids.filter(|id| id != last).collect())
}

/// The last answer, or the one of what failed before.
macro_rules! last {
    ($answers:expr) => {
        Box::pin(async move { $answers.await.unwrap_or_else(|failed| failed) })
    };
}

/// Whether she has none, or could not see the answer with her new token.
async fn has_none_or_lost_token(scene: &Scene) -> bool {
    !has_passkey(scene).await || !scene.ada.is_signed_in().await
}

/// Whether the visitor is signed in, or her new token was lost with the answer that had the passkey.
async fn is_in_or_lost_token(scene: &Scene) -> bool {
    scene.visitor.is_signed_in().await || !scene.ada.is_signed_in().await
}

async fn has_passkey(scene: &Scene) -> bool {
    scene.account(&scene.email).await.is_some_and(|account| account.factors.passkeys)
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        operation("POST /api/session/passkey/options", 200, visitor, |b, _| {
            Box::pin(b.post("/api/session/passkey/options", json!({})))
        }),
        operation("POST /api/session/passkey", 200, visitor, |b, s| last!(add_and_sign_in(b, s)))
            .ends_hers()
            .done(|s| Box::pin(is_in_or_lost_token(s))),
        operation("POST /api/account/passkeys/options", 200, ada, |b, _| {
            Box::pin(b.post("/api/account/passkeys/options", json!({})))
        }),
        operation("POST /api/account/passkeys", 201, ada, |b, s| {
            last!(async move { add(b, &mut key(s)).await })
        })
        .ends_others()
        .done(|s| Box::pin(has_passkey(s))),
        operation("POST /account/second-factor/passkeys", 200, ada, |b, s| {
            last!(add_by_form(b, s))
        })
        .ends_others()
        .done(|s| Box::pin(has_passkey(s))),
        operation("PATCH /api/account/passkeys/{id}", 200, ada, |b, s| last!(add_and_rename(b, s)))
            .ends_others()
            .done(|s| Box::pin(has_passkey(s))),
        operation("POST /account/second-factor/passkeys/{id}/rename", 303, ada, |b, s| {
            last!(add_and_rename_by_form(b, s))
        })
        .to("/account/second-factor?done=passkey-renamed")
        .ends_others()
        .done(|s| Box::pin(has_passkey(s))),
        operation("DELETE /api/account/passkeys/{id}", 204, ada, |b, s| {
            last!(add_and_delete(b, s))
        })
        .ends_others()
        .done(|s| Box::pin(has_none_or_lost_token(s))),
        operation("POST /account/second-factor/passkeys/{id}/remove", 303, ada, |b, s| {
            last!(add_and_delete_by_form(b, s))
        })
        .to("/account/second-factor?done=passkey-removed")
        .ends_others()
        .done(|s| Box::pin(has_none_or_lost_token(s))),
    ]
}
