//! How often somebody may try: passwords, sign-ups, sessions of nobody.
//!
//! An attempt is counted in [`Throttle`] before anything is known about it. What it turns out to
//! be decides whether the count stands, is given back, or takes earlier counts along. A counter is
//! a single time, kept in the [`ThrottleStore`], and is gone once that has passed.
//!
//! This room knows no account and no password: whose attempt it is, it is told as an
//! [`AccountKey`].

mod attempt;
mod counter;
mod in_flight;
mod keyed_throttle;
mod limits;
mod network;
mod own_writes;
mod reports;
mod room;
mod store;

pub use attempt::Attempt;
pub use counter::{AccountKey, Counter, CounterKey, Pace, Rate};
pub use keyed_throttle::{KeyedThrottle, NetworkThrottle};
pub use limits::{Limit, ThrottleOptions};
pub use network::Network;
pub use own_writes::OwnWrites;
pub use room::{AttemptError, Throttle, Throttled};
pub use store::{KNOWN_NETWORKS, Refusal, Release, ThrottleStore};

#[cfg(test)]
mod tests;
