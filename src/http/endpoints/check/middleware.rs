//! Middleware of session checks. The headers are those of a request to another application, so
//! size, body, host and origin are not checked.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::Body as _;

use crate::http::forward_auth::ForwardAuth;

/// Passes a check on without its body, and adds the headers of the response.
pub(in crate::http) async fn check(
    State(forward_auth): State<ForwardAuth>,
    mut request: Request,
    next: Next,
) -> Response {
    let ending = Ending::of(&request);
    let admitted = forward_auth.admit(&request).map(|admitted| admitted.application().cloned());
    let mut response = match admitted {
        Ok(application) => {
            // Its own session counts there, and no other.
            if let Some(application) = application {
                request.extensions_mut().insert(application);
            }
            next.run(request).await
        }
        Err(problem) => {
            if problem.status == StatusCode::FORBIDDEN {
                forward_auth.log_refusal(&problem);
            }
            problem.into_response()
        }
    };
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(no_store);
    ending.mark(&mut response);
    response
}

/// Whether the connection closes after the response: an unread body could be taken for the next
/// request.
#[derive(Clone, Copy)]
pub(in crate::http) struct Ending(bool);

impl Ending {
    /// HTTP/2 ends the one stream by itself.
    pub(in crate::http) fn of(request: &Request) -> Self {
        Self(request.version() <= Version::HTTP_11 && !request.body().is_end_stream())
    }

    /// Adds `Connection: close`.
    pub(in crate::http) fn mark(self, response: &mut Response) {
        if self.0 {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
    }
}
