//! View of a hand-over that failed.

use askama::Template;

use crate::http::web::page_context::PageContext;

/// Says that a hand-over failed, and leads to where it starts over.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "handover/failed.html")]
pub(crate) struct FailedPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// Where it starts over: a path of this host.
    pub(crate) start_over: String,
}
