//! The view of the applications that a user allows.

use askama::Template;
use time::OffsetDateTime;

use crate::http::web::page_context::PageContext;

/// The applications that the user allows.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "applications/applications.html")]
pub(crate) struct ApplicationsOfUserPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The applications, the oldest consent first.
    pub(crate) applications: Vec<AllowedApplication>,
    /// Whether one was just withdrawn.
    pub(crate) was_withdrawn: bool,
}

/// An application that the user allows.
#[derive(Clone, Debug)]
pub(crate) struct AllowedApplication {
    /// The id of the client.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// The scopes that the user allows.
    pub(crate) scopes: Vec<String>,
    /// When.
    pub(crate) given_at: OffsetDateTime,
}
