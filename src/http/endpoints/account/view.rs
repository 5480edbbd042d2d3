//! Views of the account pages.

use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use askama::Template;
use time::OffsetDateTime;

/// The account, and the change of the password. Fields: `current_password`,
/// `new_password`.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "account/account.html")]
pub(crate) struct OwnAccountPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The address that signs in.
    pub(crate) email: String,
    /// Whether its owner has confirmed it, or an administrator or the command line set it.
    pub(crate) email_verified: bool,
    /// The address that takes its place once its owner has confirmed it.
    pub(crate) pending_email: Option<String>,
    /// Whether to offer another link that confirms it.
    pub(crate) can_verify: bool,
    /// The name; may be empty.
    pub(crate) name: String,
    /// Whether the role is administrator.
    pub(crate) is_admin: bool,
    /// The groups, sorted.
    pub(crate) groups: Vec<String>,
    /// When the account was made.
    pub(crate) member_since: OffsetDateTime,
    /// When the person last proved who they are in this session.
    pub(crate) signed_in_since: OffsetDateTime,
    /// The problem of the last change of the password.
    pub(crate) problems: Problems,
    /// The fewest characters of a password, in code points.
    pub(crate) minimum_length: u32,
    /// The last change.
    pub(crate) notice: Option<AccountNotice>,
}

/// The last change of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccountNotice {
    /// The password was changed, and the other sessions ended.
    Password,
    /// The name or the address was changed.
    Profile,
    /// A new address was asked for, which has to be confirmed.
    PendingEmail,
    /// The link that confirms the address was sent again.
    Verification,
}

impl OwnAccountPage {
    fn notice_text(&self) -> Option<String> {
        Some(match self.notice? {
            AccountNotice::Password => self.context.text("account-password-changed"),
            AccountNotice::Profile => self.context.text("account-profile-changed"),
            AccountNotice::PendingEmail => self.context.text("account-email-pending"),
            AccountNotice::Verification => self.context.text("account-verification-sent"),
        })
    }

    /// Words that a password of this person should not contain, for the advice while it is typed.
    fn own_words(&self) -> String {
        let words = format!("{} {} anteroom", self.email.replace('@', " "), self.name);
        words.to_lowercase()
    }
}

/// Another name or address. Fields: `name`, `email`.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "account/profile.html")]
pub(crate) struct ProfilePage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The problem of the last attempt.
    pub(crate) problems: Problems,
    /// The name, as typed.
    pub(crate) name: String,
    /// The address, as typed.
    pub(crate) email: String,
}

/// Deleting one's own account. Field: `confirm` (value `true`).
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "account/deletion.html")]
pub(crate) struct DeletePage {
    /// The page context.
    pub(crate) context: PageContext,
    /// Why it was not deleted.
    pub(crate) problems: Problems,
    /// The address of the account.
    pub(crate) email: String,
}

/// The events of an account, the newest first.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "account/activity.html")]
pub(crate) struct ActivityPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The current time, for relative times.
    pub(crate) now: OffsetDateTime,
    /// The event.
    pub(crate) entries: Vec<ActivityEntry>,
    /// Where older ones begin; `None` on the last page.
    pub(crate) next_cursor: Option<String>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub(crate) struct ActivityEntry {
    /// The word of the API, for example `login_failed`.
    pub(crate) kind: &'static str,
    /// Why a session ended, or why something was refused; empty where there is no reason.
    pub(crate) why: String,
    /// Whether it was refused.
    pub(crate) is_failure: bool,
    /// When.
    pub(crate) at: OffsetDateTime,
    /// By whom.
    pub(crate) by: ActivityActor,
}

/// Who did something to an account, as its owner may know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ActivityActor {
    /// The owner, or a failed attempt to be: from this device and address.
    Browser {
        /// For example "Firefox on Linux".
        device: String,
        /// `None` where it is not known.
        ip_address: Option<String>,
    },
    /// An administrator, whose device and address are not shown.
    Administrator,
    /// The service, or its operator by the command line.
    Service,
}

impl ActivityPage {
    fn what(&self, entry: &ActivityEntry) -> String {
        let outcome = if entry.is_failure { "refused" } else { "ok" };
        self.context.texts().happened(entry.kind, outcome, &entry.why)
    }

    fn whence(&self, entry: &ActivityEntry) -> String {
        match &entry.by {
            ActivityActor::Administrator => self.context.text("activity-by-administrator"),
            ActivityActor::Service => self.context.text("activity-by-service"),
            ActivityActor::Browser { device, ip_address } => {
                let device = self.context.device(device);
                match ip_address {
                    Some(address) => format!("{device} · {address}"),
                    None => device,
                }
            }
        }
    }
}

/// The data that the browser and the server store about one's own session.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "account/stored_data.html")]
pub(crate) struct StoredDataPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The current time, for relative times.
    pub(crate) now: OffsetDateTime,
    /// The name of the cookie.
    pub(crate) cookie_name: &'static str,
    /// The fields of the session in the store, in its order.
    pub(crate) fields: Vec<Field>,
}

/// One thing that the server keeps of a session.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name in the API, or in the store where the API does not show it.
    pub(crate) name: &'static str,
    /// The current value.
    pub(crate) value: FieldValue,
}

/// The value of a field.
#[derive(Clone, Debug)]
pub(crate) enum FieldValue {
    /// An instant of the past.
    Time(OffsetDateTime),
    /// An instant at which the session ends.
    Deadline(OffsetDateTime),
    /// Anything else.
    Text(String),
    /// Not there.
    Nothing,
}

impl StoredDataPage {
    fn meaning(&self, field: &Field) -> String {
        self.context.texts().field(field.name)
    }

    /// How much is left, in whole minutes; a script counts the seconds.
    fn left(&self, at: &OffsetDateTime) -> String {
        self.context.texts().duration(*at - self.now)
    }
}
