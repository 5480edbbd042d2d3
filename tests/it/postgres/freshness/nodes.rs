//! Several servers on one database, each of which answers from what it remembers: what one of them
//! has answered holds at the others at once.

use std::time::Duration;

use anteroom::accounts::Role;
use anteroom::sessions::{Token, TokenDigest};
use anteroom::store::DatabaseAt;
use serde_json::json;
use sqlx::Connection as _;

use super::eventually;
use crate::harness::app::{Kind, OTHER_PASSWORD, PASSWORD, TestApp};
use crate::harness::browser::Browser;
use crate::harness::cut::{Cut, Flow};
use crate::harness::postgres::{Cluster, is_here};
use crate::harness::server::Place;

struct Two {
    here: TestApp,
    there: TestApp,
}

impl Two {
    async fn start() -> Option<Self> {
        if !is_here().await {
            return None;
        }
        let here = TestApp::one_of_several(Kind::Postgres, |_| ()).await;
        let url = here.postgres.as_ref().unwrap().url.clone();
        let there = on(&url).await;
        Some(Self { here, there })
    }

    /// The same person with the same cookie, at the other server.
    fn there(&self, browser: &Browser) -> Browser {
        let there = self.there.browser();
        there.hold(&browser.token());
        there
    }

    /// Until both answer from what they remember.
    async fn remember(&self, browser: &Browser) {
        let digest = digest(browser);
        let (there, browsers) = (self.there(browser), [&self.here, &self.there]);
        eventually("they do not remember it", async || {
            assert!(browser.is_signed_in().await && there.is_signed_in().await);
            browsers.iter().all(|app| app.anteroom.sessions().remembered(&digest).is_some())
        })
        .await;
    }
}

/// A server on a database of somebody else's.
async fn on(url: &str) -> TestApp {
    TestApp::one_of_several(Kind::Postgres, |options| options.database = DatabaseAt::from(url))
        .await
}

fn digest(browser: &Browser) -> TokenDigest {
    Token::parse(browser.token().as_bytes()).unwrap().digest()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_are_answered_while_no_table_can_be_read() {
    let Some(two) = Two::start().await else { return };
    let ada = two.here.signed_in("ada@example.org").await;
    let there = two.there(&ada);
    let mut greedy = two.here.postgres.as_ref().unwrap().connect().await;
    // On a busy machine a lease may have run out at the moment.
    eventually("they ask the tables", async || {
        two.remember(&ada).await;
        sqlx::raw_sql("BEGIN; LOCK TABLE sessions, users, user_epochs IN ACCESS EXCLUSIVE MODE")
            .execute(&mut greedy)
            .await
            .unwrap();
        let (one, other) = tokio::join!(ada.whoami(), there.whoami());
        sqlx::raw_sql("ROLLBACK").execute(&mut greedy).await.unwrap();
        one.status == 200 && other.status == 200
    })
    .await;
    greedy.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_ended_here_is_over_there_as_soon_as_it_is_answered() {
    let Some(two) = Two::start().await else { return };
    let root = two.here.administrator("root@example.org").await;
    for round in 0..5 {
        let email = format!("ada{round}@example.org");
        let laptop = two.here.signed_in(&email).await;
        let path = format!("/api/admin/users/{}", laptop.user_id().await);

        let phone = two.here.signed_in(&email).await;
        two.remember(&phone).await;
        assert_eq!(laptop.revoke(&phone).await.status, 204);
        assert!(!two.there(&phone).is_signed_in().await, "revoked");

        let phone = two.here.signed_in(&email).await;
        two.remember(&phone).await;
        let there = two.there(&phone);
        assert_eq!(phone.delete("/api/session").await.status, 204);
        assert!(!there.is_signed_in().await, "signed out");

        let phone = two.here.signed_in(&email).await;
        two.remember(&phone).await;
        let there = two.there(&phone);
        assert_eq!(phone.reauthenticate(PASSWORD).await.status, 200);
        assert!(!there.is_signed_in().await, "the token before");
        assert!(two.there(&phone).is_signed_in().await, "the token after");

        two.remember(&phone).await;
        assert_eq!(laptop.change_password(PASSWORD, OTHER_PASSWORD).await.status, 204);
        assert!(!two.there(&phone).is_signed_in().await, "a new password");
        assert!(two.there(&laptop).is_signed_in().await);

        for change in [json!({ "role": "admin" }), json!({ "status": "disabled" })] {
            let phone = two.here.browser();
            assert_eq!(phone.try_to_sign_in(&email, OTHER_PASSWORD, false).await.status, 200);
            two.remember(&phone).await;
            assert_eq!(root.patch(&path, change.clone()).await.status, 200);
            assert!(!two.there(&phone).is_signed_in().await, "{change}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_about_a_person_here_is_seen_there_as_soon_as_it_is_answered() {
    let Some(two) = Two::start().await else { return };
    let ada = two.here.signed_in("ada@example.org").await;
    let there = two.there(&ada);
    for round in 0..10 {
        two.remember(&ada).await;
        let name = format!("Ada {round}");
        assert_eq!(ada.patch("/api/account", json!({ "name": name })).await.status, 200);
        assert_eq!(there.whoami().await.json()["user"]["name"], name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_command_line_or_a_hand_ends_is_over_at_every_server() {
    let Some(two) = Two::start().await else { return };
    let database = two.here.postgres.as_ref().unwrap();
    let root = two.here.signed_in_as("root@example.org", Role::Admin, false).await;
    two.remember(&root).await;

    let command = ["session", "revoke", "--user", "root@example.org"];
    let place = Place::new().with("ANTEROOM_DATABASE", &database.url);
    let outcome = tokio::task::spawn_blocking(move || place.run(&command)).await.unwrap();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(!root.is_signed_in().await && !two.there(&root).is_signed_in().await);

    let ada = two.here.signed_in("ada@example.org").await;
    two.remember(&ada).await;
    database.run("DELETE FROM sessions").await;
    // Nobody waits for leases there.
    tokio::time::sleep(Duration::from_millis(125)).await;
    assert!(!ada.is_signed_in().await && !two.there(&ada).is_signed_in().await);
}

fn holds_a_lease(app: &TestApp) -> bool {
    app.anteroom.sessions().lease().is_some_and(|lease| !lease.left.is_zero())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hears_nothing_has_no_lease_until_it_hears_again() {
    let Some(cluster) = own_cluster().await else { return };
    let far = std::net::SocketAddr::from(([127, 0, 0, 1], cluster.port));
    let wire = Cut::before(far);
    let direct = cluster.url("postgres");
    let wired = direct.replace(&format!("127.0.0.1:{}", cluster.port), &wire.address.to_string());
    let app = on(&format!("{wired}?sslmode=disable")).await;
    let ada = app.signed_in("ada@example.org").await;
    let without = async || !holds_a_lease(&app);
    let has_one = async || holds_a_lease(&app);
    eventually("there is no lease", has_one).await;

    wire.refuse(true);
    wire.cut_all();
    eventually("cut off, it holds its lease", without).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!holds_a_lease(&app));
    wire.heal();
    eventually("it is not heard again after the cut", has_one).await;
    assert!(ada.is_signed_in().await);

    wire.flow(Flow::Pass, Flow::Held);
    tokio::time::sleep(Duration::from_millis(110)).await;
    assert!(!holds_a_lease(&app), "it hears nothing");
    wire.heal();
    eventually("it is not heard again after the silence", has_one).await;

    cluster.signal("STOP");
    tokio::time::sleep(Duration::from_millis(110)).await;
    assert!(!holds_a_lease(&app), "the database stands still");
    cluster.signal("CONT");
    eventually("it is not heard again", has_one).await;
    eventually("and nobody is signed in", async || ada.whoami().await.status == 200).await;
}

async fn own_cluster() -> Option<Cluster> {
    tokio::task::spawn_blocking(|| Cluster::start(&[])).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_stopped_and_started_again_gives_leases_again() {
    let Some(mut cluster) = own_cluster().await else { return };
    let app = on(&cluster.url("postgres")).await;
    let ada = app.signed_in("ada@example.org").await;
    eventually("there is no lease", async || holds_a_lease(&app)).await;

    tokio::task::block_in_place(|| cluster.stop());
    tokio::time::sleep(Duration::from_millis(110)).await;
    assert!(!holds_a_lease(&app));
    assert_eq!(ada.whoami().await.status, 503);

    tokio::task::block_in_place(|| cluster.resume_service());
    eventually("there is no lease again", async || holds_a_lease(&app)).await;
    assert!(ada.is_signed_in().await);
}
