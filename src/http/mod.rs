//! HTTP: routing, security checks, sessions of requests, the JSON API and the pages.
//!
//! Handlers extract, call one service or use case, and shape the response. Nothing here decides
//! about accounts or sessions.

mod endpoints;
mod fast_path;
mod finish;
mod forward_auth;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod measure;
mod request;
mod response;
mod router;
mod routes;
mod security;
mod service;
mod session;
mod state;
mod traces;
mod web;
mod write_limit;

pub(crate) use endpoints::operations::metrics::metrics_router;
pub use fast_path::FastPath;
pub use forward_auth::{
    Explanation, ForwardAuthOptions, ForwardAuthProxy, IdentityHeaders, OriginalRequest, Verdict,
};
pub use response::error::{Code, FieldError, Problem};
pub(crate) use response::json::{SessionBody, UserBody, timestamp};
pub use security::applications::Applications;
pub use security::public_url::PublicUrl;
pub use service::{HttpOptions, Service};
pub use session::cookie::CookieShape;
pub use session::current::CurrentSession;
pub use session::extract::{CurrentUser, CurrentUserOrLogin, FreshUser, RequireAdmin};
pub use session::layer::{SessionLayer, SessionService};
pub use state::FormSettings;
pub(crate) use web::letters::letter_writer;
pub use write_limit::WriteLimit;
