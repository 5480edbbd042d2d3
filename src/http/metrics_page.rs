//! `GET /metrics`, for a listener of its own: no session, no cookie, no other route.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::metrics::{CONTENT_TYPE, Metrics};
use crate::sessions::Census;

#[derive(Clone)]
struct Page {
    metrics: Metrics,
    census: Census,
}

/// The whole router of the metrics listener.
pub(crate) fn metrics_router(metrics: Metrics, census: Census) -> Router {
    Router::new()
        .route("/metrics", get(show))
        .fallback(async || StatusCode::NOT_FOUND)
        .with_state(Page { metrics, census })
}

async fn show(State(page): State<Page>) -> impl IntoResponse {
    if let Some(counted) = page.census.latest().await {
        page.metrics.live_sessions(counted.users, counted.anonymous);
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, page.metrics.text())
}
