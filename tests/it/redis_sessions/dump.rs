//! What a thief of Redis finds: keys, values, its files.

use anteroom::{Options, SessionStorage};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::harness::app::{Kind, OTHER_PASSWORD, PASSWORD, TestApp};
use crate::harness::redis::{DURABLE, RedisServer};

fn holds(found: &[u8], part: &[u8]) -> bool {
    found.windows(part.len()).any(|window| window == part)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sid_3_nothing_that_redis_holds_signs_anybody_in() {
    let Some(redis) = RedisServer::start(DURABLE, "what Redis holds") else { return };
    let url = redis.url();
    let keep_there = |options: &mut Options| {
        options.sessions = SessionStorage::Redis { url: url.as_str().into() };
    };
    let app = TestApp::start_with(Kind::Database, keep_there).await;
    let browser = app.browser();
    let mut tokens = Vec::new();
    browser.patch("/api/session/data", json!({ "a": 1 })).await;
    tokens.push(browser.token());
    browser.sign_up("ada@example.org", PASSWORD).await;
    tokens.push(browser.token());
    browser.reauthenticate(PASSWORD).await;
    tokens.push(browser.token());
    browser.change_password(PASSWORD, OTHER_PASSWORD).await;
    tokens.push(browser.token());
    let live = Sha256::digest(browser.token());

    let _: () = redis.ask(&["SAVE"]).await;
    let mut found = Vec::new();
    for folder in [redis.folder().to_owned(), redis.folder().join("appendonlydir")] {
        for file in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            found.extend(std::fs::read(file.path()).unwrap_or_default());
        }
    }
    let keys: Vec<Vec<u8>> = redis.ask(&["KEYS", "*"]).await;
    found.extend(keys.concat());

    assert!(holds(&found, &live), "this is not all that it holds");
    for secret in [PASSWORD, OTHER_PASSWORD, "ada@example.org"] {
        assert!(!holds(&found, secret.as_bytes()), "{secret}");
    }
    for token in &tokens {
        assert!(!holds(&found, token.as_bytes()), "a token as it is in the cookie");
        let bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
        assert!(!holds(&found, &bytes), "a token as bytes");
    }
    // Whatever 32 bytes a key ends with, they are no token.
    let thief = app.browser();
    for key in keys.iter().filter(|key| key.len() >= 32) {
        let stolen = URL_SAFE_NO_PAD.encode(&key[key.len() - 32..]);
        thief.hold(&stolen);
        assert_eq!(thief.whoami().await.status, 401, "{stolen}");
    }
}
