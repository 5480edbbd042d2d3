//! The view of a page that a mailed link leads to.

use crate::http::web::page_context::PageContext;
use askama::Template;

/// Asks to go on with a button. Field: `token`. The path in its page context carries the token too,
/// or a change of language would lose it.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "email/link.html")]
pub(crate) struct EmailLinkPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// Where the form is sent.
    pub(crate) action: &'static str,
    /// The token of the link.
    pub(crate) token: String,
    /// The address that the link was sent to.
    pub(crate) email: String,
    /// The heading.
    pub(crate) title: String,
    /// The effect of the button.
    pub(crate) lead: String,
    /// The text on the button.
    pub(crate) submit: String,
}
