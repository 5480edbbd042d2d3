//! `GET /account/sessions`.

use askama::Template;
use time::OffsetDateTime;

use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;

/// The sessions of the user.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "sessions/sessions.html")]
pub(crate) struct SessionsPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The current time, for relative times.
    pub(crate) now: OffsetDateTime,
    /// The live sessions, in the order to show them.
    pub(crate) sessions: Vec<SessionCard>,
    /// The last change, to be confirmed on the page.
    pub(crate) notice: Option<SessionsNotice>,
    /// Why it could not be done.
    pub(crate) problems: Problems,
}

/// One session as its user sees it.
#[derive(Clone, Debug)]
pub(crate) struct SessionCard {
    /// Its public handle.
    pub(crate) id: String,
    /// Browser and system, for example "Firefox on Linux".
    pub(crate) device: String,
    /// Whether it is the one that asks.
    pub(crate) is_current: bool,
    /// Where it was started from; `None` where that is not known.
    pub(crate) ip_address: Option<String>,
    /// Where it was last seen, if that is somewhere else.
    pub(crate) moved_to: Option<ClientView>,
    /// When it started.
    pub(crate) started_at: OffsetDateTime,
    /// The last activity, up to a minute behind.
    pub(crate) last_seen_at: OffsetDateTime,
    /// When it ends if nothing more is heard of it.
    pub(crate) idle_ends_at: OffsetDateTime,
    /// When it ends, however busy it is.
    pub(crate) ends_at: OffsetDateTime,
    /// Its sessions at applications on other hosts.
    pub(crate) applications: Vec<ApplicationCard>,
}

/// A session at an application, which lives and ends with the one above.
#[derive(Clone, Debug)]
pub(crate) struct ApplicationCard {
    /// Its public handle.
    pub(crate) id: String,
    /// The host of the application.
    pub(crate) host: String,
    /// When it started.
    pub(crate) started_at: OffsetDateTime,
}

/// Where a session was seen.
#[derive(Clone, Debug)]
pub(crate) struct ClientView {
    /// Browser and system.
    pub(crate) device: String,
    /// The address; `None` where that is not known.
    pub(crate) ip_address: Option<String>,
}

/// The last change of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionsNotice {
    /// One was ended.
    One,
    /// The one to end had ended before, or was never there.
    NoneLeft,
    /// This many others were ended.
    Others(u64),
}

impl SessionsPage {
    fn notice_text(&self) -> Option<String> {
        Some(match self.notice? {
            SessionsNotice::One => self.context.text("sessions-ended-one"),
            SessionsNotice::NoneLeft => self.context.text("sessions-ended-none"),
            SessionsNotice::Others(count) => {
                self.context.text_with("sessions-ended-others", "count", count)
            }
        })
    }

    fn has_others(&self) -> bool {
        self.sessions.iter().any(|session| !session.is_current)
    }

    fn device(&self, session: &SessionCard) -> String {
        self.context.device(&session.device)
    }

    fn activity(&self, session: &SessionCard) -> String {
        self.context.texts().active(session.last_seen_at, self.now)
    }
}
