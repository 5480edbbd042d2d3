//! The session cache and its leases.
//!
//! A check is answered from the cache only under a *lease*: for 100 ms after each store was asked
//! whether every invalidation has arrived ([`Freshness`]). An operation that ends or changes a
//! session invalidates its entry, then waits until every lease granted before has expired, on every
//! server (`Sessions::ended`). So no server accepts a session after the answer to its revoke.
//! docs/decisions/0010-leases.md has the argument, and names the rules.

mod access_token;
mod entries;
mod freshness;
mod invalidations;
mod lease;
mod leases;
mod ledger;
mod memory;
mod remembered;
mod renewer;
mod rules;
mod waited_ends;

pub use access_token::{AccessToken, AccessTokenId};
pub use freshness::{Change, Freshness, NotFresh, Subscription};
pub(crate) use invalidations::Ticket;
pub use lease::{LEASE, LEASE_WAIT, LeaseState};
pub use leases::LeaseOptions;
pub(super) use leases::Leases;
pub use remembered::{Remembered, RememberedAccessToken, RememberedChild};
pub(crate) use rules::{Rule, is_kept};
pub(super) use waited_ends::{End, WaitedEnds};

#[cfg(test)]
mod tests;
