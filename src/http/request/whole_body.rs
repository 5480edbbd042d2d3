//! The body first, then the question whose request it is.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::request::body;

/// Reads the body before anything is looked up. Otherwise somebody could have a request let in and
/// hold its last byte back until their session has been ended, and still have it carried out.
pub(in crate::http) async fn whole_body(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match body::read(body).await {
        Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(problem) => problem.into_response(),
    }
}
