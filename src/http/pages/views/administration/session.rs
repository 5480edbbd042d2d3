//! `GET /admin/sessions/{id}`.

use askama::Template;
use time::OffsetDateTime;

use super::{AuditEventRow, Frame, SessionRow};

/// One session explained, live or ended within the last day.
#[derive(Template)]
#[template(config = "src/http/pages/askama.toml", path = "admin/session.html")]
pub(crate) struct SessionShownPage {
    /// Around it.
    pub(crate) frame: Frame,
    /// The present, by which activity is told.
    pub(crate) now: OffsetDateTime,
    /// Its public handle.
    pub(crate) id: String,
    /// What is kept of it; `None` once its end was written down.
    pub(crate) session: Option<ExplainedSession>,
    /// How it ended; `None` while it is live.
    pub(crate) ended: Option<SessionEnd>,
    /// Whether this server answers for it from memory.
    pub(crate) under_lease: bool,
    /// What the trail has of it, the newest first.
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
    /// When its user last proved who they are.
    pub(crate) authenticated_at: Option<OffsetDateTime>,
    /// When it ends if nothing more is heard of it.
    pub(crate) idle_ends_at: OffsetDateTime,
    /// When it ends, however busy it is.
    pub(crate) ends_at: OffsetDateTime,
    /// What set both.
    pub(crate) policy: SessionPolicyShown,
}

/// Which timeouts a session is under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionPolicyShown {
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

impl SessionShownPage {
    fn policy(&self, session: &ExplainedSession) -> String {
        match session.policy {
            SessionPolicyShown::Standard => self.frame.text("admin-policy-standard"),
            SessionPolicyShown::Remembered => self.frame.text("admin-policy-remembered"),
            SessionPolicyShown::Administrator => self.frame.text("admin-policy-administrator"),
        }
    }
}
