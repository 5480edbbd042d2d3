//! Connections to other servers: the receiver of the webhook, the collector of traces, and the mail
//! server.
//!
//! Only an operator sets their URLs.

mod client;
mod target;
mod tls;

pub(crate) use client::{HttpClient, SendError};
pub use target::Target;
pub(crate) use target::shown_path;
pub(crate) use tls::{Tls, TlsStream};
