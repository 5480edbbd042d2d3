//! Views of the list of accounts and of one account.

use crate::http::endpoints::admin::sessions::view::SessionRow;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use askama::Template;
use time::OffsetDateTime;

/// The accounts, a search for them, and a form for a new one. Fields: `query`; `email`, `name`,
/// `role`.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "admin/users/users.html")]
pub(crate) struct UsersPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The search text.
    pub(crate) query: String,
    /// A page of accounts.
    pub(crate) users: Vec<UserRow>,
    /// Where the next page is; `None` on the last.
    pub(crate) next: Option<String>,
    /// The input for a new account that was not created.
    pub(crate) typed: NewUserTyped,
    /// The problem of that input.
    pub(crate) problems: Problems,
    /// The invitation that was just made, shown once.
    pub(crate) invitation: Option<InvitationLink>,
    /// The last change, to be confirmed on the page.
    pub(crate) notice: Option<UsersNotice>,
}

/// An account as administrators see it.
#[derive(Clone, Debug)]
pub(crate) struct UserRow {
    /// Its id.
    pub(crate) id: String,
    /// The address that signs in.
    pub(crate) email: String,
    /// Whether an administrator or the command line set it.
    pub(crate) email_verified: bool,
    /// The name; may be empty.
    pub(crate) name: String,
    /// Whether the role is administrator.
    pub(crate) is_admin: bool,
    /// The groups, sorted.
    pub(crate) groups: Vec<String>,
    /// Whether the person may not sign in.
    pub(crate) is_disabled: bool,
    /// When it was made.
    pub(crate) created_at: OffsetDateTime,
}

/// The typed values of a new account.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewUserTyped {
    /// The email address.
    pub(crate) email: String,
    /// The name.
    pub(crate) name: String,
    /// Whether the account is to be an administrator's.
    pub(crate) is_admin: bool,
}

/// A link that was just made.
#[derive(Clone, Debug)]
pub(crate) struct InvitationLink {
    /// Whose.
    pub(crate) email: String,
    /// The link.
    pub(crate) url: String,
    /// Until when it works.
    pub(crate) expires_at: OffsetDateTime,
}

/// The last change of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UsersNotice {
    /// One was deleted.
    Deleted,
}

/// One account: what it is, what can be done to it, and its sessions. Fields: `email`, `name`,
/// `groups`, `role`, `status`, each form with some of them.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "admin/users/user.html")]
pub(crate) struct UserPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The current time, for relative times.
    pub(crate) now: OffsetDateTime,
    /// The account.
    pub(crate) user: UserRow,
    /// The values in the forms.
    pub(crate) typed: UserTyped,
    /// Its live sessions, newest activity first; the first of them where there are many.
    pub(crate) sessions: Vec<SessionRow>,
    /// Whether it has a second factor.
    pub(crate) has_factor: bool,
    /// The invitation that was just made, shown once.
    pub(crate) invitation: Option<InvitationLink>,
    /// The last change, to be confirmed on the page.
    pub(crate) notice: Option<UserNotice>,
    /// Why something could not be done.
    pub(crate) problems: Problems,
}

/// The values in the forms of one account: as typed, where they could not be accepted.
#[derive(Clone, Debug, Default)]
pub(crate) struct UserTyped {
    /// The email address.
    pub(crate) email: String,
    /// The name.
    pub(crate) name: String,
    /// The groups, with blanks between them.
    pub(crate) groups: String,
}

/// The last change of an account.
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
            UserNotice::Changed => self.context.text("admin-user-changed"),
            UserNotice::Ended(count) => {
                self.context.text_with("admin-sessions-ended", "count", count)
            }
        })
    }
}
