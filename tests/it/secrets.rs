//! No secret is kept in a form that would sign anybody in.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::harness::app::{Kind, OTHER_PASSWORD, PASSWORD, TestApp, on_each_store};

on_each_store!(no_file_holds_a_token_or_a_password);

fn holds(bytes: &[u8], secret: &[u8]) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret)
}

async fn no_file_holds_a_token_or_a_password(kind: Kind) {
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
    let live = Sha256::digest(browser.token());

    let mut found = Vec::new();
    for file in std::fs::read_dir(app.folder.path()).unwrap() {
        found.extend(std::fs::read(file.unwrap().path()).unwrap());
    }

    assert!(holds(&found, b"ada@example.org"), "these are not the files");
    assert!(holds(&found, &live) || kind == Kind::Memory, "these are not all the files");
    for secret in secrets {
        assert!(secret.len() > 20);
        assert!(!holds(&found, secret.as_bytes()), "{secret} is in a file");
    }
}
