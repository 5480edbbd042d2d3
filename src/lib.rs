//! Server-side session authentication for axum applications.
//!
//! Anteroom adds sign-up, sign-in, account and administration pages, a JSON API and sessions to an
//! axum router. The browser gets a random token in a cookie. Accounts and sessions stay on the
//! server: revoke a session or disable a user, and the next request is refused.
//!
//! - [`Anteroom::builder`] takes the settings, and [`AnteroomBuilder::start`] opens the stores.
//! - [`Anteroom::mount`] adds the routes of Anteroom to a router, and the session layer around its
//!   own routes.
//! - Handlers name what they require: [`CurrentUser`] or `Option<CurrentUser>`,
//!   [`CurrentUserOrLogin`], [`RequireAdmin`], [`FreshUser`], or [`tower_sessions::Session`] for
//!   data of the visitor.
//! - [`Handle`] manages accounts and sessions from code, with an audit record of each change.
//!
//! # Example
//!
//! ```
//! use anteroom::{Anteroom, CurrentUserOrLogin, SessionStorage};
//! use axum::Router;
//! use axum::body::Body;
//! use axum::http::Request;
//! use axum::routing::get;
//! use tower::ServiceExt as _;
//!
//! async fn members(CurrentUserOrLogin(current): CurrentUserOrLogin) -> String {
//!     format!("Welcome, {}.", current.user.email.as_str())
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let database = folder.path().join("app.db");
//! let anteroom = Anteroom::builder("http://localhost:3000")
//!     .database(database)
//!     .sessions(SessionStorage::Memory { limit: 10_000 })
//!     .start()
//!     .await?;
//! let app = anteroom.mount(Router::new().route("/members", get(members)));
//!
//! // A server would now call `anteroom::serve(listener, app, shutdown).await`.
//! let response = app.oneshot(Request::get("/members").body(Body::empty())?).await?;
//! assert_eq!(response.status(), 303); // to /login, which returns to /members afterwards
//! anteroom.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! `examples/embed.rs` is a complete application. `examples/own_store` has its own session store.
//!
//! # Stability
//!
//! The public API is what this page lists. Hidden modules are public for the tests, the benchmarks,
//! the `anteroom` program and own session stores, and may change in any release.

// Not part of the public API: public for tests, benchmarks and the program. May change.
#[doc(hidden)]
pub mod accounts;
mod app;
#[doc(hidden)]
pub mod audit;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod clock;
#[doc(hidden)]
pub mod config;
mod detached;
mod duration;
#[doc(hidden)]
pub mod entropy;
#[doc(hidden)]
pub mod failure;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
#[doc(hidden)]
pub mod http;
#[doc(hidden)]
pub mod mail;
#[doc(hidden)]
pub mod metrics;
#[doc(hidden)]
pub mod network;
#[doc(hidden)]
pub mod outbound;
mod queue;
#[doc(hidden)]
pub mod rules;
#[doc(hidden)]
pub mod sealing;
#[doc(hidden)]
pub mod server;
#[doc(hidden)]
pub mod sessions;
#[doc(hidden)]
pub mod store;
#[doc(hidden)]
pub mod telemetry;
#[cfg(any(test, feature = "conformance"))]
pub mod testing;
mod text;
#[doc(hidden)]
pub mod throttle;
#[doc(hidden)]
pub mod tokens;
#[doc(hidden)]
pub mod use_cases;
#[doc(hidden)]
pub mod webhook;

/// The `tower-sessions` crate whose `Session` handlers behind [`Anteroom::mount`] can take.
pub use tower_sessions;

pub use accounts::{
    Email, Groups, Name, Role, SecondFactorPolicy, Status, User, UserId, WeakPassword,
};
pub use app::{Anteroom, AnteroomBuilder, Handle, HandleError, StartupError};
#[doc(hidden)]
pub use app::{Options, Stores};
pub use config::{SessionStorage, Signup};
pub use failure::StoreError;
pub use http::{CurrentUser, CurrentUserOrLogin, FreshUser, Problem, RequireAdmin, SessionLayer};
pub use network::TrustedProxies;
pub use server::{ConnectionTimeouts, ServeOptions, serve, serve_with};
pub use sessions::{EndReason, Session as SessionInfo, SessionId};
pub use store::DatabaseAt;
pub use throttle::{Rate, ThrottleOptions};
