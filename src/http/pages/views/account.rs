//! `GET /account`, and `POST /account/password` that failed.

use askama::Template;
use time::OffsetDateTime;

use super::{Frame, Problems};

/// Who somebody is here, and the change of the password. Fields: `current_password`,
/// `new_password`.
#[derive(Template)]
#[template(config = "src/http/pages/askama.toml", path = "account.html")]
pub(crate) struct AccountPage {
    /// Around it.
    pub(crate) frame: Frame,
    /// The address that signs in.
    pub(crate) email: String,
    /// Whether an administrator or the command line set it.
    pub(crate) email_verified: bool,
    /// The name; may be empty.
    pub(crate) name: String,
    /// Whether the role is administrator.
    pub(crate) is_admin: bool,
    /// When the account was made.
    pub(crate) member_since: OffsetDateTime,
    /// When the person last proved who they are in this session.
    pub(crate) signed_in_since: OffsetDateTime,
    /// What was wrong with the last change of the password.
    pub(crate) problems: Problems,
    /// The fewest characters of a password, in code points.
    pub(crate) minimum_length: u32,
    /// What was changed just now.
    pub(crate) notice: Option<AccountNotice>,
}

/// What was just done about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccountNotice {
    /// The password was changed, and the other sessions ended.
    Password,
    /// The name or the address was changed.
    Profile,
}

impl AccountPage {
    fn notice_text(&self) -> Option<String> {
        Some(match self.notice? {
            AccountNotice::Password => self.frame.text("account-password-changed"),
            AccountNotice::Profile => self.frame.text("account-profile-changed"),
        })
    }

    /// What a password of this person should not contain, for the advice while it is typed.
    fn own_words(&self) -> String {
        let words = format!("{} {} anteroom", self.email.replace('@', " "), self.name);
        words.to_lowercase()
    }
}
