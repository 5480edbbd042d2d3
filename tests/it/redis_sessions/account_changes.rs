//! Changes of accounts, which are in another store: what a request sees that comes in between.

use std::time::Duration;

use crate::harness::app::{Kind, OTHER_PASSWORD, PASSWORD, TestApp};
use crate::harness::failing::{Fault, Faults};
use crate::harness::redis::is_here;
use anteroom::Anteroom;

async fn app() -> Option<(TestApp, Faults)> {
    if !is_here("changes of accounts with sessions in Redis") {
        return None;
    }
    let faults = Faults::default();
    let wrapping = faults.clone();
    let app =
        TestApp::start_over(Kind::Redis, |_| (), Anteroom::front, |stores| wrapping.wrap(stores));
    Some((app.await, faults))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_between_the_change_and_its_sessions_signs_nobody_out() {
    let Some((app, faults)) = app().await else { return };
    for late in [Duration::from_millis(60), Duration::from_millis(600)] {
        let (laptop, phone) =
            (app.signed_in("ada@example.org").await, app.signed_in("ada@example.org").await);
        let other_tab = laptop.copy();
        faults.strike_call("raise_epoch", Fault::Late(late));

        let changing = laptop.change_password(PASSWORD, OTHER_PASSWORD);
        let looking = async {
            // Until the account has changed, and then on, into the time in between.
            let mut statuses = Vec::new();
            for _ in 0..40 {
                statuses.push(other_tab.whoami().await.status);
                phone.whoami().await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            statuses
        };
        let (changed, statuses) = tokio::join!(changing, looking);

        assert_eq!(faults.stop(), Some("raise_epoch"), "it was not in between");
        assert_eq!(changed.status, 204, "{}", changed.text);
        assert!(statuses.iter().all(|status| [200, 401].contains(status)), "{statuses:?}");
        assert!(statuses.contains(&401), "nobody looked in between");
        assert!(laptop.is_signed_in().await, "{}", laptop.whoami().await.text);
        assert_eq!(phone.why_not().await, "password_changed");
        assert_eq!(laptop.change_password(OTHER_PASSWORD, PASSWORD).await.status, 204);
        laptop.delete("/api/session").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_change_holds_even_if_the_session_store_missed_it() {
    let Some((app, faults)) = app().await else { return };
    let (laptop, phone) =
        (app.signed_in("ada@example.org").await, app.signed_in("ada@example.org").await);
    faults.strike_call("raise_epoch", Fault::Before);

    let changed = laptop.change_password(PASSWORD, OTHER_PASSWORD).await;

    assert_eq!(faults.stop(), Some("raise_epoch"));
    assert_eq!(changed.refusal(), (503, "unavailable".to_owned()));
    for browser in [&laptop, &phone] {
        assert_eq!(browser.why_not().await, "password_changed");
    }
    let again = app.browser();
    let signed_in = again.try_to_sign_in("ada@example.org", OTHER_PASSWORD, false).await;
    assert_eq!(signed_in.status, 200);
    // The sign-in knows the epoch, and has ended what was of earlier ones.
    assert_eq!(again.sessions().await.len(), 1);
}
