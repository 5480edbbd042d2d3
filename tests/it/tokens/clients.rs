//! Clients that ask about tokens: how they authenticate, and which tokens are theirs.

use anteroom::tokens::Algorithm;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use ring::hmac;
use serde_json::{Value, json};

use super::{
    API, Registered, ask_as, is_accepted, is_active, register, register_with, rotate_secret,
    token_of, with_form, with_token,
};
use crate::harness::app::{Kind, TestApp, on_one_store};

on_one_store!(
    a_client_learns_nothing_of_tokens_for_others,
    a_client_authenticates_in_one_of_two_ways,
    a_client_revokes_its_own_tokens_only,
    attack_139_a_client_that_signs_revokes_no_token_of_another,
    an_earlier_secret_is_valid_until_the_rotation_after_the_next,
    a_token_of_any_algorithm_is_introspected_by_its_audience_only,
);

async fn a_client_learns_nothing_of_tokens_for_others(kind: Kind) {
    let app = TestApp::start(kind).await;
    let orders = register(&app, "Orders", Some(API)).await;
    let billing = register(&app, "Billing", Some("https://billing.example.org")).await;
    let ada = app.signed_in("ada@example.org").await;
    let token = token_of(&ada, Some(API)).await;
    assert!(is_active(&app, &orders, &token).await);
    assert!(!is_active(&app, &billing, &token).await);
    for text in ["x", "a.b.c", &ada.token(), &format!("{token}x")] {
        assert!(!is_active(&app, &orders, text).await, "{text}");
    }
}

async fn a_client_authenticates_in_one_of_two_ways(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = register(&app, "Orders", Some(API)).await;
    let other = register(&app, "Billing", Some("https://billing.example.org")).await;
    let ada = app.signed_in("ada@example.org").await;
    let token = token_of(&ada, Some(API)).await;
    let (id, secret) = (&*client.id, &*client.secret);
    let post = async |fields: &[(&str, &str)]| {
        app.browser()
            .ask(Method::POST, "/oauth/introspect", |request| with_form(request, fields))
            .await
    };
    let in_body = [("token", &*token), ("client_id", id), ("client_secret", secret)];
    assert_eq!(post(&in_body).await.json()["active"], true);

    let refused = |fields: Vec<(&'static str, String)>| fields;
    let wrong = [
        refused(vec![]),
        refused(vec![("client_id", id.to_owned())]),
        refused(vec![("client_id", id.to_owned()), ("client_secret", String::new())]),
        refused(vec![("client_id", id.to_owned()), ("client_secret", other.secret.clone())]),
        refused(vec![("client_id", "orders".to_owned()), ("client_secret", secret.to_owned())]),
        refused(vec![("client_secret", secret.to_owned())]),
    ];
    for fields in wrong {
        let mut fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (*name, &**value)).collect();
        fields.push(("token", &token));
        let answer = post(&fields).await;
        assert_eq!(answer.status, 401, "{fields:?}");
        assert_eq!(answer.json()["error"], "invalid_client");
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"anteroom\"");
    }
    // Both ways, or two clients in one request.
    let answer = ask_as(&app, &client, "/oauth/introspect", &in_body).await;
    assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("invalid_request")));
    let answer = ask_as(&app, &other, "/oauth/introspect", &in_body[..2]).await;
    assert_eq!(answer.json()["error"], "invalid_client");
    // Without a token, twice, as JSON, and in the query.
    for fields in [&[][..], &[("token", "")], &[("token", "a"), ("token", "b")]] {
        let answer = ask_as(&app, &client, "/oauth/introspect", fields).await;
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("invalid_request")));
    }
    let json = app.browser().post("/oauth/introspect", json!({ "token": token })).await;
    assert_eq!((json.status, &json.json()["error"]), (400, &json!("invalid_request")));
    let query = format!("/oauth/introspect?token={token}");
    let answer = ask_as(&app, &client, &query, &[]).await;
    assert_eq!(answer.status, 400);
    // A browser's session is no client.
    let answer =
        ada.ask(Method::POST, "/oauth/introspect", |r| with_form(r, &[("token", &token)])).await;
    assert_eq!(answer.status, 401);
}

async fn a_client_revokes_its_own_tokens_only(kind: Kind) {
    let app = TestApp::start(kind).await;
    let pages = register(&app, "Pages", None).await;
    let orders = register(&app, "Orders", Some(API)).await;
    let ada = app.signed_in("ada@example.org").await;
    let token = token_of(&ada, None).await;
    for text in [&*token, "x", "", &ada.token()] {
        let answer = ask_as(&app, &orders, "/oauth/revoke", &[("token", text)]).await;
        assert_eq!(answer.status, if text.is_empty() { 400 } else { 200 }, "{text}");
    }
    assert!(is_accepted(&app, &token).await && is_active(&app, &pages, &token).await);
    let stranger = Registered { id: orders.id.clone(), secret: "x".repeat(43) };
    let answer = ask_as(&app, &stranger, "/oauth/revoke", &[("token", &token)]).await;
    assert_eq!(answer.status, 401);
    assert_eq!(with_token(&app, "/api/session", &token).await.status, 200);
}

async fn attack_139_a_client_that_signs_revokes_no_token_of_another(kind: Kind) {
    let app = TestApp::start(kind).await;
    register(&app, "Pages", None).await;
    let old = register_with(&app, "Old", Some("old"), Algorithm::Hs256).await;
    let ada = app.signed_in("ada@example.org").await;
    let token = token_of(&ada, None).await;
    let part = |token: &str, number: usize| {
        let part = token.split('.').nth(number).unwrap().to_owned();
        serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let own = token_of(&ada, Some("old")).await;
    let (header, mut claims) = (part(&own, 0), part(&own, 1));
    claims["jti"] = part(&token, 1)["jti"].clone();
    let text = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let key = hmac::Key::new(hmac::HMAC_SHA256, old.secret.as_bytes());
    let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&key, text.as_bytes()));
    let forged = format!("{text}.{tag}");
    assert!(is_active(&app, &old, &forged).await);

    let answer = ask_as(&app, &old, "/oauth/revoke", &[("token", &forged)]).await;
    assert_eq!(answer.status, 200);
    assert!(!is_active(&app, &old, &forged).await);
    assert!(is_accepted(&app, &token).await, "another token has this id");
    assert!(is_active(&app, &old, &own).await);
}

async fn an_earlier_secret_is_valid_until_the_rotation_after_the_next(kind: Kind) {
    let app = TestApp::start(kind).await;
    let first = register(&app, "Orders", Some(API)).await;
    let ada = app.signed_in("ada@example.org").await;
    let token = token_of(&ada, Some(API)).await;
    let rotate = async |drop: bool| rotate_secret(&app, "Orders", drop).await;
    let works = async |client: &Registered| {
        ask_as(&app, client, "/oauth/introspect", &[("token", &token)]).await.status == 200
    };
    let second = rotate(false).await;
    assert!(works(&first).await && works(&second).await);
    let third = rotate(false).await;
    assert!(!works(&first).await && works(&second).await && works(&third).await);
    let last = rotate(true).await;
    assert!(!works(&second).await && !works(&third).await && works(&last).await);
}

async fn a_token_of_any_algorithm_is_introspected_by_its_audience_only(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    let mut known = Vec::new();
    for algorithm in Algorithm::ALL {
        let audience = format!("https://{}.example.org", algorithm.as_str().to_lowercase());
        let client = register_with(&app, algorithm.as_str(), Some(&audience), algorithm).await;
        let token = token_of(&ada, Some(&audience)).await;
        known.push((client, token));
    }
    for (client, _) in &known {
        for (owner, token) in &known {
            let is_own = owner.id == client.id;
            assert_eq!(is_active(&app, client, token).await, is_own);
        }
    }
    // A new secret signs the next token, and the earlier one is still known.
    let (client, token) = known.pop().unwrap();
    let client = rotate_secret(&app, &client.id, false).await;
    assert!(is_active(&app, &client, &token).await);
    let next = token_of(&ada, Some("https://hs256.example.org")).await;
    assert!(is_active(&app, &client, &next).await);
    let client = rotate_secret(&app, &client.id, true).await;
    assert!(!is_active(&app, &client, &token).await, "its secret is gone");
}
