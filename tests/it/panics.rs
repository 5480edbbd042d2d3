//! Code with a fault in it: the request fails, and nothing else.

use anteroom::Anteroom;
use futures_util::future::join_all;
use serde_json::json;

use crate::harness::app::{Kind, OTHER_PASSWORD, PASSWORD, TestApp, on_one_store};
use crate::harness::failing::{Fault, Faults};

on_one_store!(attack_163_a_thousand_panics_leave_everything_as_it_was);

/// One call further than a check makes: within the handler.
const IN_THE_HANDLER: usize = 3;
/// After the session, the account, its hash and the costs of imported hashes.
const AT_THE_ROTATION: usize = 5;

async fn attack_163_a_thousand_panics_leave_everything_as_it_was(kind: Kind) {
    let faults = Faults::default();
    let set = |options: &mut anteroom::Options| {
        options.hashing.queue = 4;
    };
    let app = TestApp::start_over(kind, set, Anteroom::front, |stores| faults.wrap(stores)).await;
    let ada = app.signed_in("ada@example.org").await;
    let phone = app.signed_in("ada@example.org").await;
    let token = ada.token();

    for _ in 0..250 {
        faults.strike(1, Fault::Panic);
        let looking_up = ada.whoami().await;
        faults.strike(1, Fault::Panic);
        let a_page = ada.get("/account").await;
        faults.strike(IN_THE_HANDLER, Fault::Panic);
        let listing = ada.get("/api/sessions").await;
        // Once the password is proven, where the token is to change.
        faults.strike(AT_THE_ROTATION, Fault::Panic);
        let rotating = ada.reauthenticate(PASSWORD).await;
        assert_eq!(faults.stop(), Some("rotate"));

        for answer in [&looking_up, &a_page, &listing, &rotating] {
            assert_eq!(answer.status, 500, "{}", answer.text);
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("cache-control"), "no-store");
            assert!(answer.header("content-security-policy").contains("default-src 'none'"));
            assert_eq!(answer.header("x-request-id").len(), 16);
            assert!(!answer.text.contains("struck"), "{}", answer.text);
            assert_eq!(answer.set_cookies().len(), 0);
        }
        assert_eq!(listing.code(), "internal");
        assert_eq!(listing.json()["request_id"], listing.header("x-request-id"));
    }

    assert_eq!(ada.token(), token);
    assert!(ada.is_signed_in().await && phone.is_signed_in().await);
    // Every place of the hash queue is there, and every lock.
    let browsers: Vec<_> = (0..5).map(|_| app.browser()).collect();
    let all = browsers.iter().map(|b| b.try_to_sign_in("ada@example.org", PASSWORD, false));
    for answer in join_all(all).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_eq!(ada.patch("/api/session/data", json!({ "a": 1 })).await.status, 200);
    assert_eq!(ada.change_password(PASSWORD, OTHER_PASSWORD).await.status, 204);
    assert_eq!(phone.why_not().await, "password_changed");
    assert_eq!(ada.delete("/api/session").await.status, 204);
}
