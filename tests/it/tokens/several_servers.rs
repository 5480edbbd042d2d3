//! Tokens, clients and keys on two servers with the same stores: every change holds there once it is
//! answered here.

use anteroom::SessionStorage;
use anteroom::clock::Clock;
use serde_json::json;

use super::{ask_as, is_accepted, is_active, operator, register, remove, rotate_secret, token_of};
use crate::harness::app::{Kind, TestApp};

/// Runs a rule with the sessions in `PostgreSQL`, and in Redis beside it.
async fn on_shared_stores<F: Future<Output = ()>>(rule: impl Fn(Kind) -> F) {
    for kind in [Kind::Postgres, Kind::RedisBesidePostgres] {
        if kind.is_here("tokens::several_servers").await {
            rule(kind).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jwt_10_an_end_here_ends_the_tokens_there() {
    on_shared_stores(an_end_here_ends_the_tokens_there).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_revoked_here_is_refused_there() {
    on_shared_stores(a_revoked_token_is_refused_there).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_and_keys_that_change_here_have_changed_there() {
    on_shared_stores(clients_and_keys_change_there).await;
}

async fn two(kind: Kind) -> [TestApp; 2] {
    let here = TestApp::one_of_several(kind, |_| ()).await;
    let (database, redis) = (here.accounts_at.clone(), here.redis.clone());
    let (url, clock) = (here.public_url.clone(), here.clock.clone());
    let there = TestApp::one_of_several(kind, |options| {
        options.database = database;
        options.public_url = url;
        options.clock = Clock::from(&clock);
        if let Some(url) = redis {
            options.sessions = SessionStorage::Redis { url: url.as_str().into() };
        }
    });
    let there = there.await;
    [here, there]
}

async fn an_end_here_ends_the_tokens_there(kind: Kind) {
    let [here, there] = two(kind).await;
    let client = register(&here, "Pages", None).await;
    let laptop = here.signed_in("ada@example.org").await;
    let root = here.administrator("root@example.org").await;
    for round in 0..6 {
        let phone = here.signed_in("ada@example.org").await;
        let token = token_of(&phone, None).await;
        for app in [&here, &there] {
            assert!(is_accepted(app, &token).await && is_accepted(app, &token).await);
            assert!(is_active(app, &client, &token).await);
        }
        let status = match round % 3 {
            0 => laptop.revoke(&phone).await.status,
            1 => phone.delete("/api/session").await.status,
            _ => {
                root.delete(&format!("/api/admin/sessions/{}", phone.session_id().await))
                    .await
                    .status
            }
        };
        assert_eq!(status, 204);
        assert!(!is_active(&there, &client, &token).await, "round {round}");
        assert!(!is_accepted(&there, &token).await && !is_accepted(&here, &token).await);
    }
    let token = token_of(&laptop, None).await;
    assert!(is_accepted(&there, &token).await && is_accepted(&there, &token).await);
    let user = format!("/api/admin/users/{}", laptop.user_id().await);
    assert_eq!(root.patch(&user, json!({ "status": "disabled" })).await.status, 200);
    assert!(!is_accepted(&there, &token).await);
}

async fn a_revoked_token_is_refused_there(kind: Kind) {
    let [here, there] = two(kind).await;
    let client = register(&here, "Pages", None).await;
    let ada = here.signed_in("ada@example.org").await;
    for _ in 0..5 {
        let token = token_of(&ada, None).await;
        assert!(is_accepted(&there, &token).await && is_active(&there, &client, &token).await);
        let answer = ask_as(&here, &client, "/oauth/revoke", &[("token", &token)]).await;
        assert_eq!(answer.status, 200);
        assert!(!is_accepted(&there, &token).await && !is_active(&there, &client, &token).await);
    }
    assert!(ada.is_signed_in().await);
}

async fn clients_and_keys_change_there(kind: Kind) {
    let [here, there] = two(kind).await;
    let clients = here.anteroom.clients();
    assert_eq!(there.browser().get("/oauth/jwks").await.status, 404);
    let client = register(&here, "Pages", None).await;
    let published = async |app: &TestApp| app.browser().get("/oauth/jwks").await.json();
    let before = published(&there).await;
    assert_eq!(before, published(&here).await);
    assert_eq!(before["keys"].as_array().unwrap().len(), 4);

    let ada = here.signed_in("ada@example.org").await;
    let old = token_of(&ada, None).await;
    assert!(is_accepted(&there, &old).await);
    for _ in 0..3 {
        clients.rotate_keys(true, &operator()).await.unwrap();
        assert_eq!(published(&there).await, published(&here).await);
        assert!(is_accepted(&there, &token_of(&ada, None).await).await);
        assert!(is_accepted(&there, &old).await);
    }
    let rotated = rotate_secret(&here, &client.id, true).await;
    assert_eq!(ask_as(&there, &client, "/oauth/introspect", &[("token", &old)]).await.status, 401);
    let client = rotated;
    assert!(is_active(&there, &client, &old).await);
    register(&here, "Other", Some(super::API)).await;
    remove(&here, &client.id).await;
    assert!(!is_accepted(&there, &old).await);
    remove(&here, "Other").await;
    assert_eq!(there.browser().get("/oauth/jwks").await.status, 404);
}
