//! The way from the client to the sign-in page, and back with a code.

use anteroom::tokens::NewClient;
use serde_json::json;

use super::{
    CALLBACK, add, answer_of, authorize, claims, code_of, error_of, field, tokens_of, trusted,
};
use crate::harness::app::{Kind, PASSWORD, TestApp, on_each_store};
use crate::harness::browser::{Answer, Browser};
use crate::tokens::{Registered, is_active};

on_each_store!(
    a_signed_in_browser_gets_a_code_and_the_client_tokens,
    a_visitor_signs_in_on_the_way,
    a_user_is_asked_once_before_a_client_that_is_not_trusted,
    an_answer_by_form_leads_to_the_client,
    only_the_groups_of_a_client_sign_in_to_it,
);

/// Sends a form of a page, with its hidden fields.
async fn send_form(browser: &Browser, page: &Answer, path: &str, more: &[(&str, &str)]) -> Answer {
    let form = page.text.split(&format!("action=\"{path}\"")).nth(1).unwrap();
    let form = form.split("</form>").next().unwrap();
    let hidden = form.split("<input type=\"hidden\" name=\"").skip(1);
    let fields: Vec<(String, String)> = hidden
        .map(|input| {
            let (name, rest) = input.split_once("\" value=\"").unwrap();
            let value = rest.split_once('"').unwrap().0;
            let value = value.replace("&#38;", "&").replace("&amp;", "&").replace("&#34;", "\"");
            (name.to_owned(), value)
        })
        .collect();
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<(&str, &str)> = fields.chain(more.iter().copied()).collect();
    browser.post_form(path, &fields).await
}

async fn a_signed_in_browser_gets_a_code_and_the_client_tokens(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    let ada = app.signed_in("ada@example.org").await;
    let answer = ada.get(&authorize(&client.id, &[("nonce", "a nonce")])).await;
    let fields = answer_of(&answer);
    assert_eq!(field(&fields, "state"), "a state");
    assert_eq!(field(&fields, "iss"), app.public_url);
    assert_eq!(answer.header("cache-control"), "no-store");

    let told = tokens_of(&app, &client, field(&fields, "code")).await;
    assert_eq!((&told["token_type"], &told["expires_in"]), (&json!("Bearer"), &json!(300)));
    assert_eq!(told["scope"], "openid email");
    assert!(told.get("refresh_token").is_none());
    let id = claims(&told["id_token"]);
    assert_eq!((&id["iss"], &id["aud"]), (&json!(app.public_url), &json!(client.id)));
    assert_eq!(id["sub"], ada.user_id().await);
    assert_eq!(id["sid"], ada.session_id().await);
    assert_eq!((&id["nonce"], &id["acr"]), (&json!("a nonce"), &json!("1")));
    assert_eq!((&id["email"], &id["email_verified"]), (&json!("ada@example.org"), &json!(true)));
    assert!(id.get("name").is_none() && id.get("groups").is_none(), "{id}");
    let access = claims(&told["access_token"]);
    assert_eq!(
        (&access["aud"], &access["scope"]),
        (&json!(app.public_url), &json!("openid email"))
    );
    assert_eq!(access["client_id"], client.id);
}

async fn a_visitor_signs_in_on_the_way(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    app.signed_in("ada@example.org").await;
    let visitor = app.browser();
    let answer = visitor.get(&authorize(&client.id, &[])).await;
    assert_eq!(answer.status, 303);
    assert!(answer.location().starts_with("/login?next=/oauth/authorize"), "{}", answer.location());
    let page = visitor.get(answer.location()).await;
    // Browsers hold `form-action` against the redirects after the form, too.
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action 'self' https://app.example.org;"), "{policy}");
    let fields = [("email", "ada@example.org"), ("password", PASSWORD)];
    let answer = send_form(&visitor, &page, "/login", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    // The sign-in page looks whether the cookie was kept.
    assert!(answer.location().starts_with("/login?next=/oauth/authorize"), "{}", answer.location());
    let answer = visitor.get(answer.location()).await;
    assert!(answer.location().starts_with("/oauth/authorize?"), "{}", answer.location());
    let code = visitor.get(answer.location()).await;
    assert!(!field(&answer_of(&code), "code").is_empty());
}

async fn a_user_is_asked_once_before_a_client_that_is_not_trusted(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, NewClient { is_trusted: false, ..trusted() }).await;
    let ada = app.signed_in("ada@example.org").await;
    let path = authorize(&client.id, &[]);
    let page = ada.get(&path).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.contains("Notes wants to sign you in"), "{}", page.text);
    assert!(page.text.contains("https://app.example.org"), "{}", page.text);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action 'self' https://app.example.org;"), "{policy}");

    let answer = send_form(&ada, &page, "/oauth/consent", &[("decision", "deny")]).await;
    assert_eq!(error_of(&answer), "access_denied");
    assert_eq!(ada.get(&path).await.status, 200, "asked again");
    let answer = send_form(&ada, &page, "/oauth/consent", &[("decision", "allow")]).await;
    tokens_of(&app, &client, field(&answer_of(&answer), "code")).await;
    code_of(&ada, &client.id, &[]).await;
    // For more scopes, where the client wants it, and everybody for themselves.
    let more = ada.get(&authorize(&client.id, &[("scope", "openid email profile")])).await;
    assert_eq!(more.status, 200);
    let again = ada.get(&authorize(&client.id, &[("prompt", "consent")])).await;
    assert_eq!(again.status, 200);
    let bob = app.signed_in("bob@example.org").await;
    assert_eq!(bob.get(&path).await.status, 200);
    withdrawal(&app, &client, &ada).await;
    let root = app.administrator("root@example.org").await;
    let events = root.get("/api/admin/audit?kind=consent_given").await.json()["events"].clone();
    assert_eq!(events.as_array().unwrap().len(), 1, "{events}");
    assert_eq!(events[0]["details"]["scope"], "openid email");
}

/// The user lists the application, and withdraws the consent.
async fn withdrawal(app: &TestApp, client: &Registered, ada: &Browser) {
    let code = code_of(ada, &client.id, &[]).await;
    let told = tokens_of(app, client, &code_of(ada, &client.id, &[]).await).await;
    let token = told["access_token"].as_str().unwrap();
    assert!(is_active(app, client, token).await && is_active(app, client, token).await);
    let listed = ada.get("/api/account/applications").await.json();
    assert_eq!(listed["applications"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["applications"][0]["client_id"], client.id);
    assert_eq!(listed["applications"][0]["scopes"], json!(["openid", "email"]));
    let page = ada.get("/account/applications").await;
    assert!(page.text.contains("Notes"), "{}", page.text);

    let path = format!("/api/account/applications/{}", client.id);
    assert_eq!(ada.delete(&path).await.status, 204);
    assert_eq!(ada.delete(&path).await.refusal(), (404, "client_not_found".to_owned()));
    assert!(!is_active(app, client, token).await);
    let late = super::exchange(app, client, &code, &[]).await;
    assert_eq!(super::refusal(&late), (400, "invalid_grant".to_owned()));
    assert_eq!(ada.get(&authorize(&client.id, &[])).await.status, 200, "asked again");
}

async fn an_answer_by_form_leads_to_the_client(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = add(&app, trusted()).await;
    let ada = app.signed_in("ada@example.org").await;
    let page = ada.get(&authorize(&client.id, &[("response_mode", "form_post")])).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.contains(&format!("action=\"{CALLBACK}\"")), "{}", page.text);
    let code = page.text.split("name=\"code\" value=\"").nth(1).unwrap();
    tokens_of(&app, &client, code.split('"').next().unwrap()).await;
}

async fn only_the_groups_of_a_client_sign_in_to_it(kind: Kind) {
    let app = TestApp::start(kind).await;
    let new = NewClient { allowed_groups: vec!["staff".to_owned()], ..trusted() };
    let client = add(&app, new).await;
    let (ada, root) =
        (app.signed_in("ada@example.org").await, app.administrator("root@example.org").await);
    assert_eq!(error_of(&ada.get(&authorize(&client.id, &[])).await), "access_denied");
    let user = format!("/api/admin/users/{}", ada.user_id().await);
    assert_eq!(root.patch(&user, json!({ "groups": ["staff"] })).await.status, 200);
    let told = tokens_of(&app, &client, &code_of(&ada, &client.id, &[]).await).await;
    let token = told["access_token"].as_str().unwrap();
    assert!(is_active(&app, &client, token).await && is_active(&app, &client, token).await);
    let code = code_of(&ada, &client.id, &[]).await;
    assert_eq!(root.patch(&user, json!({ "groups": [] })).await.status, 200);
    assert!(!is_active(&app, &client, token).await);
    assert_eq!(ada.post("/api/session/token", json!({})).await.status, 422);
    let answer = super::exchange(&app, &client, &code, &[]).await;
    assert_eq!(super::refusal(&answer), (400, "invalid_grant".to_owned()));
}
