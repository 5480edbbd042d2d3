//! Which rights leases need, and what is without them.

use anteroom::sessions::SessionStore as _;

use super::{invalidations, subscribed, token, why_mute};
use crate::harness::client::Client;
use crate::harness::redis::RedisServer;
use crate::harness::server::{Place, wait_for};
use crate::redis_sessions::refusals::user_without;
use crate::redis_sessions::{begin, ending, opened, start};

const RIGHTS: [&str; 2] = ["+client|tracking", "+client|trackinginfo"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ops_4_the_documented_rights_are_enough_to_receive_invalidations() {
    let Some(redis) = RedisServer::start(&[], "the rights that leases need") else { return };
    let store = opened(&user_without(&redis, "nothing").await).await;
    let mut subscription = subscribed(&store).await;
    let ada = start(1, Some(1), 0);
    begin(&*store, &ada).await;
    assert!(store.end(&ending(&ada)).await.unwrap());
    assert!(invalidations(&mut *subscription).await.contains(&token(1)));

    let refused: Vec<redis::Value> = redis.ask(&["ACL", "LOG"]).await;
    assert!(refused.is_empty(), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_the_rights_for_leases_serves_and_says_so_once() {
    let Some(redis) = RedisServer::start(&[], "no right to leases") else { return };
    for right in RIGHTS {
        let url = user_without(&redis, right).await;
        let store = opened(&url).await;
        store.ready().await.unwrap();
        let why = why_mute(&store).await;
        assert!(why.contains(right) && why.contains("docs/deploy/redis.md"), "{why}");
    }
    let url = user_without(&redis, RIGHTS[0]).await;
    let server = Place::new().with("ANTEROOM_SESSIONS", &url).serve(&[]);
    let ada = Client::of(&server);
    ada.sign_up("ada@example.org").await;
    wait_for(|| server.stderr().contains("lost the lease of the session cache").then_some(()));
    // It goes on trying.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(ada.is_signed_in().await);
    let said = server.stderr();
    assert_eq!(said.matches("lost the lease of the session cache").count(), 1, "{said}");
    assert!(said.contains(RIGHTS[0]), "{said}");
}
