//! Reads the body of a request before its session is looked up.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::request::body;

/// Reads the body before the session lookup. Otherwise a client could hold back the last byte until
/// its session has ended, and the request would still be carried out.
pub(in crate::http) async fn whole_body(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match body::read(body).await {
        Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(problem) => problem.into_response(),
    }
}
