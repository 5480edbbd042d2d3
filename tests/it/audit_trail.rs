//! How events get into the trail: durable, together, bounded, and never changed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anteroom::accounts::{HasherOptions, Role};
use anteroom::audit::{
    AuditListing, AuditOptions, AuditStore, AuditTrail, AuditWalk, By, Event, EventId,
    Kind as What, Recorded,
};
use anteroom::clock::Clock;
use anteroom::entropy::Entropy;
use anteroom::failure::StoreError;
use anteroom::sessions::Client;
use anteroom::{Anteroom, Options, Stores};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};

use crate::audit::events;
use crate::harness::app::{Kind, MINUTE, PASSWORD, TestApp, on_one_store};
use crate::harness::browser::Browser;
use crate::harness::hearing::Hearing;
use crate::harness::wire;

on_one_store!(
    log_6_the_database_refuses_to_change_an_event_or_take_it_away,
    strangers_cannot_fill_the_trail,
    a_flood_of_one_kind_hides_no_other,
    an_operation_whose_request_is_dropped_is_recorded,
);

async fn log_6_the_database_refuses_to_change_an_event_or_take_it_away(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let before = events(&root, "").await;
    let url = format!("sqlite:{}", app.database.display());
    let mut database = SqliteConnection::connect(&url).await.unwrap();

    for statement in [
        "UPDATE audit_events SET outcome = 'nothing'",
        "DELETE FROM audit_events",
        "INSERT OR REPLACE INTO audit_events SELECT event_id, 0, kind, actor, actor_id, \
         subject_id, session_id, network, user_agent, 'nothing', details FROM audit_events",
        "REPLACE INTO audit_events SELECT * FROM audit_events",
    ] {
        let refused = sqlx::query(statement).execute(&mut database).await.unwrap_err();
        assert!(refused.to_string().contains("audit events are never"), "{refused}");
    }

    assert_eq!(events(&root, "").await, before);
    assert!(!before.is_empty());
}

async fn strangers_cannot_fill_the_trail(kind: Kind) {
    let app = TestApp::start_with(kind, |options| {
        options.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let root = app.administrator("root@example.org").await;
    let knock = async |network: &str| {
        let shape = |request: reqwest::RequestBuilder| {
            request.header("Origin", "https://evil.test").header("X-Forwarded-For", network)
        };
        assert_eq!(app.browser().ask(Method::POST, "/logout", shape).await.status, 403);
    };

    for n in 0..40 {
        knock(&format!("2001:db8::{n}")).await;
    }
    let recorded = events(&root, "kind=cross_origin_refused").await;
    assert_eq!(recorded.len(), 10, "all of one /64");
    assert_eq!(recorded[0]["network"], "2001:db8::");
    knock("2001:db8:0:1::1").await;
    assert_eq!(events(&root, "kind=cross_origin_refused").await.len(), 11);
    app.pass(MINUTE).await;
    knock("2001:db8::1").await;
    assert_eq!(events(&root, "kind=cross_origin_refused").await.len(), 12);
}

async fn a_flood_of_one_kind_hides_no_other(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let foreign = |request: reqwest::RequestBuilder| request.header("Origin", "https://evil.test");
    for _ in 0..20 {
        app.browser().ask(Method::POST, "/logout", foreign).await;
    }

    app.browser().try_to_sign_in("root@example.org", "wrong", false).await;

    assert_eq!(events(&root, "kind=login_failed").await.len(), 1);
}

async fn an_operation_whose_request_is_dropped_is_recorded(kind: Kind) {
    const TIMES: usize = 20;
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    for n in 0..TIMES {
        let ada = app.signed_in("ada@example.org").await;
        let request = format!(
            "DELETE /api/session HTTP/1.1\r\nHost: {}\r\nCookie: anteroom={}\r\n\r\n",
            app.host(),
            ada.token()
        );
        let microseconds = u64::try_from(n).unwrap() * 100;
        wire::send_and_leave(app.address, request.as_bytes(), Duration::from_micros(microseconds))
            .await;
    }

    let mut recorded = 0;
    let deadline = Instant::now() + Duration::from_secs(20);
    let ended = loop {
        let live = app.live_sessions().await.len() - 1;
        recorded = recorded.max(events(&root, "kind=logout").await.len());
        if live + recorded == TIMES || Instant::now() > deadline {
            break TIMES - live;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(ended > 0, "no request got through");
    assert_eq!(recorded, ended);
}

/// A store of a test: it fails or stands still on demand, and remembers what it was given.
struct Scripted {
    fails: AtomicBool,
    turns: Semaphore,
    appended: Mutex<Vec<Vec<Recorded>>>,
}

impl Scripted {
    fn new(turns: usize) -> Arc<Self> {
        let (fails, turns) = (AtomicBool::new(false), Semaphore::new(turns));
        Arc::new(Self { fails, turns, appended: Mutex::default() })
    }

    fn failure() -> StoreError {
        StoreError::backend(std::io::Error::other("the disk is full"))
    }
}

#[async_trait::async_trait]
impl AuditStore for Scripted {
    async fn append(&self, events: &[Recorded]) -> Result<(), StoreError> {
        self.turns.acquire().await.unwrap().forget();
        if self.fails.load(Ordering::SeqCst) {
            return Err(Self::failure());
        }
        self.appended.lock().await.push(events.to_vec());
        Ok(())
    }

    async fn walk(&self, _: &AuditWalk) -> Result<Vec<Recorded>, StoreError> {
        Err(Self::failure())
    }

    async fn count(&self, _: What, _: (EventId, EventId)) -> Result<u64, StoreError> {
        Err(Self::failure())
    }

    async fn last_settings(&self) -> Result<Option<String>, StoreError> {
        Err(Self::failure())
    }

    async fn keep_settings(&self, _: &str) -> Result<(), StoreError> {
        Err(Self::failure())
    }
}

fn trail(store: &Arc<Scripted>) -> AuditTrail {
    AuditTrail::start(AuditOptions {
        store: store.clone(),
        clock: Clock::system(),
        entropy: Entropy::operating_system(),
    })
}

fn login() -> Event {
    Event::new(What::Login, &By::anonymous(Client::default()))
}

/// A server whose trail is kept there, and a browser.
async fn served<S: AuditStore + 'static>(store: &Arc<S>) -> (Anteroom, Browser, TempDir) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let folder = TempDir::new().unwrap();
    let url = format!("http://localhost:{}", address.port());
    let mut options = Options::new(folder.path().join("anteroom.db"), url.clone());
    options.hashing = HasherOptions::cheap_for_tests();
    let store: Arc<dyn AuditStore> = store.clone();
    let anteroom =
        Anteroom::start_around(options, |stores| Stores { audit: store, ..stores }).await.unwrap();
    let served = anteroom::server::serve(listener, anteroom.front(), std::future::pending());
    tokio::spawn(served);
    (anteroom, Browser::of(address, &url), folder)
}

#[tokio::test]
async fn operations_that_wait_at_the_same_time_share_one_commit() {
    let store = Scripted::new(0);
    let trail = trail(&store);
    let operations: Vec<_> = (0..50)
        .map(|_| {
            let trail = trail.clone();
            tokio::spawn(async move { trail.record([login(), login()]).await })
        })
        .collect();
    // The first is under way, the others have come meanwhile.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(
        operations.iter().all(|operation| !operation.is_finished()),
        "an operation did not wait"
    );
    store.turns.add_permits(100);
    join_all(operations).await;

    let appended = store.appended.lock().await;
    let sizes: Vec<usize> = appended.iter().map(Vec::len).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 100);
    assert!(sizes.len() <= 3, "{sizes:?}");
    let ids: Vec<_> = appended.iter().flatten().map(|recorded| recorded.id).collect();
    assert!(ids.is_sorted_by(|first, second| first < second));
    assert_eq!(trail.lost(), 0);
}

#[tokio::test]
async fn log_7_a_failing_audit_store_undoes_no_operation() {
    let store = Scripted::new(1000);
    store.fails.store(true, Ordering::SeqCst);
    let (anteroom, ada, _folder) = served(&store).await;

    assert_eq!(ada.sign_up("ada@example.org", PASSWORD).await.status, 201);
    assert_eq!(ada.reauthenticate(PASSWORD).await.status, 200);
    assert!(ada.is_signed_in().await);
    assert_eq!(anteroom.audit().lost(), 2);

    store.fails.store(false, Ordering::SeqCst);
    assert_eq!(ada.delete("/api/session").await.status, 204);
    assert_eq!(store.appended.lock().await.concat().len(), 2);
    assert_eq!(anteroom.audit().lost(), 2);
}

#[tokio::test]
async fn log_7_a_silent_audit_store_delays_an_operation_by_seconds_at_most() {
    let store = Scripted::new(0);
    let (anteroom, ada, _folder) = served(&store).await;
    let begun = Instant::now();

    assert_eq!(ada.sign_up("ada@example.org", PASSWORD).await.status, 201);

    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(ada.is_signed_in().await, "whoever is signed in does not wait for the trail");
    store.turns.add_permits(1);
    anteroom.audit().flush().await;
    assert_eq!(store.appended.lock().await.concat()[0].event.kind, What::Signup);
    assert_eq!(anteroom.audit().lost(), 0);
}

#[tokio::test]
async fn a_trail_that_cannot_be_read_is_an_outage_and_not_an_empty_list() {
    let store = Scripted::new(1000);
    let (anteroom, root, _folder) = served(&store).await;
    let link = anteroom.issue_setup_link().await.unwrap().unwrap();
    let token = link.split_once('=').unwrap().1;
    let fields = [("token", token), ("email", "root@example.org"), ("password", PASSWORD)];
    assert_eq!(root.post_form("/setup", &fields).await.status, 303);

    let answer = root.get("/api/admin/audit").await;
    assert_eq!(answer.refusal(), (503, "unavailable".to_owned()));
    assert!(root.is_signed_in().await);
}

#[tokio::test]
async fn what_was_recorded_is_there_after_a_restart() {
    let app = TestApp::start(Kind::Database).await;
    let root = app.administrator("root@example.org").await;
    app.add("ada@example.org", Role::User).await;
    app.browser().try_to_sign_in("ada@example.org", "wrong", false).await;
    let before = events(&root, "").await;
    // As a power cut would leave it: copied while it is in use.
    let folder = TempDir::new().unwrap();
    for file in ["anteroom.db", "anteroom.db-wal"] {
        std::fs::copy(app.folder.path().join(file), folder.path().join(file)).unwrap();
    }

    let mut options = Options::new(folder.path().join("anteroom.db"), "http://localhost:1");
    options.hashing = HasherOptions::cheap_for_tests();
    let again = Anteroom::start(options).await.unwrap();
    let listing = AuditListing { limit: 100, ..AuditListing::default() };
    let found = again.audit().list(&listing).await.unwrap().events;

    let kinds: Vec<&str> = found.iter().rev().map(|event| event.event.kind.as_str()).collect();
    assert_eq!(json!(kinds), json!(before.iter().map(|e| &e["kind"]).collect::<Vec<_>>()));
    assert_eq!(kinds, ["login", "login_failed"]);
    again.stop().await;
}

const CANARY: &str = "canary velvet otter hums at nine";

/// A store with a mistake in it, which panics with what it was asked for.
struct Panicking;

#[async_trait::async_trait]
impl AuditStore for Panicking {
    async fn append(&self, _: &[Recorded]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn walk(&self, walk: &AuditWalk) -> Result<Vec<Recorded>, StoreError> {
        panic!("cannot list {walk:?} for {CANARY}")
    }

    async fn count(&self, _: What, _: (EventId, EventId)) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn last_settings(&self) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    async fn keep_settings(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test]
async fn attack_151_a_handler_that_panics_tells_nothing_of_its_request() {
    let heard = Hearing::start();
    let (anteroom, root, _folder) = served(&Arc::new(Panicking)).await;
    let link = anteroom.issue_setup_link().await.unwrap().unwrap();
    let token = link.split_once('=').unwrap().1;
    let fields = [("token", token), ("email", "root@example.org"), ("password", PASSWORD)];
    assert_eq!(root.post_form("/setup", &fields).await.status, 303);

    let answer = root.get("/api/admin/audit").await;

    assert_eq!(answer.refusal(), (500, "internal".to_owned()));
    assert!(!answer.text.contains("canary"), "{}", answer.text);
    assert!(root.is_signed_in().await);
    let log = heard.text();
    assert!(log.contains("anteroom::audit: setup_used"), "{log}");
    assert!(log.contains("a handler panicked"), "{log}");
    for secret in [CANARY, PASSWORD, token, &root.token()] {
        assert!(!log.contains(secret), "{log}");
    }
}
