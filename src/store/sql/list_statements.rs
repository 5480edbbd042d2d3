//! The statements behind the lists of administrators, for tests of their query plans.

use super::accounts::lists;
use super::{audit, sessions};

/// Each with its purpose. They must stay fast with a million accounts, ten million sessions and as
/// many events: tests check that both engines use indexes.
pub const LIST_STATEMENTS: [(&str, &str); 13] = [
    ("accounts", lists::ALL),
    ("how far a search looks", lists::SEARCH_END),
    ("a search", lists::SEARCH),
    ("an address", lists::BY_EMAIL),
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
