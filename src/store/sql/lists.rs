//! The statements behind the lists of administrators, for whoever wants to see their plans.

use super::{account_lists, audit, sessions};

/// Each with what it is for. A million accounts, ten million sessions and as many events are no
/// reason for any of them to be slow: tests have both engines explain them.
pub const LIST_STATEMENTS: [(&str, &str); 13] = [
    ("accounts", account_lists::EVERYBODY),
    ("how far a search looks", account_lists::FAR_ENOUGH),
    ("a search", account_lists::SEARCH),
    ("an address", account_lists::OF_ADDRESS),
    ("how many accounts", account_lists::COUNT),
    ("sessions", sessions::NEWEST),
    ("events", audit::OF_ALL),
    ("events about a user", audit::OF_SUBJECT),
    ("events by a user", audit::OF_ACTOR),
    ("events of a session", audit::OF_SESSION),
    ("events from an address", audit::OF_NETWORK),
    ("events of a kind", audit::OF_KIND),
    ("how many events", audit::COUNT),
];
