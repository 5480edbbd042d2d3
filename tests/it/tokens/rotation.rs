//! The keys: announced, signing, retired, forgotten.

use std::collections::BTreeSet;
use std::time::Duration;

use anteroom::tokens::{RotateError, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{API, is_active, operator, register, token_of};
use crate::harness::app::{DAY, HOUR, Kind, TestApp, on_each_database};

on_each_database!(
    jwt_6_the_next_key_is_published_for_a_day_before_it_signs,
    jwt_6_keys_rotate_by_themselves_and_are_forgotten_after_their_tokens,
    of_two_rotations_at_the_same_instant_one_counts,
);

const SHORT_OF_A_DAY: Duration = Duration::from_secs(24 * 60 * 60 - 1);

/// The ids of the published keys of ES256.
async fn published(app: &TestApp) -> BTreeSet<String> {
    let told = app.browser().get("/oauth/jwks").await;
    assert_eq!(told.header("cache-control"), "max-age=300");
    let keys = told.json()["keys"].as_array().unwrap().clone();
    let of = |key: &Value| key["kid"].as_str().unwrap().to_owned();
    keys.iter().filter(|key| key["alg"] == "ES256").map(of).collect()
}

fn kid_of(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

async fn states(app: &TestApp) -> Vec<&'static str> {
    let shown = |keys: &[SigningKey]| {
        let ours = keys.iter().filter(|key| key.algorithm.as_str() == "ES256");
        ours.map(|key| key.state().as_str()).collect()
    };
    app.anteroom.clients().with_keys(shown).await.unwrap()
}

async fn jwt_6_the_next_key_is_published_for_a_day_before_it_signs(kind: Kind) {
    let app = TestApp::start(kind).await;
    let client = register(&app, "Orders", Some(API)).await;
    let clients = app.anteroom.clients();
    let first = published(&app).await;
    assert_eq!(first.len(), 2);
    let ada = app.signed_in("ada@example.org").await;
    let token = token_of(&ada, Some(API)).await;
    assert!(first.contains(&kid_of(&token)));

    app.clock.advance(SHORT_OF_A_DAY);
    let refused = clients.rotate_keys(false, &operator()).await;
    assert!(matches!(refused, Err(RotateError::TooEarly(_))), "{refused:?}");
    app.clock.advance(Duration::from_secs(1));
    clients.rotate_keys(false, &operator()).await.unwrap();
    let ada = app.signed_in("ada@example.org").await;
    let next = token_of(&ada, Some(API)).await;
    assert!(first.contains(&kid_of(&next)) && kid_of(&next) != kid_of(&token));
    assert!(is_active(&app, &client, &next).await);
    // A verifier that fetched the keys before the rotation knows the new one.
    assert!(published(&app).await.is_superset(&first));
    assert_eq!(states(&app).await.len(), 3);

    // In a hurry.
    assert!(clients.rotate_keys(false, &operator()).await.is_err());
    clients.rotate_keys(true, &operator()).await.unwrap();
    assert!(is_active(&app, &client, &next).await, "signed by a retired key");
    assert!(!first.contains(&kid_of(&token_of(&ada, Some(API)).await)));
}

async fn jwt_6_keys_rotate_by_themselves_and_are_forgotten_after_their_tokens(kind: Kind) {
    let app = TestApp::start(kind).await;
    register(&app, "Orders", Some(API)).await;
    let clients = app.anteroom.clients();
    let first = published(&app).await;
    app.clock.advance(89 * DAY + SHORT_OF_A_DAY);
    clients.maintain_keys().await.unwrap();
    assert_eq!(published(&app).await, first);
    app.clock.advance(Duration::from_secs(1));
    clients.maintain_keys().await.unwrap();
    clients.maintain_keys().await.unwrap();
    assert_eq!(published(&app).await.len(), 3, "one more was announced, once");
    let root = app.administrator("root@example.org").await;
    let events = root.get("/api/admin/audit?kind=keys_rotated").await.json();
    let events = events["events"].as_array().unwrap().clone();
    assert_eq!((events.len(), &events[0]["actor"]), (1, &Value::from("server")));
    app.clock.advance(2 * HOUR);
    clients.maintain_keys().await.unwrap();
    let last = published(&app).await;
    assert_eq!((last.len(), last.intersection(&first).count()), (2, 1));
    assert_eq!(states(&app).await.len(), 2);
}

async fn of_two_rotations_at_the_same_instant_one_counts(kind: Kind) {
    let app = TestApp::start(kind).await;
    register(&app, "Orders", Some(API)).await;
    let clients = app.anteroom.clients();
    for _ in 0..5 {
        let by = operator();
        let (one, other) =
            tokio::join!(clients.rotate_keys(true, &by), clients.rotate_keys(true, &by));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert!(!one.is_empty() || !other.is_empty());
        let states = states(&app).await;
        for state in ["next", "signing"] {
            assert_eq!(states.iter().filter(|one| **one == state).count(), 1, "{states:?}");
        }
    }
}
