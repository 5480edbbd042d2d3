//! Rate limits: passwords, sign-ups, anonymous sessions, own changes.
//!
//! [`Throttle`] counts an attempt before its result is known. The result decides whether the count
//! is kept, released, or clears earlier counts. A counter is a single timestamp in the
//! [`ThrottleStore`] and expires when that has passed.
//!
//! This module knows no accounts and no passwords: an [`AccountKey`] names the account.

mod counter;
mod in_flight;
mod keyed_throttle;
mod limits;
mod network;
mod own_writes;
mod reports;
mod service;
mod store;

pub use counter::{AccountKey, Counter, CounterKey, Pace, Rate};
pub use keyed_throttle::{KeyedThrottle, NetworkThrottle};
pub use limits::{Limit, ThrottleOptions};
pub use network::Network;
pub use own_writes::OwnWrites;
pub use service::{Attempt, AttemptError, Throttle, Throttled};
pub use store::{KNOWN_NETWORKS, Refusal, Release, ThrottleStore};

#[cfg(test)]
mod tests;
