//! `GET /admin/users/{id}`, and the forms on it that failed.

use askama::Template;
use time::OffsetDateTime;

use super::{Frame, Problems, SessionRow, ShownInvitation, UserRow};

/// One account: what it is, what can be done to it, and its sessions. Fields: `email`, `name`,
/// `role`, `status`, each form with some of them.
#[derive(Template)]
#[template(config = "src/http/pages/askama.toml", path = "admin/user.html")]
pub(crate) struct UserPage {
    /// Around it.
    pub(crate) frame: Frame,
    /// The present, by which activity is told.
    pub(crate) now: OffsetDateTime,
    /// The account.
    pub(crate) user: UserRow,
    /// The address and the name in the form: as typed, where they could not be accepted.
    pub(crate) typed: (String, String),
    /// Its live sessions, newest activity first; the first of them where there are many.
    pub(crate) sessions: Vec<SessionRow>,
    /// The invitation that was just made, shown once.
    pub(crate) invitation: Option<ShownInvitation>,
    /// What was just done.
    pub(crate) notice: Option<UserNotice>,
    /// Why something could not be done.
    pub(crate) problems: Problems,
}

/// What was just done to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserNotice {
    /// It was changed.
    Changed,
    /// This many of its sessions were ended.
    Ended(u64),
}

impl UserPage {
    fn notice_text(&self) -> Option<String> {
        Some(match self.notice? {
            UserNotice::Changed => self.frame.text("admin-user-changed"),
            UserNotice::Ended(count) => {
                self.frame.text_with("admin-sessions-ended", "count", count)
            }
        })
    }
}
