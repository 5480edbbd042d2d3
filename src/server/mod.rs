//! HTTP server: accept loop, connection limits, timeouts and graceful shutdown.
//!
//! It exists because `axum::serve` sets no header, idle or write timeout (axum 0.8). `listen`
//! accepts and drains, `admission` limits connections, `connection` drives one connection, and
//! `activity` decides when it times out, from what `stream`, `request` and `slow_body` report.
//! Nothing here knows a path or a handler.

mod activity;
mod admission;
mod connection;
mod listen;
mod options;
mod request;
mod slow_body;
mod stream;

pub use listen::{serve, serve_with};
pub use options::{ConnectionTimeouts, ServeOptions};
pub use request::HttpService;
pub(crate) use slow_body::TooSlow;
