//! Views of the recovery pages.

use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use askama::Template;

/// Asking for a link. Field: `email`.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "recovery/recover.html")]
pub(crate) struct RecoverPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The problem of the last attempt.
    pub(crate) problems: Problems,
    /// The email address as typed.
    pub(crate) email: String,
}

/// Says to look at the mail, or what a link has done.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "recovery/notice.html")]
pub(crate) struct MailSentPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The heading.
    pub(crate) title: String,
    /// A sentence or two.
    pub(crate) lead: String,
}

/// Setting a password by a link. Fields: `token`, `new_password`. The path in its page context
/// carries the token too, or a change of language would lose it.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "recovery/set_password.html")]
pub(crate) struct SetPasswordPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The token of the link.
    pub(crate) token: String,
    /// The address of the account, for password managers; empty if the link does not work.
    pub(crate) email: String,
    /// The fewest characters of a password, in code points.
    pub(crate) minimum_length: u32,
    /// The problem of the last attempt.
    pub(crate) problems: Problems,
}
