//! Tokens are verified by another implementation, which has the published keys only.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anteroom::tokens::Algorithm;
use serde_json::{Value, json};

use super::{register_with, token_of};
use crate::harness::app::{Kind, TestApp};

/// Prints the claims of a token, and whether its signature is of the key in the set that it names.
/// RFC 7638: the id of a key is its thumbprint.
const VERIFY: &str = r"
const crypto = require('crypto');
const { token, keys } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const [header, claims, signature] = token.split('.');
const part = (text) => JSON.parse(Buffer.from(text, 'base64url'));
const key = keys.find((one) => one.kid === part(header).kid);
const { kty, crv, x, y } = key;
const members = kty === 'EC' ? { crv, kty, x, y } : { crv, kty, x };
const thumbprint = crypto.createHash('sha256').update(JSON.stringify(members)).digest('base64url');
const publicKey = crypto.createPublicKey({ key, format: 'jwk' });
const given = kty === 'EC' ? { key: publicKey, dsaEncoding: 'ieee-p1363' } : publicKey;
const verified = crypto.verify(
    kty === 'EC' ? 'sha256' : null, `${header}.${claims}`, given, Buffer.from(signature, 'base64url'));
console.log(JSON.stringify({
    verified, named: thumbprint === key.kid, alg: key.alg === part(header).alg, claims: part(claims) }));
";

fn verify_in_node(token: &str, keys: &Value) -> Value {
    let mut node = Command::new("node")
        .args(["-e", VERIFY])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = json!({ "token": token, "keys": keys["keys"] }).to_string();
    node.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_verifies_a_token_with_the_published_keys() {
    let app = TestApp::start(Kind::Database).await;
    let ada = app.signed_in("ada@example.org").await;
    for algorithm in Algorithm::WITH_KEY_PAIR {
        let audience = format!("https://{}.example.org", algorithm.as_str());
        register_with(&app, algorithm.as_str(), Some(&audience), algorithm).await;
        let keys = app.browser().get("/oauth/jwks").await.json();
        let token = token_of(&ada, Some(&audience)).await;
        let told = verify_in_node(&token, &keys);
        for what in ["verified", "named", "alg"] {
            assert_eq!(told[what], true, "{told}");
        }
        assert_eq!(told["claims"]["aud"], audience);
        // Another payload under the same signature.
        let (header, rest) = token.split_once('.').unwrap();
        let (_, signature) = rest.split_once('.').unwrap();
        let other = token_of(&ada, Some(&audience)).await;
        let claims = other.split('.').nth(1).unwrap();
        let mixed = verify_in_node(&format!("{header}.{claims}.{signature}"), &keys);
        assert_eq!(mixed["verified"], false);
    }
}
