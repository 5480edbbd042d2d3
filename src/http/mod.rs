//! The request_guard: the only place that knows HTTP. It extracts, asks a room or a flow, and shapes the
//! answer; it decides nothing about accounts or sessions.

mod api;
mod assets;
mod body;
mod cookie;
mod current;
mod error;
mod extract;
mod extract_public;
mod fast_path;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod json;
mod language;
mod media_type;
mod metrics_page;
mod middleware;
mod pages;
mod public_url;
mod query;
mod redirect;
mod router;
mod service;
mod state;
mod texts;
mod theme;
mod tower_session;
mod write_limit;

pub use cookie::CookieShape;
pub use current::CurrentSession;
pub use error::{Code, FieldError, Problem};
pub use extract::{CurrentUser, CurrentUserOrLogin};
pub use extract_public::{FreshUser, RequireAdmin};
pub use fast_path::{FastPath, FastPathFuture};
pub(crate) use json::{SessionBody, UserBody, timestamp};
pub(crate) use metrics_page::metrics_router;
pub use middleware::{SessionLayer, SessionService};
pub use public_url::PublicUrl;
pub use service::{HttpOptions, Service};
pub use state::FormSettings;
