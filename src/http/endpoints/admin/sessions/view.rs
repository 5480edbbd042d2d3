//! Views of the list of all sessions and of one session.

use crate::http::endpoints::admin::applications::view::Trial;
use crate::http::endpoints::admin::audit::view::AuditEventRow;
use crate::http::endpoints::sessions::view::ApplicationCard;
use crate::http::endpoints::sessions::view::ClientView;
use crate::http::web::page_context::PageContext;
use askama::Template;
use time::OffsetDateTime;

/// The live sessions of everybody. Fields: `user`, `kind`, `ip_address`, `device`, `from`, `until`.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "admin/sessions/sessions.html")]
pub(crate) struct AllSessionsPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The current time, for relative times.
    pub(crate) now: OffsetDateTime,
    /// The filters.
    pub(crate) filters: SessionFilters,
    /// A page of sessions, those that started last first.
    pub(crate) sessions: Vec<SessionRow>,
    /// Where the next page is; `None` on the last.
    pub(crate) next: Option<String>,
}

/// The filters, as typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct SessionFilters {
    /// The id of a user.
    pub(crate) user: String,
    /// `user`, `anonymous` or nothing.
    pub(crate) kind: String,
    /// An address.
    pub(crate) ip_address: String,
    /// Part of the name of a device.
    pub(crate) device: String,
    /// Started at this time or after it.
    pub(crate) from: String,
    /// Started before this time.
    pub(crate) until: String,
}

/// One session as administrators see it.
#[derive(Clone, Debug)]
pub(crate) struct SessionRow {
    /// Its public handle.
    pub(crate) id: String,
    /// Browser and system, for example "Firefox on Linux".
    pub(crate) device: String,
    /// Whether it is the one that asks.
    pub(crate) is_current: bool,
    /// The id of its user; `None` for a visitor who has not signed in.
    pub(crate) user: Option<String>,
    /// Where it was started from; `None` where that is not known.
    pub(crate) ip_address: Option<String>,
    /// Where it was last seen, if that is somewhere else.
    pub(crate) moved_to: Option<ClientView>,
    /// When it started.
    pub(crate) started_at: OffsetDateTime,
    /// The last activity, up to a minute behind.
    pub(crate) last_seen_at: OffsetDateTime,
    /// Its sessions at applications on other hosts.
    pub(crate) applications: Vec<ApplicationCard>,
}

/// One session explained, live or ended within the last day.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "admin/sessions/session.html")]
pub(crate) struct SessionDetailPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The current time, for relative times.
    pub(crate) now: OffsetDateTime,
    /// Its public handle.
    pub(crate) id: String,
    /// The stored session; `None` once its end was recorded.
    pub(crate) session: Option<ExplainedSession>,
    /// Its application and its parent, where it is a child. The session is that of the parent then.
    pub(crate) child: Option<ChildView>,
    /// Its sessions at applications on other hosts.
    pub(crate) applications: Vec<ApplicationCard>,
    /// How it ended; `None` while it is live.
    pub(crate) ended: Option<SessionEnd>,
    /// Whether this server answers for it from memory.
    pub(crate) under_lease: bool,
    /// A request of this session to decide about; `None` where no proxy asks, or it is over.
    pub(crate) trial: Option<Trial>,
    /// Its audit events, the newest first.
    pub(crate) events: Vec<AuditEventRow>,
}

/// A session with what decides how long it lives.
#[derive(Clone, Debug)]
pub(crate) struct ExplainedSession {
    /// The session.
    pub(crate) row: SessionRow,
    /// The program as it called itself.
    pub(crate) user_agent: String,
    /// As it called itself when it was last seen.
    pub(crate) last_user_agent: String,
    /// How its user proved who they are, in the words of the API.
    pub(crate) methods: String,
    /// When its user last proved who they are.
    pub(crate) authenticated_at: Option<OffsetDateTime>,
    /// When it ends if nothing more is heard of it.
    pub(crate) idle_ends_at: OffsetDateTime,
    /// When it ends, however busy it is.
    pub(crate) ends_at: OffsetDateTime,
    /// The policy that set both.
    pub(crate) policy: PolicyView,
}

/// A session at an application.
#[derive(Clone, Debug)]
pub(crate) struct ChildView {
    /// The origin of the application.
    pub(crate) origin: String,
    /// The session with which it lives and ends.
    pub(crate) parent: String,
}

/// Which timeouts a session is under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PolicyView {
    /// Those without "remember me".
    Standard,
    /// Those with it.
    Remembered,
    /// Those of administrators.
    Administrator,
}

/// How a session ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionEnd {
    /// The word of the API.
    pub(crate) reason: &'static str,
    /// When.
    pub(crate) at: OffsetDateTime,
}

impl SessionDetailPage {
    fn policy(&self, session: &ExplainedSession) -> String {
        match session.policy {
            PolicyView::Standard => self.context.text("admin-policy-standard"),
            PolicyView::Remembered => self.context.text("admin-policy-remembered"),
            PolicyView::Administrator => self.context.text("admin-policy-administrator"),
        }
    }
}
