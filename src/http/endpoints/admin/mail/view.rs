//! `GET /admin/mail`.

use askama::Template;
use time::OffsetDateTime;

use crate::http::web::page_context::PageContext;

/// Messages that were not sent.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "admin/mail/mail.html")]
pub(crate) struct MailPageView {
    /// The page context.
    pub(crate) context: PageContext,
    /// Whether mail is sent.
    pub(crate) is_on: bool,
    /// A page of messages, the newest first.
    pub(crate) messages: Vec<MailRow>,
    /// Where the next page is; `None` on the last.
    pub(crate) next: Option<String>,
}

/// One message. Words are those of the API.
#[derive(Clone, Debug)]
pub(crate) struct MailRow {
    /// When it was queued.
    pub(crate) at: OffsetDateTime,
    /// Its subject.
    pub(crate) kind: &'static str,
    /// The recipient.
    pub(crate) to: String,
    /// The id of the account that it is about.
    pub(crate) user: Option<String>,
    /// How many attempts were begun.
    pub(crate) attempts: u32,
    /// When the next one is due.
    pub(crate) next_attempt_at: Option<OffsetDateTime>,
    /// Whether it was given up.
    pub(crate) is_failed: bool,
    /// Its status.
    pub(crate) status: &'static str,
    /// Why the last attempt failed; may be empty.
    pub(crate) error: String,
}
