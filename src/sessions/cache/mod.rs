//! What this server remembers of the stores, and until when it may answer from it.
//!
//! A check is answered from here only under a *lease*: for a tenth of a second after each store was
//! asked whether it has told everything ([`Freshness`]). Whoever ends or changes something drops it
//! here and waits until every lease that was given before has run out, anywhere
//! (`Sessions::outlast_leases`). So no check that begins after the answer to a revoke is accepted,
//! by no server; docs/decisions/0010-leases.md has the argument, and names the rules.

mod drops;
mod entries;
mod freshness;
mod keeper;
mod lease;
mod memory;
mod rules;

pub(crate) use drops::Ticket;
pub use freshness::{Change, Freshness, NotFresh, Subscription};
pub(super) use keeper::Keeper;
pub use lease::{LEASE, LeaseState, OUTLASTS_LEASES};
pub(super) use memory::Memory;
pub use memory::Remembered;
pub(crate) use rules::{Rule, is_kept};

#[cfg(test)]
mod tests;
