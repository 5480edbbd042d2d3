//! Live updates: subscriptions to sessions and lists, and the feed of revocations.

mod list_poll;
mod recently_ended;
mod revocations;
mod subscriptions;

pub(super) use list_poll::ListPoll;
pub(super) use recently_ended::RecentlyEnded;
pub(super) use revocations::Looks;
pub use revocations::{Cursor, Revocation, Revocations};
pub(super) use subscriptions::Subscribers;
pub use subscriptions::Watch;
