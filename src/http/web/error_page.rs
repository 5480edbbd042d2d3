//! The error page.

use askama::Template;

use crate::http::web::page_context::PageContext;

/// Says what went wrong and what to do, in the words that belong to a code of the contract.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "error.html")]
pub(crate) struct ErrorPage {
    /// The page context. With a `path`, pages that may work in a moment offer to try again.
    pub(crate) context: PageContext,
    /// The status of the answer.
    pub(crate) status: u16,
    /// The code of the contract, or `setup_unusable` and `invitation_unusable` for links
    /// that do not work. An unknown one is shown as `internal`.
    pub(crate) code: &'static str,
    /// By which the operator finds this answer in the log.
    pub(crate) request_id: String,
}

impl ErrorPage {
    /// Whether the same request may well succeed in a moment.
    fn may_pass(&self) -> bool {
        matches!(self.code, "unavailable" | "busy") && self.context.path.starts_with('/')
    }
}
