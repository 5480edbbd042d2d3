//! The statements behind the lists of administrators, for whoever wants to see their plans.

use super::accounts::lists;
use super::{audit, sessions};

/// Each with what it is for. A million accounts, ten million sessions and as many events are no
/// reason for any of them to be slow: tests have both engines explain them.
pub const LIST_STATEMENTS: [(&str, &str); 13] = [
    ("accounts", lists::EVERYBODY),
    ("how far a search looks", lists::FAR_ENOUGH),
    ("a search", lists::SEARCH),
    ("an address", lists::OF_ADDRESS),
    ("how many accounts", lists::COUNT),
    ("sessions", sessions::NEWEST),
    ("events", audit::OF_ALL),
    ("events about a user", audit::OF_SUBJECT),
    ("events by a user", audit::OF_ACTOR),
    ("events of a session", audit::OF_SESSION),
    ("events from an address", audit::OF_NETWORK),
    ("events of a kind", audit::OF_KIND),
    ("how many events", audit::COUNT),
];
