//! Metrics: a separate listener, changed by operations, and of bounded size.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::time::Duration;

use anteroom::accounts::HasherOptions;
use anteroom::clock::Clock;
use anteroom::metrics::Metrics;
use anteroom::sessions::{Limit, LimitPolicy};
use anteroom::{Anteroom, Options, SessionStorage};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt as _;
use serde_json::json;
use sqlx::{ConnectOptions as _, Connection as _};
use tower::ServiceExt as _;

use crate::harness::app::{DAY, HOUR, Kind, OTHER_PASSWORD, PASSWORD, TestApp, on_one_store};
use crate::harness::server::{Place, Server};
use crate::harness::wire;

on_one_store!(
    every_operation_changes_its_metric,
    no_secret_and_nobody_is_in_the_metrics,
    live_sessions_are_those_that_nobody_ended,
);

pub fn counted(options: &mut Options) {
    options.metrics = Metrics::on(&options.clock);
}

pub async fn text_of(anteroom: &Anteroom) -> String {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let answer = anteroom.metrics_router().unwrap().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Every series and its value.
#[derive(Debug)]
struct Told(BTreeMap<String, f64>);

impl Told {
    async fn by(app: &TestApp) -> Self {
        Self::read(&text_of(&app.anteroom).await)
    }

    fn read(text: &str) -> Self {
        assert!(text.ends_with("# EOF\n"), "{text}");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(
            lines
                .map(|line| {
                    let (series, value) = line.rsplit_once(' ').unwrap();
                    (series.to_owned(), value.parse().unwrap())
                })
                .collect(),
        )
    }

    /// The value of a series, 0 where there is none.
    fn of(&self, series: &str) -> f64 {
        self.0.get(series).copied().unwrap_or(0.0)
    }

    /// How much the series that begin so have risen since.
    fn rise(&self, before: &Self, series: &str) -> i64 {
        let sum = |told: &Self| {
            let matching = told.0.iter().filter(|(name, _)| name.starts_with(series));
            matching.map(|(_, value)| value).sum::<f64>()
        };
        #[expect(clippy::cast_possible_truncation, reason = "a small number of events")]
        let rise = (sum(self) - sum(before)).round() as i64;
        rise
    }
}

fn store_calls(store: &str, operation: &str, outcome: &str) -> String {
    format!(
        "anteroom_store_call_duration_seconds_count{{store=\"{store}\",operation=\"{operation}\",\
         outcome=\"{outcome}\"}}"
    )
}

fn checks(outcome: &str, reason: &str) -> String {
    format!("anteroom_session_checks_total{{outcome=\"{outcome}\",reason=\"{reason}\"}}")
}

fn sign_ins(outcome: &str) -> String {
    format!("anteroom_sign_ins_total{{outcome=\"{outcome}\"}}")
}

fn sign_ups(outcome: &str) -> String {
    format!("anteroom_sign_ups_total{{outcome=\"{outcome}\"}}")
}

/// Runs an operation and returns by how much each of these series rose.
async fn rises<const N: usize>(
    app: &TestApp,
    series: [String; N],
    operation: impl Future<Output = ()>,
) -> [i64; N] {
    let before = Told::by(app).await;
    operation.await;
    let after = Told::by(app).await;
    series.map(|series| after.rise(&before, &series))
}

async fn every_operation_changes_its_metric(kind: Kind) {
    let app = TestApp::start_with(kind, counted).await;
    let browser = app.browser();

    let series = [
        sign_ups("ok"),
        "anteroom_http_requests_total{method=\"POST\",route=\"/api/signup\",status=\"201\"}".into(),
        "anteroom_http_request_duration_seconds_count{method=\"POST\",route=\"/api/signup\"}"
            .into(),
        checks("none", ""),
        store_calls("accounts", "add", "ok"),
        store_calls("sessions", "start", "ok"),
        // The policy is asked on the same threads.
        "anteroom_hashing_duration_seconds_count".into(),
    ];
    let rose = rises(&app, series, async {
        assert_eq!(browser.sign_up("ada@example.org", PASSWORD).await.status, 201);
    });
    assert_eq!(rose.await, [1, 1, 1, 1, 1, 1, 2]);

    let series = [sign_ups("email_taken"), sign_ups("weak_password")];
    let rose = rises(&app, series, async {
        assert_eq!(app.browser().sign_up("ada@example.org", PASSWORD).await.status, 409);
        assert_eq!(app.browser().sign_up("eve@example.org", "too short").await.status, 422);
    });
    assert_eq!(rose.await, [1, 1]);

    let rose = rises(&app, [sign_ins("ok"), sign_ins("refused")], async {
        app.signed_in("ada@example.org").await;
        let eve = app.browser();
        let refused = eve.try_to_sign_in("ada@example.org", OTHER_PASSWORD, false).await;
        assert_eq!(refused.status, 401);
    });
    assert_eq!(rose.await, [1, 1]);

    cookies_of_every_kind(&app).await;
    housekeeping(&app).await;
}

async fn cookies_of_every_kind(app: &TestApp) {
    let browser = app.signed_in("ada@example.org").await;
    let series = [checks("live_user", ""), store_calls("sessions", "load", "ok")];
    let rose = rises(app, series, async { assert!(browser.is_signed_in().await) });
    assert_eq!(rose.await, [1, 1]);

    let visitor = app.browser();
    visitor.patch("/api/session/data", json!({ "a": 1 })).await;
    let rose = rises(app, [checks("live_anonymous", "")], async {
        visitor.get("/api/session/data").await;
    });
    assert_eq!(rose.await, [1]);

    let series = [checks("malformed", ""), store_calls("sessions", "load", "ok")];
    let rose = rises(app, series, async {
        let liar = app.browser();
        liar.hold("nonsense");
        assert_eq!(liar.whoami().await.status, 401);
    });
    assert_eq!(rose.await, [1, 0], "a store is not asked for what was never issued");

    let rose = rises(app, [checks("unknown", ""), checks("several_cookies", "")], async {
        let liar = app.browser();
        liar.hold(&"A".repeat(43));
        assert_eq!(liar.whoami().await.status, 401);
        let both = format!("Cookie: anteroom={0}; anteroom={0}\r\n", "A".repeat(43));
        assert_eq!(wire::raw_get(app, "/api/session", both.as_bytes()).await.status, 401);
    });
    assert_eq!(rose.await, [1, 1]);

    let rose = rises(app, [checks("ended", "signed_out")], async {
        let copy = browser.copy();
        browser.delete("/api/session").await;
        assert_eq!(copy.why_not().await, "signed_out");
    });
    assert_eq!(rose.await, [1]);
}

async fn housekeeping(app: &TestApp) {
    let browser = app.signed_in("ada@example.org").await;
    app.pass(HOUR / 2).await;
    let rose = rises(app, ["anteroom_sessions_touched_total".into()], async {
        assert!(browser.is_signed_in().await);
        app.anteroom.sessions().flush().await.unwrap();
    });
    assert_eq!(rose.await, [1]);

    let swept = |what| format!("anteroom_sessions_swept_total{{what=\"{what}\"}}");
    let sweep = async || while !app.anteroom.sessions().sweep(500).await.unwrap() {};
    let before = Told::by(app).await;
    app.pass(2 * HOUR).await;
    sweep().await;
    app.pass(2 * DAY).await;
    sweep().await;
    let after = Told::by(app).await;
    assert!(after.rise(&before, &swept("ended")) >= 1, "{after:?}");
    assert!(after.rise(&before, &swept("forgotten")) >= 1, "{after:?}");
    assert_eq!(after.of("anteroom_sessions_live{kind=\"user\"}").to_bits(), 0.0_f64.to_bits());
}

async fn live_sessions_are_those_that_nobody_ended(kind: Kind) {
    let app = TestApp::start_with(kind, counted).await;
    let live = async || {
        let told = Told::by(&app).await;
        ["user", "anonymous"]
            .map(|kind| told.of(&format!("anteroom_sessions_live{{kind=\"{kind}\"}}")).to_string())
    };
    assert_eq!(live().await, ["0", "0"]);

    let browsers = [app.signed_in("ada@example.org").await, app.signed_in("eve@example.org").await];
    app.browser().patch("/api/session/data", json!({ "a": 1 })).await;
    assert_eq!(live().await, ["2", "1"]);

    browsers[0].delete("/api/session").await;
    assert_eq!(live().await, ["1", "1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_finds_no_thread_or_no_place_is_counted() {
    let app = TestApp::start_with(Kind::Memory, |options| {
        counted(options);
        options.policy.limit = Limit { most: 1, policy: LimitPolicy::Refuse };
        options.hashing = HasherOptions {
            threads: NonZeroUsize::MIN,
            queue: 0,
            wait: Duration::ZERO,
            ..HasherOptions::default()
        };
    })
    .await;
    app.signed_in("ada@example.org").await;

    let series = [sign_ins("busy"), sign_ins("limit"), "anteroom_hashing_refused_total".into()];
    let rose = rises(&app, series, async {
        let tries = (0..8).map(|_| async {
            app.browser().try_to_sign_in("ada@example.org", PASSWORD, false).await.status
        });
        let answers = futures_util::future::join_all(tries).await;
        assert!(answers.iter().all(|status| [409, 503].contains(status)), "{answers:?}");
    });
    let [busy, limit, refused] = rose.await;
    assert_eq!((busy + limit, busy), (8, refused));
    assert!(busy >= 1 && limit >= 1, "{busy} busy, {limit} over the limit");
    let told = Told::by(&app).await;
    for gauge in ["anteroom_hashing_waiting", "anteroom_hashing_running"] {
        assert_eq!(told.0.get(gauge).copied(), Some(0.0), "{gauge}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_or_is_full_is_counted() {
    let app = TestApp::start_with(Kind::Memory, |options| {
        counted(options);
        options.sessions = SessionStorage::Memory { limit: 1 };
    })
    .await;
    let browser = app.signed_in("ada@example.org").await;
    let series = [store_calls("sessions", "start", "full"), sign_ins("unavailable")];
    let rose = rises(&app, series, async {
        let refused = app.browser().try_to_sign_in("ada@example.org", PASSWORD, false).await;
        assert_eq!(refused.status, 503);
    });
    assert_eq!(rose.await, [1, 1]);

    let file = sqlx::sqlite::SqliteConnectOptions::new().filename(&app.database);
    let mut database = file.connect().await.unwrap();
    sqlx::query("DROP TABLE users").execute(&mut database).await.unwrap();
    database.close().await.unwrap();

    let series = [store_calls("accounts", "find", "failed"), checks("store_failed", "")];
    let rose = rises(&app, series, async { assert_eq!(browser.whoami().await.status, 503) });
    assert_eq!(rose.await, [1, 1]);
}

fn request(app: &TestApp, method: Method, path: &str, agent: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", app.host())
        .header("user-agent", agent)
        .body(Body::empty())
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_odd_requests_make_no_more_series_than_one() {
    const ROOTS: [&str; 4] = ["/api/sessions", "/account/sessions", "/assets", "/somewhere"];
    let app = TestApp::start_with(Kind::Memory, counted).await;
    let router: Router = app.anteroom.router();
    // As the background task that rotates keys does, sooner or later.
    app.anteroom.clients().list().await.unwrap();
    let ask = async |number: u32| {
        // A sequence of our own: the same ones at every run.
        let word = format!("{:08x}", number.wrapping_mul(0x9E37_79B9));
        let path = format!("{}/{word}?{word}={word}", ROOTS[number as usize % ROOTS.len()]);
        let method = Method::from_bytes(format!("X{word}").as_bytes()).unwrap();
        for method in [method, Method::GET, Method::POST, Method::DELETE] {
            let request = request(&app, method, &path, &word);
            router.clone().oneshot(request).await.unwrap();
        }
    };
    for number in 0..8 {
        ask(number).await;
    }
    let few: BTreeSet<String> = Told::by(&app).await.0.into_keys().collect();
    assert!(few.iter().any(|series| series.contains("method=\"other\",route=\"unmatched\"")));

    for number in 8..2_500 {
        ask(number).await;
    }

    let many: BTreeSet<String> = Told::by(&app).await.0.into_keys().collect();
    assert_eq!(many.difference(&few).collect::<Vec<_>>(), Vec::<&String>::new());
}

async fn no_secret_and_nobody_is_in_the_metrics(kind: Kind) {
    let app = TestApp::start_with(kind, counted).await;
    let root = app.administrator("root@example.org").await;
    let browser = app.signed_in("ada@example.org").await;
    let mut canaries = ["ada@", "example", "Firefox", "127.0.0.1", "canary", "otter", "localhost"]
        .map(str::to_owned)
        .to_vec();
    canaries.extend([browser.token(), root.token(), browser.user_id().await]);
    canaries.push(browser.session_id().await);
    browser.get(&format!("/api/sessions/{}", browser.session_id().await)).await;
    root.get(&format!("/api/admin/users/{}", browser.user_id().await)).await;
    browser.get("/canary?token=canary").await;
    browser.change_password(PASSWORD, OTHER_PASSWORD).await;
    browser.try_to_sign_in("canary", "canary", false).await;
    canaries.push(browser.token());

    let text = text_of(&app.anteroom).await;

    assert!(text.contains("route=\"/api/admin/users/{id}\""), "{text}");
    for canary in canaries {
        assert!(canary.len() > 3 && !text.contains(&canary), "{canary} is in the metrics");
    }
}

/// Where a real server says that its metrics are.
fn metrics_address(server: &Server) -> SocketAddr {
    let log = server.stderr();
    let (_, rest) = log.split_once("metrics are at http://").unwrap_or_else(|| panic!("{log}"));
    rest.split("/metrics").next().unwrap().parse().unwrap()
}

async fn ask(address: SocketAddr, line: &str) -> crate::harness::browser::Answer {
    let host = format!("localhost:{}", address.port());
    let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    wire::parse(&wire::send(address, request.as_bytes()).await)
}

#[tokio::test]
async fn ops_7_metrics_have_a_separate_listener_that_answers_nothing_else() {
    let server = Place::new().serve(&["--metrics-listen", "127.0.0.1:0"]);
    let address = metrics_address(&server);

    let answer = ask(address, "GET /metrics").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    assert!(answer.text.contains("anteroom_build_info{version="), "{}", answer.text);
    assert_eq!(ask(address, "HEAD /metrics").await.status, 200);
    for other in ["/", "/metrics/", "/login", "/api/session", "/auth/verify", "/healthz", "/readyz"]
    {
        let answer = ask(address, &format!("GET {other}")).await;
        assert_eq!((answer.status, answer.text.as_str()), (404, ""), "{other}");
        assert_eq!(answer.set_cookies(), Vec::<&str>::new());
    }
    for method in ["POST", "DELETE", "PUT"] {
        assert_eq!(ask(address, &format!("{method} /metrics")).await.status, 405);
    }
    assert_eq!(ask(server.address(), "GET /metrics").await.status, 404);
}

/// How many TCP ports a process listens on.
fn listeners(pid: u32) -> usize {
    let sockets: BTreeSet<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|link| {
            let name = link.to_string_lossy().into_owned();
            Some(name.strip_prefix("socket:[")?.trim_end_matches(']').to_owned())
        })
        .collect();
    let tables =
        ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/{pid}/net/{table}")));
    let lines: Vec<String> = tables
        .into_iter()
        .flatten()
        .flat_map(|t| t.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let listens = |line: &&String| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(3) == Some(&"0A") && fields.get(9).is_some_and(|inode| sockets.contains(*inode))
    };
    lines.iter().filter(listens).count()
}

#[tokio::test]
async fn ops_7_without_the_setting_nothing_more_listens() {
    let server = Server::start();
    assert_eq!(listeners(server.pid()), 1);
    assert!(!server.stderr().contains("metrics"), "{}", server.stderr());
    for path in ["/metrics", "/debug", "/debug/pprof", "/api/metrics", "/status"] {
        assert_eq!(ask(server.address(), &format!("GET {path}")).await.status, 404, "{path}");
    }

    let counting = Place::new().serve(&["--metrics-listen", "127.0.0.1:0"]);
    assert_eq!(listeners(counting.pid()), 2);
}

#[tokio::test]
async fn ops_7_health_checks_say_a_word_and_no_more() {
    let server = Server::start();
    for (path, word) in [("/healthz", "alive\n"), ("/readyz", "ready\n")] {
        let answer = ask(server.address(), &format!("GET {path}")).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, word));
        let version = env!("CARGO_PKG_VERSION");
        for (name, value) in &answer.headers {
            assert!(!value.to_str().unwrap().contains(version), "{name}: {value:?}");
            assert_ne!(name, "server");
        }
    }
}

#[test]
fn a_port_in_use_is_reported_with_the_setting_to_change() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let holder = TcpListener::bind(taken).unwrap();

    let place = Place::new();
    let flags = ["serve", "--listen", "127.0.0.1:0", "--metrics-listen", &taken.to_string()];
    let outcome = place.run(&flags);

    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    for word in ["anteroom: ", "for metrics", &taken.to_string(), "ANTEROOM_METRICS_LISTEN"] {
        assert!(outcome.stderr.contains(word), "`{word}` is not said: {outcome:?}");
    }
    drop(holder);
}

#[tokio::test]
async fn an_embedded_server_counts_nothing_unless_metrics_are_set() {
    let app = TestApp::start(Kind::Memory).await;
    assert!(app.anteroom.metrics_router().is_none());

    let other = TestApp::start_with(Kind::Memory, |options| {
        options.metrics = Metrics::on(&Clock::system());
    })
    .await;
    app.signed_in("ada@example.org").await;
    assert_eq!(Told::by(&other).await.rise(&Told::read("# EOF\n"), &sign_ins("ok")), 0);
}
