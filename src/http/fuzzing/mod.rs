//! Fuzz targets of the HTTP parsers. See [`crate::fuzzing`].

mod addresses;
mod bodies;
mod headers;
mod requests;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) use addresses::{host, next, public_url};
pub(crate) use bodies::{form, json, query};
pub(crate) use headers::{cookie, language, network};
pub(crate) use requests::guard;

/// One header of this name per line; a line that no server would take for one is left out.
fn headers_of(name: &'static str, input: &[u8]) -> HeaderMap {
    let values = input.split(|byte| *byte == b'\n').map(HeaderValue::from_bytes);
    values.flatten().map(|value| (HeaderName::from_static(name), value)).collect()
}

/// The result of a future that is ready at once.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("the future is pending"),
    }
}
