//! Around the checks that proxies ask for. Such a request carries the headers of a request to some
//! application, so its size, its body, its host and its origin are not judged here.

use axum::extract::Request;
use axum::http::{HeaderValue, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::Body as _;

use crate::http::security::guard::one_host;

/// Lets a check in, leaves its body unread, and adds the headers that its answer carries.
pub(in crate::http) async fn check(request: Request, next: Next) -> Response {
    let ending = Ending::of(&request);
    let mut response = match one_host(&request) {
        Ok(_) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(no_store);
    ending.mark(&mut response);
    response
}

/// Whether the connection ends with the answer: where a body was announced that nobody reads, the
/// next request could not be told from it.
#[derive(Clone, Copy)]
pub(in crate::http) struct Ending(bool);

impl Ending {
    /// HTTP/2 ends the one stream by itself.
    pub(in crate::http) fn of(request: &Request) -> Self {
        Self(request.version() <= Version::HTTP_11 && !request.body().is_end_stream())
    }

    /// Tells the client, and the server itself.
    pub(in crate::http) fn mark(self, response: &mut Response) {
        if self.0 {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
    }
}
