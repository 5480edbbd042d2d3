//! Two servers whose clocks are not quite the same: a session that one of them has ended is never
//! live again at the other, and one that is live at neither's last moment is no surprise to either.

use std::time::Duration;

use anteroom::accounts::Role;
use anteroom::clock::{Clock, ManualClock};
use anteroom::{Options, SessionStorage};

use crate::harness::app::{HOUR, Kind, MINUTE, OTHER_PASSWORD, PASSWORD, TestApp};
use crate::harness::browser::Browser;
use crate::harness::ground::{Keeping, with_each_keeping};
use crate::harness::postgres;
use crate::harness::redis::shared_database;

const APART: Duration = Duration::from_secs(2);
const SECOND: Duration = Duration::from_secs(1);
const ALMOST_AN_HOUR: Duration = Duration::from_secs(3599);

/// Two servers on the same stores.
struct Two {
    behind: TestApp,
    ahead: TestApp,
}

impl Two {
    async fn on(keeping: Keeping) -> Option<Self> {
        let kept = match keeping {
            Keeping::Postgres => SessionStorage::Database,
            Keeping::Redis => {
                let url = shared_database("clocks that differ").await?;
                SessionStorage::Redis { url: url.into() }
            }
        };
        if !postgres::is_here().await {
            return None;
        }
        Some(Self::start(kept).await)
    }

    async fn start(kept: SessionStorage) -> Self {
        let sessions = kept.clone();
        let set = |options: &mut Options| options.sessions = sessions;
        let behind = TestApp::one_of_several(Kind::Postgres, set).await;
        let clock = ManualClock::at(behind.clock.now() + APART);
        let (accounts_at, theirs) = (behind.accounts_at.clone(), Clock::from(&clock));
        let set = |options: &mut Options| {
            (options.sessions, options.database, options.clock) = (kept, accounts_at, theirs);
        };
        let mut ahead = TestApp::one_of_several(Kind::Database, set).await;
        ahead.clock = clock;
        Self { behind, ahead }
    }

    async fn pass(&self, time: Duration) {
        self.behind.pass(time).await;
        self.ahead.pass(time).await;
    }
}

fn at(app: &TestApp, browser: &Browser) -> Browser {
    let there = app.browser();
    there.hold(&browser.token());
    there
}

async fn node_1_a_session_that_ended_by_one_clock_is_live_by_none(keeping: Keeping) {
    let Some(two) = Two::on(keeping).await else { return };
    let Two { behind, ahead } = &two;
    let ada = behind.signed_in("ada@example.org").await;
    two.pass(ALMOST_AN_HOUR).await;
    assert!(ada.is_signed_in().await, "it was ended before its time");
    // That was activity, which the other knows as well.
    two.pass(30 * MINUTE).await;
    assert!(at(ahead, &ada).is_signed_in().await);
    two.pass(ALMOST_AN_HOUR).await;
    assert!(ada.is_signed_in().await);
    two.pass(ALMOST_AN_HOUR).await;

    // To one it is a second before its time, to the other a second after it.
    assert_eq!(at(ahead, &ada).why_not().await, "idle_timeout");

    assert_eq!(ada.why_not().await, "idle_timeout");
    let bob = ahead.signed_in("bob@example.org").await;
    two.pass(30 * MINUTE).await;
    assert!(bob.is_signed_in().await && at(behind, &bob).is_signed_in().await);
    two.pass(HOUR + SECOND).await;
    assert_eq!(bob.why_not().await, "idle_timeout");
    assert_eq!(at(behind, &bob).why_not().await, "idle_timeout");
}

async fn node_1_what_another_clock_calls_the_future_is_as_good(keeping: Keeping) {
    let Some(two) = Two::on(keeping).await else { return };
    let Two { behind, ahead } = &two;
    let ada = ahead.signed_in_as("ada@example.org", Role::Admin, true).await;
    let here = at(behind, &ada);
    assert!(here.is_signed_in().await);
    assert_eq!(here.sessions().await.len(), 1);
    // Signed in a moment ago, which is two seconds from now.
    assert_eq!(here.change_password(PASSWORD, OTHER_PASSWORD).await.status, 204);
    assert!(at(ahead, &here).is_signed_in().await);
    assert_eq!(ada.why_not().await, "replaced");

    let phone = behind.browser();
    assert_eq!(phone.try_to_sign_in("ada@example.org", OTHER_PASSWORD, false).await.status, 200);
    assert_eq!(at(ahead, &here).revoke(&phone).await.status, 204);
    assert_eq!(phone.why_not().await, "revoked_by_user");
    assert_eq!(at(ahead, &here).reauthenticate(OTHER_PASSWORD).await.status, 200);
    assert_eq!(here.why_not().await, "replaced");
}

with_each_keeping!(
    node_1_a_session_that_ended_by_one_clock_is_live_by_none,
    node_1_what_another_clock_calls_the_future_is_as_good,
);
