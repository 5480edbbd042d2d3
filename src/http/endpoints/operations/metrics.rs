//! `GET /metrics`, on a separate listener without sessions and other routes.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::metrics::{CONTENT_TYPE, Metrics};
use crate::sessions::cache::LeaseState;
use crate::sessions::{SessionCount, Sessions};

#[derive(Clone)]
struct Page {
    metrics: Metrics,
    session_count: SessionCount,
    sessions: Sessions,
}

/// The whole router of the metrics listener.
pub(crate) fn metrics_router(metrics: Metrics, sessions: Sessions) -> Router {
    let session_count = SessionCount::new(sessions.clone());
    Router::new()
        .route("/metrics", get(show))
        .fallback(async || StatusCode::NOT_FOUND)
        .with_state(Page { metrics, session_count, sessions })
}

async fn show(State(page): State<Page>) -> impl IntoResponse {
    if let Some(LeaseState { left, without, changes }) = page.sessions.lease() {
        page.metrics.lease(left, without, changes);
    }
    if let Some(counted) = page.session_count.latest().await {
        page.metrics.live_sessions(counted.users, counted.anonymous);
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, page.metrics.text())
}
