//! Live updates: subscriptions to sessions and lists, and the feed of ended sessions.

mod list_poll;
mod recently_ended;
mod revocations;
mod subscriptions;

pub(super) use list_poll::ListPoll;
pub(super) use recently_ended::RecentlyEnded;
pub(super) use revocations::EndPoll;
pub use revocations::{Cursor, Revocation, Revocations};
pub use subscriptions::SessionSubscription;
pub(super) use subscriptions::Subscribers;
