//! HTTP requests to other servers: the receiver of the webhook and the collector of traces.
//!
//! Only an operator sets their URLs.

mod client;
mod target;

pub(crate) use client::{HttpClient, SendError};
pub use target::Target;
pub(crate) use target::shown_path;
