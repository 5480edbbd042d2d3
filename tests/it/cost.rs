//! What a check costs that can be counted: how often it asks for memory. And that the benchmarks,
//! which nobody runs every day, compare it with servers that send the same bytes.

#[path = "../../benches/peers/record.rs"]
#[expect(dead_code, reason = "the benchmarks use the rest")]
mod record;

use std::convert::Infallible;

use allocation_counter::measure;
use anteroom::UserId;
use anteroom::sessions::Token;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use futures_util::FutureExt as _;
use tower::{Service, ServiceExt as _};

use crate::groups::longest_groups;
use crate::harness::app::{Kind, TestApp};

#[tokio::test]
async fn the_servers_of_the_benchmarks_can_send_the_same_bytes() {
    let app = TestApp::start(Kind::Memory).await;
    let answer = app.signed_in("ada@example.org").await.get("/api/session").await;
    let record: self::record::Record = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(serde_json::to_string(&record).unwrap(), answer.text);
}

#[tokio::test]
async fn a_check_from_memory_asks_for_no_memory_and_waits_for_nothing() {
    let app = TestApp::start(Kind::Database).await;
    let browser = app.signed_in("ada@example.org").await;
    let token = Token::parse(browser.token().as_bytes()).unwrap();
    let check = app.remembers(&browser).await;
    let counted = measure(|| {
        let visitor = check.who(&token).now_or_never().unwrap().unwrap();
        assert!(visitor.under_lease);
    });
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
}

/// How often the answer to a signed-in request asks for memory.
fn requests_for_memory(
    service: impl Service<Request<Body>, Response = Response, Error = Infallible>,
    request: Request<Body>,
) -> u64 {
    let counted = measure(|| {
        let answer = service.oneshot(request).now_or_never().unwrap().unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    });
    counted.count_total
}

/// The rest is what the headers and the body of an answer are made of, and those of a router where
/// the request goes the usual way. In an application that mounts Anteroom, its router comes first.
#[tokio::test]
async fn a_whole_request_asks_for_memory_a_few_times() {
    let app = TestApp::start(Kind::Database).await;
    let browser = app.signed_in("ada@example.org").await;
    app.remembers(&browser).await;
    for (path, most, most_mounted, most_usually) in
        [("/auth/verify", 10, 60, 115), ("/api/session", 20, 70, 125)]
    {
        let request = || {
            Request::get(path)
                .header("host", app.host())
                .header("cookie", browser.cookies())
                .body(Body::empty())
                .unwrap()
        };
        let front = requests_for_memory(app.anteroom.front(), request());
        let mounted = requests_for_memory(app.anteroom.mount(Router::new()), request());
        let usual = requests_for_memory(app.anteroom.router(), request());
        println!("{path}: front {front}, mounted {mounted}, router {usual}");
        assert!(front <= most && mounted <= most_mounted && usual <= most_usually, "{path}");
        assert!(front < mounted && mounted < usual, "{path}");
    }
}

#[tokio::test]
async fn groups_ask_for_memory_once_however_many_they_are() {
    let app = TestApp::start(Kind::Database).await;
    let browser = app.signed_in("ada@example.org").await;
    let id = UserId::parse(&browser.user_id().await).unwrap();
    let mut counted = Vec::new();
    for groups in [Vec::new(), vec!["dev".to_owned()], longest_groups()] {
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        app.anteroom.handle().set_groups(id, &groups).await.unwrap();
        app.remembers(&browser).await;
        let request = Request::get("/auth/verify").header("host", app.host());
        let request = request.header("cookie", browser.cookies()).body(Body::empty()).unwrap();
        counted.push(requests_for_memory(app.anteroom.front(), request));
    }
    assert_eq!(counted, [counted[0], counted[0] + 1, counted[0] + 1]);
}
