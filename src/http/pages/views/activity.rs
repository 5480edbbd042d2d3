//! `GET /account/activity`.

use askama::Template;
use time::OffsetDateTime;

use super::Frame;

/// What happened to an account, the newest first.
#[derive(Template)]
#[template(config = "src/http/pages/askama.toml", path = "activity.html")]
pub(crate) struct ActivityPage {
    /// Around it.
    pub(crate) frame: Frame,
    /// The present, by which the past is told.
    pub(crate) now: OffsetDateTime,
    /// What happened.
    pub(crate) entries: Vec<Happening>,
    /// Where older ones begin; `None` on the last page.
    pub(crate) next_cursor: Option<String>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub(crate) struct Happening {
    /// The word of the API, for example `login_failed`.
    pub(crate) kind: &'static str,
    /// Why a session ended, or why something was refused; empty where there is nothing to say.
    pub(crate) why: String,
    /// Whether it was refused.
    pub(crate) is_failure: bool,
    /// When.
    pub(crate) at: OffsetDateTime,
    /// By whom.
    pub(crate) by: Doer,
}

/// Who did something to an account, as its owner may know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Doer {
    /// The owner, or somebody who tried to be: from this device and address.
    Browser {
        /// For example "Firefox on Linux".
        device: String,
        /// `None` where it is not known.
        ip_address: Option<String>,
    },
    /// An administrator. From where is nobody else's business.
    Administrator,
    /// The service by itself, or whoever runs it.
    Service,
}

impl ActivityPage {
    fn what(&self, entry: &Happening) -> String {
        let outcome = if entry.is_failure { "refused" } else { "ok" };
        self.frame.texts().happened(entry.kind, outcome, &entry.why)
    }

    fn whence(&self, entry: &Happening) -> String {
        match &entry.by {
            Doer::Administrator => self.frame.text("activity-by-administrator"),
            Doer::Service => self.frame.text("activity-by-service"),
            Doer::Browser { device, ip_address } => {
                let device = self.frame.device(device);
                match ip_address {
                    Some(address) => format!("{device} · {address}"),
                    None => device,
                }
            }
        }
    }
}
