//! `GET /admin/audit`.

use askama::Template;
use time::OffsetDateTime;

use crate::http::web::page_context::PageContext;

/// The filters. Fields: `user`, `kind`, `actor`, `session`, `network`, `outcome`, `from`, `until`.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "admin/audit/audit.html")]
pub(crate) struct AuditTrailPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The filters.
    pub(crate) filters: AuditFilters,
    /// Every kind there is, in the words of the API.
    pub(crate) kinds: Vec<&'static str>,
    /// A page of events, the newest first.
    pub(crate) events: Vec<AuditEventRow>,
    /// Where the next page is; `None` on the last.
    pub(crate) next: Option<String>,
    /// Where all that fits is as a file: CSV, then JSON.
    pub(crate) exports: [String; 2],
}

/// The filters, as typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuditFilters {
    /// The id of a user: about them or by them.
    pub(crate) user: String,
    /// A kind of event.
    pub(crate) kind: String,
    /// Who did it.
    pub(crate) actor: String,
    /// The handle of a session.
    pub(crate) session: String,
    /// An address.
    pub(crate) network: String,
    /// How it came out.
    pub(crate) outcome: String,
    /// At this time or after it.
    pub(crate) from: String,
    /// Before this time.
    pub(crate) until: String,
}

/// One event. Words are those of the API.
#[derive(Clone, Debug)]
pub(crate) struct AuditEventRow {
    /// When.
    pub(crate) at: OffsetDateTime,
    /// The kind.
    pub(crate) kind: &'static str,
    /// Who did it; the id of a user, or a word.
    pub(crate) actor: String,
    /// Whether the actor is a user.
    pub(crate) actor_is_user: bool,
    /// The id of the user whom it is about.
    pub(crate) subject: Option<String>,
    /// The handle of a session.
    pub(crate) session: Option<String>,
    /// Where it came from.
    pub(crate) network: Option<String>,
    /// `ok`, or a word for why not.
    pub(crate) outcome: String,
    /// Further details, as `name: value`.
    pub(crate) details: Vec<String>,
}
