//! No secret is kept or told in a form that would sign anybody in.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::harness::app::{Kind, OTHER_PASSWORD, PASSWORD, TestApp, on_each_store};
use crate::harness::browser::Answer;
use crate::harness::server::Place;

on_each_store!(
    sid_3_no_file_holds_a_token_or_a_password,
    sid_4_the_token_is_in_its_cookie_and_in_no_other_part_of_an_answer,
    attack_93_what_people_send_is_text_to_the_database_and_to_the_pages,
);

fn holds(bytes: &[u8], secret: &[u8]) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret)
}

async fn sid_3_no_file_holds_a_token_or_a_password(kind: Kind) {
    let app = TestApp::start(kind).await;
    let link = app.anteroom.issue_setup_link().await.unwrap().unwrap();
    let browser = app.signed_in("ada@example.org").await;
    let mut secrets = vec![PASSWORD.to_owned(), OTHER_PASSWORD.to_owned(), browser.token()];
    secrets.push(link.split_once('=').unwrap().1.to_owned());
    browser.reauthenticate(PASSWORD).await;
    secrets.push(browser.token());
    browser.change_password(PASSWORD, OTHER_PASSWORD).await;
    secrets.push(browser.token());
    browser.delete("/api/sessions").await;
    secrets.push(browser.token());
    let visitor = app.browser();
    visitor.patch("/api/session/data", json!({ "a": 1 })).await;
    secrets.push(visitor.token());
    // Tried, so that whatever records attempts has seen it.
    app.browser().try_to_sign_in(OTHER_PASSWORD, PASSWORD, false).await;
    let live = Sha256::digest(browser.token());

    let mut found = Vec::new();
    for file in std::fs::read_dir(app.folder.path()).unwrap() {
        found.extend(std::fs::read(file.unwrap().path()).unwrap());
    }

    assert!(holds(&found, b"ada@example.org"), "these are not the files");
    assert!(holds(&found, &live) || kind != Kind::Database, "these are not all the files");
    for secret in secrets {
        assert!(secret.len() > 20);
        assert!(!holds(&found, secret.as_bytes()), "{secret} is in a file");
    }
}

/// That an answer says nothing of these tokens, but for the one it sets.
fn tells_no_token(answer: &Answer, tokens: &[String]) {
    for token in tokens.iter().filter(|token| !token.is_empty()) {
        assert!(!answer.text.contains(token.as_str()), "{}", answer.text);
        for (name, value) in &answer.headers {
            let value = value.to_str().unwrap();
            let is_cookie = name == "set-cookie" && value.starts_with("anteroom=");
            assert!(is_cookie || !value.contains(token.as_str()), "{name}: {value}");
        }
    }
}

async fn sid_4_the_token_is_in_its_cookie_and_in_no_other_part_of_an_answer(kind: Kind) {
    let app = TestApp::start(kind).await;
    let mut tokens = Vec::new();
    let browser = app.browser();
    let mut answers = vec![browser.patch("/api/session/data", json!({ "a": 1 })).await];
    tokens.push(browser.token());
    answers.push(browser.sign_up("ada@example.org", PASSWORD).await);
    tokens.push(browser.token());
    answers.push(browser.reauthenticate(PASSWORD).await);
    tokens.push(browser.token());
    answers.push(browser.change_password(PASSWORD, OTHER_PASSWORD).await);
    tokens.push(browser.token());
    for path in [
        "/",
        "/login",
        "/logout",
        "/account",
        "/account/sessions",
        "/reauthenticate",
        "/nowhere",
        "/api/nowhere",
        "/api/session",
        "/api/sessions",
        "/api/account",
        "/api/session/data",
        "/api/admin/audit",
        "/auth/verify",
        "/openapi.json",
    ] {
        answers.push(browser.get(path).await);
    }
    answers.push(browser.delete("/api/sessions").await);
    tokens.push(browser.token());
    let copy = browser.copy();
    answers.push(browser.post_form("/logout", &[]).await);
    answers.push(copy.get("/account").await);
    answers.push(copy.get("/api/session").await);
    let login = [("email", "ada@example.org"), ("password", OTHER_PASSWORD)];
    answers.push(browser.post_form("/login", &login).await);
    tokens.push(browser.token());

    assert!(tokens.iter().all(|token| token.len() == 43), "{tokens:?}");
    for answer in &answers {
        tells_no_token(answer, &tokens);
    }
}

async fn attack_93_what_people_send_is_text_to_the_database_and_to_the_pages(kind: Kind) {
    const NASTY: &str = "'); DROP TABLE users;-- <script>alert(1)</script> ${jndi:x} {{7*7}}";
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.browser();
    let body = json!({ "email": "ada@example.org", "password": PASSWORD, "name": NASTY });
    let with_agent =
        |request: reqwest::RequestBuilder| request.header("User-Agent", NASTY).json(&body);
    assert_eq!(ada.ask(reqwest::Method::POST, "/api/signup", with_agent).await.status, 201);

    assert_eq!(ada.whoami().await.json()["user"]["name"], NASTY);
    assert_eq!(ada.sessions().await[0]["user_agent"], NASTY);
    for path in ["/account", "/account/sessions", "/", "/%3Cscript%3Ealert(1)%3C/script%3E"] {
        let page = ada.get(path).await.text;
        assert!(!page.contains("<script>alert") && !page.contains(">49<"), "{path}: {page}");
    }
    ada.try_to_sign_in("' OR '1'='1", "' OR '1'='1", false).await;
    ada.try_to_sign_in("ada@example.org' --", PASSWORD, false).await;
    let events = root.get("/api/admin/audit").await;
    assert_eq!(events.header("content-type"), "application/json");
    let events = events.json()["events"].clone();
    let agents: Vec<&str> = events
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["user_agent"].as_str())
        .collect();
    assert!(agents.contains(&NASTY), "{agents:?}");
    for query in ["user=' OR 1=1--", "kind=login' OR '1'='1", "cursor=' OR 1=1--", "limit=1;"] {
        let query = query.replace(' ', "%20");
        assert_eq!(root.get(&format!("/api/admin/audit?{query}")).await.status, 400, "{query}");
    }
    let found = root.get("/api/admin/users?query=%25'%20OR%201=1--").await.json();
    assert_eq!(found["users"], json!([]));
    assert_eq!(root.get("/api/admin/users").await.json()["users"].as_array().unwrap().len(), 2);
}

#[test]
fn attack_19_a_password_is_taken_from_stdin_and_never_from_an_argument() {
    let place = Place::new();
    for line in [
        &["user", "add", "ada@example.org", "--password", PASSWORD][..],
        &["user", "set-password", "ada@example.org", PASSWORD],
        &["user", "add", "ada@example.org", PASSWORD],
    ] {
        let outcome = place.run(line);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
    }
}
