//! What it costs to wait for the feed.

use anteroom::metrics::Metrics;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use super::{entries, position, read};
use crate::harness::app::{Kind, TestApp};

/// How often the store was asked for the feed.
async fn reads(app: &TestApp) -> u64 {
    const CALLS: &str = "anteroom_store_call_duration_seconds_count{store=\"sessions\",\
                         operation=\"revocations_after\",outcome=\"ok\"} ";
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let answer = app.anteroom.metrics_router().unwrap().oneshot(request).await.unwrap();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    text.lines().find_map(|line| line.strip_prefix(CALLS)).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_who_wait_share_the_looks_at_the_store() {
    let counted = |options: &mut anteroom::Options| {
        options.metrics = Metrics::on(&options.clock);
    };
    let app = TestApp::start_with(Kind::Database, counted).await;
    let root = app.administrator("root@example.org").await;
    let begun = position(&root).await;
    let before = reads(&app).await;

    let waiting = (0..30).map(|_| read(&root, &begun, "&wait=3"));
    let answers = futures_util::future::join_all(waiting).await;

    assert!(answers.iter().all(|answer| entries(answer) == [] as [Value; 0]));
    // Two for each of them, the first look, after which each looks for itself, and four a second.
    let most = 30 * 3 + 1 + 4 * 3;
    let read = reads(&app).await - before;
    assert!(read <= most, "{read} reads");
}
