//! What a check costs that can be counted: how often it asks for memory.

use allocation_counter::measure;
use anteroom::sessions::Token;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::FutureExt as _;
use tower::ServiceExt as _;

use crate::harness::app::{Kind, TestApp};

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

/// The rest is what the headers and the body of an answer are made of, and those of a router where
/// the request goes the usual way.
#[tokio::test]
async fn a_whole_request_asks_for_memory_a_few_times() {
    let app = TestApp::start(Kind::Database).await;
    let browser = app.signed_in("ada@example.org").await;
    app.remembers(&browser).await;
    for (path, most, most_usually) in [("/auth/verify", 10, 115), ("/api/session", 20, 125)] {
        let request = || {
            Request::get(path)
                .header("host", app.host())
                .header("cookie", browser.cookies())
                .body(Body::empty())
                .unwrap()
        };
        let (shorter, usual) = (request(), request());
        let (front, router) = (app.anteroom.front(), app.anteroom.router());
        let counted = measure(|| {
            let answer = front.oneshot(shorter).now_or_never().unwrap().unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
        });
        println!("{path}: {counted:?}");
        assert!(counted.count_total <= most, "{path}: {counted:?}");
        let counted = measure(|| {
            let answer = router.oneshot(usual).now_or_never().unwrap().unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
        });
        println!("{path}: {counted:?}");
        assert!(counted.count_total <= most_usually, "{path}: {counted:?}");
    }
}
