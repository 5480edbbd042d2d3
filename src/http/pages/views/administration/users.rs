//! `GET /admin/users`, and `POST /admin/users` whatever came of it.

use askama::Template;
use time::OffsetDateTime;

use super::{Frame, Problems};

/// The accounts, a search for them, and a form for a new one. Fields: `query`; `email`, `name`,
/// `role`.
#[derive(Template)]
#[template(config = "src/http/pages/askama.toml", path = "admin/users.html")]
pub(crate) struct UsersPage {
    /// Around it.
    pub(crate) frame: Frame,
    /// What was searched for.
    pub(crate) query: String,
    /// A page of accounts.
    pub(crate) users: Vec<UserRow>,
    /// Where the next page is; `None` on the last.
    pub(crate) next: Option<String>,
    /// What was typed for a new account that was not made.
    pub(crate) typed: NewUserTyped,
    /// What was wrong with it.
    pub(crate) problems: Problems,
    /// The invitation that was just made, shown once.
    pub(crate) invitation: Option<ShownInvitation>,
    /// What was just done.
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
    /// Whether the person may not sign in.
    pub(crate) is_disabled: bool,
    /// When it was made.
    pub(crate) created_at: OffsetDateTime,
}

/// What somebody typed for a new account.
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
pub(crate) struct ShownInvitation {
    /// Whose.
    pub(crate) email: String,
    /// The link.
    pub(crate) url: String,
    /// Until when it works.
    pub(crate) expires_at: OffsetDateTime,
}

/// What was just done about accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UsersNotice {
    /// One was deleted.
    Deleted,
}
