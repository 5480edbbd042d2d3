//! Anteroom: server-side session authentication.
//!
//! The browser holds a random token and nothing else; the server looks the state up at every
//! request, so that whatever it decides about a session or an account holds at the next one.
//!
//! [`Anteroom`] is the whole of it, ready to be served or mounted on an axum router of your own;
//! `examples/embed.rs` shows how. The rooms behind it are public, each with its promises:
//! [`accounts`] knows who somebody is, [`sessions`] for how long.

pub mod accounts;
mod app;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
mod detached;
pub mod entropy;
pub mod failure;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
pub mod metrics;
pub mod network;
pub mod server;
pub mod sessions;
pub mod store;
pub mod telemetry;
mod text;
pub mod throttle;
pub mod use_cases;
pub mod webhook;

/// The version whose `Session` handlers take.
pub use tower_sessions;

pub use app::{Anteroom, Options, SessionsKept, StartupError, Stores};
