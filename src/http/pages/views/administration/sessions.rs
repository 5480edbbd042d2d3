//! `GET /admin/sessions`.

use askama::Template;
use time::OffsetDateTime;

use super::{Frame, Place};

/// The live sessions of everybody. Fields: `user`, `kind`, `ip_address`, `device`, `from`, `until`.
#[derive(Template)]
#[template(config = "src/http/pages/askama.toml", path = "admin/sessions.html")]
pub(crate) struct AllSessionsPage {
    /// Around it.
    pub(crate) frame: Frame,
    /// The present, by which activity is told.
    pub(crate) now: OffsetDateTime,
    /// What was asked for.
    pub(crate) filters: SessionFilters,
    /// A page of sessions, those that started last first.
    pub(crate) sessions: Vec<SessionRow>,
    /// Where the next page is; `None` on the last.
    pub(crate) next: Option<String>,
}

/// What was asked for, as typed.
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
    pub(crate) moved_to: Option<Place>,
    /// When it started.
    pub(crate) started_at: OffsetDateTime,
    /// The last activity, up to a minute behind.
    pub(crate) last_seen_at: OffsetDateTime,
}
