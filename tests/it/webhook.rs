//! A receiver is told of events: signed, at least once, in spite of crashes, and never waited for.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anteroom::Options;
use anteroom::audit::Kind as What;
use anteroom::clock::{Clock, ManualClock};
use anteroom::entropy::Entropy;
use anteroom::metrics::Metrics;
use anteroom::outbound::Target;
use anteroom::store::{SessionLocation, SqlDatabase};
use anteroom::webhook::{
    DeliveryState, DeliveryStore, Secrets, Webhook, WebhookOptions, WebhookParts,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::command_line::{done, refused};
use crate::harness::app::{DAY, Kind, MINUTE, PASSWORD, TestApp};
use crate::harness::balancer::certify;
use crate::harness::client::Client;
use crate::harness::loopback::free_address;
use crate::harness::postgres::Database;
use crate::harness::receiver::{Received, Receiver, Reply};
use crate::harness::server::{PATIENCE, Place, wait_for};

const SECRET: &str = "velvet-otter-hums-at-nine-0123456789";
const OTHER_SECRET: &str = "granite-kite-under-seven-moons-98765";

fn webhook(url: &str, secret: &str, events: &[What]) -> WebhookOptions {
    WebhookOptions {
        target: Target::parse(url).unwrap(),
        secrets: Secrets::parse(secret).unwrap(),
        events: events.iter().copied().collect(),
    }
}

/// A service that tells this receiver of failed and successful sign-ins.
async fn app_of(kind: Kind, url: &str) -> TestApp {
    let events = [What::Login, What::LoginFailed];
    TestApp::start_with(kind, |options: &mut Options| {
        options.webhook = Some(webhook(url, SECRET, &events));
    })
    .await
}

/// What a receiver does to know that a request is ours and new.
fn verify(told: &Received, secret: &str, now: i64) -> Result<(), &'static str> {
    let timestamp: i64 = told.header("Webhook-Timestamp").parse().map_err(|_| "no time")?;
    if (now - timestamp).abs() > 300 {
        return Err("too old");
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{}.{timestamp}.{}", told.header("Webhook-Id"), told.body).as_bytes());
    let ours = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let signatures = told.header("Webhook-Signature");
    let found = signatures.split(' ').any(|signature| signature == ours);
    if found { Ok(()) } else { Err("not signed") }
}

async fn standing(app: &TestApp) -> DeliveryState {
    app.anteroom.webhook().state().await.unwrap()
}

/// Waits until the deliveries stand so.
async fn stands(app: &TestApp, what: impl Fn(&DeliveryState) -> bool) -> DeliveryState {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = standing(app).await;
        if what(&now) {
            return now;
        }
        assert!(Instant::now() < deadline, "{now:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn wrong_password(app: &TestApp) {
    let answer = app.browser().try_to_sign_in("ada@example.org", "wrong", false).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_sent_signed_and_as_administrators_see_it() {
    for kind in [Kind::Database, Kind::Redis] {
        let receiver = Receiver::start();
        let app = app_of(kind, &format!("{}?a=b", receiver.url())).await;
        wrong_password(&app).await;
        let root = app.administrator("root@example.org").await;
        let told = receiver.received_times(2);

        let now = app.clock.now().unix_timestamp();
        for one in &told {
            assert_eq!(one.line, "POST /hook?a=b HTTP/1.1");
            assert_eq!(one.header("Content-Type"), "application/json");
            assert_eq!(one.header("Host"), receiver.address.to_string());
            assert_eq!(verify(one, SECRET, now), Ok(()));
            assert_eq!(verify(one, OTHER_SECRET, now), Err("not signed"));
            assert_eq!(verify(one, SECRET, now + 301), Err("too old"), "a replay");
            let mut altered = one.clone();
            altered.body = altered.body.replace("login", "logout");
            assert_eq!(verify(&altered, SECRET, now), Err("not signed"));
        }
        let mut told: Vec<Value> = told.iter().map(Received::json).collect();
        told.sort_by_key(|body| body["data"]["id"].to_string());
        let listed = root.get("/api/admin/audit").await.json()["events"].clone();
        assert_eq!(json!([told[1]["data"], told[0]["data"]]), listed);
        assert_eq!(told[0]["type"], "login_failed");
        assert_eq!(told[0]["timestamp"], listed[1]["time"]);

        let stand = stands(&app, |now| now.pending == 0).await;
        assert_eq!((stand.failed, stand.last_success), (0, Some(app.clock.now())));
        root.delete("/api/session").await;
        assert_eq!(standing(&app).await.pending, 0, "nobody asked for that");
        if !crate::harness::redis::is_here("webhook") {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_secret_is_changed_both_sign() {
    let receiver = Receiver::start();
    let both = format!("{OTHER_SECRET},{SECRET}");
    let app = TestApp::start_with(Kind::Memory, |options| {
        options.webhook = Some(webhook(&receiver.url(), &both, &[What::LoginFailed]));
    })
    .await;

    wrong_password(&app).await;

    let told = &receiver.received_times(1)[0];
    for secret in [SECRET, OTHER_SECRET] {
        assert_eq!(verify(told, secret, app.clock.now().unix_timestamp()), Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_tried_again_later_and_later_and_given_up_after_a_day() {
    let receiver = Receiver::start();
    receiver.reply(Reply::Status(503));
    let app = app_of(Kind::Database, &receiver.url()).await;
    let root = app.administrator("root@example.org").await;
    let begun = app.clock.now();
    let mut waits = Vec::new();
    for attempt in 1.. {
        let stand = stands(&app, |now| {
            // While an attempt is under way, the next one is due when its claim ends.
            let has_failed =
                now.last_failure.as_ref().is_some_and(|(at, _)| *at == app.clock.now());
            let later = now.next_attempt.is_some_and(|at| at > app.clock.now());
            has_failed && later || now.failed == 1
        })
        .await;
        // On a busy machine an attempt may time out before the receiver has read it.
        assert!(receiver.received().len() <= attempt, "too early");
        let Some(next) = stand.next_attempt else { break };
        let wait = next - app.clock.now();
        waits.push(wait);
        app.clock.advance(wait.unsigned_abs());
    }

    let took = app.clock.now() - begun;
    assert!(took > time::Duration::hours(18) && took < time::Duration::hours(32), "{took}");
    assert!(waits[0] <= time::Duration::seconds(6), "{waits:?}");
    assert!(waits[..11].is_sorted(), "{waits:?}");
    let told = receiver.received();
    let same = |one: &Received| (one.header("Webhook-Id").to_owned(), one.body.clone());
    assert!(told.iter().all(|one| same(one) == same(&told[0])));
    assert_eq!(verify(told.last().unwrap(), SECRET, app.clock.now().unix_timestamp()), Ok(()));

    // It is there to be looked at for a week.
    app.clock.advance(6 * DAY);
    app.anteroom.webhook().sweep(100).await.unwrap();
    assert_eq!(standing(&app).await.failed, 1);
    app.clock.advance(2 * DAY);
    app.anteroom.webhook().sweep(100).await.unwrap();
    assert_eq!(standing(&app).await.failed, 0);
    assert_eq!(receiver.received().len(), told.len());
    drop(root);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_event_that_is_refused_holds_no_other_up() {
    let receiver = Receiver::start();
    receiver.refuse("login_failed");
    let app = app_of(Kind::Database, &receiver.url()).await;
    for _ in 0..6 {
        wrong_password(&app).await;
    }

    app.administrator("root@example.org").await;

    let told = receiver.received_times(7);
    assert_eq!(told.iter().filter(|one| one.kind() == "login").count(), 1);
    let stand = stands(&app, |now| now.pending == 6 && now.last_success.is_some()).await;
    assert_eq!(stand.failed, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_hangs_delays_no_sign_in_and_gets_few_requests_at_once() {
    let receiver = Receiver::start();
    receiver.reply(Reply::Silence);
    let app = app_of(Kind::Database, &receiver.url()).await;
    app.signed_in("ada@example.org").await;
    let begun = Instant::now();
    for _ in 0..10 {
        app.signed_in("ada@example.org").await;
    }
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());

    let stand = stands(&app, |now| now.last_failure.is_some()).await;
    let (_, why) = stand.last_failure.unwrap();
    assert_eq!(why.as_str(), "timeout");
    assert_eq!(stand.pending, 11);
    assert!(
        receiver.most_at_once() <= 8,
        "{}: each hangs on after it is given up",
        receiver.most_at_once()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_not_followed() {
    let (receiver, elsewhere) = (Receiver::start(), Receiver::start());
    receiver.reply(Reply::Redirect(elsewhere.url()));
    let app = app_of(Kind::Database, &receiver.url()).await;

    wrong_password(&app).await;

    let stand = stands(&app, |now| now.last_failure.is_some()).await;
    assert_eq!(stand.last_failure.unwrap().1.status(), Some(307));
    assert!(elsewhere.received().is_empty());
    assert_eq!(stand.pending, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_end_is_an_answer_and_nonsense_is_none() {
    let receiver = Receiver::start();
    receiver.reply(Reply::Endless);
    let app = app_of(Kind::Database, &receiver.url()).await;
    wrong_password(&app).await;
    stands(&app, |now| now.last_success.is_some() && now.pending == 0).await;

    receiver.reply(Reply::Nonsense);
    wrong_password(&app).await;
    let stand = stands(&app, |now| now.last_failure.is_some()).await;
    assert_eq!(stand.last_failure.unwrap().1.as_str(), "broken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn administrators_see_how_it_stands_and_no_secret() {
    let receiver = Receiver::start();
    receiver.reply(Reply::Status(500));
    let port = receiver.address.port();
    let ip = receiver.address.ip();
    let url = format!("http://hook:canary@{ip}:{port}/hook?token=canary");
    let app = app_of(Kind::Database, &url).await;
    let root = app.administrator("root@example.org").await;
    assert_eq!(receiver.received_times(1)[0].header("Authorization"), "Basic aG9vazpjYW5hcnk=");
    let stand = stands(&app, |now| now.last_failure.is_some()).await;

    let answer = root.get("/api/admin/webhook").await;
    assert_eq!(
        answer.json(),
        json!({
            "url": format!("http://{ip}:{port}/hook"),
            "events": ["login", "login_failed"],
            "pending": 1,
            "failed": 0,
            "last_success": null,
            "last_failure": { "time": "2026-11-21T09:00:00Z", "error": "refused", "status": 500 },
            "next_attempt": answer.json()["next_attempt"],
        })
    );
    assert!(answer.json()["next_attempt"].as_str().unwrap().starts_with("2026-11-21T09:00:0"));
    assert!(!answer.text.contains("canary"));
    assert_eq!(stand.pending, 1);
    let off = TestApp::start(Kind::Database).await;
    let root = off.administrator("root@example.org").await;
    let answer = root.get("/api/admin/webhook").await.json();
    assert_eq!((&answer["url"], &answer["pending"]), (&Value::Null, &json!(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_whose_server_died_is_made_by_another_after_its_claim_and_not_before() {
    let Some(database) = Database::fresh().await else { return };
    let receiver = Receiver::start();
    receiver.reply(Reply::Silence);
    let start = |app: &mut Options| {
        app.database = (&*database.url).into();
        app.webhook = Some(webhook(&receiver.url(), SECRET, &[What::LoginFailed]));
    };
    let first = TestApp::start_with(Kind::Database, start).await;
    wrong_password(&first).await;
    receiver.received_times(1);
    let second = TestApp::start_with(Kind::Database, start).await;
    receiver.reply(Reply::Status(200));
    // Its tasks end with it, in the middle of the attempt.
    drop(first);

    second.clock.advance(Duration::from_secs(20));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(receiver.received().len(), 1, "it may still be at it");
    second.clock.advance(MINUTE);
    let told = receiver.received_times(2);
    assert_eq!(told[0].header("Webhook-Id"), told[1].header("Webhook-Id"));
    stands(&second, |now| now.pending == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_servers_share_the_queue_and_tell_each_event_once() {
    let Some(database) = Database::fresh().await else { return };
    let receiver = Receiver::start();
    let start = |app: &mut Options| {
        app.database = (&*database.url).into();
        app.webhook = Some(webhook(&receiver.url(), SECRET, &[What::LoginFailed]));
    };
    let servers = [
        TestApp::start_with(Kind::Database, start).await,
        TestApp::start_with(Kind::Database, start).await,
        TestApp::start_with(Kind::Database, start).await,
    ];
    let all = (0..15).map(|n| wrong_password(&servers[n % 3]));
    futures_util::future::join_all(all).await;

    stands(&servers[0], |now| now.pending == 0).await;
    let mut ids: Vec<String> =
        receiver.received().iter().map(|one| one.header("Webhook-Id").to_owned()).collect();
    assert_eq!(ids.len(), 15);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 15, "none is told twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_kept_while_somebody_wants_it_and_for_a_week_while_nobody_does() {
    let app = app_of(Kind::Database, &format!("http://{}/", free_address())).await;
    wrong_password(&app).await;
    stands(&app, |now| now.last_failure.is_some()).await;
    app.clock.advance(10 * DAY);
    app.anteroom.webhook().sweep(100).await.unwrap();
    assert_eq!(standing(&app).await.pending, 1, "a long outage loses nothing");

    // The server may have tried again by now, which moves the time that it waits since.
    let later = app.clock.now() + 10 * DAY;
    let store = SqlDatabase::open(&app.database, SessionLocation::ThisDatabase).await.unwrap();
    let off = Webhook::new(WebhookParts {
        store: Arc::new(store),
        options: None,
        wake: Arc::default(),
        clock: Clock::from(&ManualClock::at(later)),
        entropy: Entropy::operating_system(),
        metrics: Metrics::off(),
    });
    off.unwrap().sweep(100).await.unwrap();
    assert_eq!(standing(&app).await.pending, 0);
}

/// The real program, which tells a receiver of everything.
fn place(url: &str) -> Place {
    Place::new()
        .without_throttles()
        .with("ANTEROOM_WEBHOOK_URL", url)
        .with("ANTEROOM_WEBHOOK_SECRET", SECRET)
        .with("ANTEROOM_WEBHOOK_EVENTS", "login_failed,signup")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_loses_no_event_and_commands_tell_theirs() {
    let address = free_address();
    let place = place(&format!("http://{address}/hook"));
    let server = place.serve(&[]);
    for _ in 0..5 {
        assert_eq!(Client::of(&server).sign_in("ada@example.org", "wrong").await, 401);
    }
    let place = server.kill();
    let input = format!("{PASSWORD}\n");
    done(&place.run_with_input(&["user", "add", "ada@example.org", "--password-stdin"], &input));

    let receiver = tokio::task::block_in_place(|| Receiver::start_at(address));
    let server = place.serve(&[]);
    let told = tokio::task::block_in_place(|| receiver.received_times(6));

    let kinds: Vec<String> = told.iter().map(Received::kind).collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "login_failed").count(), 5, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| *kind == "signup").count(), 1, "{kinds:?}");
    server.stop();
}

/// Something that speaks TLS in front of a receiver.
async fn behind_tls(receiver: SocketAddr, folder: &Path) -> SocketAddr {
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Whoever does not trust the certificate goes away.
            let Ok(mut near) = acceptor.accept(stream).await else { continue };
            let mut far = TcpStream::connect(receiver).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn over_tls_the_receiver_has_to_prove_who_it_is() {
    let [ours, others] = [(); 2].map(|()| TempDir::new().unwrap());
    certify(ours.path(), &["localhost"]);
    certify(others.path(), &["localhost"]);
    let receiver = Receiver::start();
    let port = behind_tls(receiver.address, ours.path()).await.port();
    let trusting = |folder: &TempDir, host: &str| {
        let file = folder.path().join("cert.pem");
        let url = format!("https://{host}:{port}/hook");
        place(&url).with("SSL_CERT_FILE", file.to_str().unwrap())
    };

    for (folder, host) in [(&others, "localhost"), (&ours, "127.0.0.1")] {
        let server = trusting(folder, host).serve(&[]);
        assert_eq!(Client::of(&server).sign_in("ada@example.org", "wrong").await, 401);
        wait_for(|| server.stderr().contains("error=\"tls\"").then_some(()));
        assert!(receiver.received().is_empty(), "{host}");
    }
    let server = trusting(&ours, "localhost").serve(&[]);
    assert_eq!(Client::of(&server).sign_in("ada@example.org", "wrong").await, 401);
    assert_eq!(receiver.received_times(1)[0].header("Host"), format!("localhost:{port}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_server_waits_for_running_deliveries() {
    let receiver = Receiver::start();
    receiver.reply(Reply::Late(Duration::from_millis(700)));
    let place = place(&receiver.url());
    let server = place.serve(&[]);
    assert_eq!(Client::of(&server).sign_in("ada@example.org", "wrong").await, 401);
    receiver.received_times(1);
    let place = server.stop();

    let path = place.path().join("anteroom.db");
    let store = SqlDatabase::open(&path, SessionLocation::ThisDatabase).await.unwrap();
    let standing = DeliveryStore::state(&store).await.unwrap();
    assert_eq!((standing.pending, standing.last_success.is_some()), (0, true));
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn wrong_settings_are_refused_with_a_line_each_that_tells_no_secret() {
    const URL: (&str, &str) = ("ANTEROOM_WEBHOOK_URL", "https://example.org/hook");
    let refusal = |settings: &[(&str, &str)]| {
        let place =
            settings.iter().fold(Place::new(), |place, (name, value)| place.with(name, value));
        refused(&place.run(&["serve"]), 2).to_owned()
    };
    for url in
        ["http://example.org/hook", "example.org", "https://a.example/#b", "ftp://localhost/"]
    {
        let line = refusal(&[("ANTEROOM_WEBHOOK_URL", url), ("ANTEROOM_WEBHOOK_SECRET", SECRET)]);
        assert!(line.contains("ANTEROOM_WEBHOOK_URL") && line.contains("off"), "{line}");
    }
    for secret in
        ["", "canary", &format!("{SECRET},canary"), &format!("{SECRET},{SECRET},{SECRET}")]
    {
        let line = refusal(&[URL, ("ANTEROOM_WEBHOOK_SECRET", secret)]);
        assert!(line.contains("ANTEROOM_WEBHOOK_SECRET") && line.contains("32"), "{line}");
        assert!(!line.contains("canary") && !line.contains(SECRET), "{line}");
    }
    let line = refusal(&[
        URL,
        ("ANTEROOM_WEBHOOK_SECRET", SECRET),
        ("ANTEROOM_WEBHOOK_EVENTS", "login,logn"),
    ]);
    assert!(line.contains("\"logn\"") && line.contains("login_failed"), "{line}");

    let shown = place("https://ann:canary@example.org/hook?token=canary").run(&["config"]);
    let shown = done(&shown);
    assert!(!shown.contains("canary") && !shown.contains(SECRET), "{shown}");
    assert!(shown.contains("https://ann:***@example.org/hook?token=***"), "{shown}");
}
