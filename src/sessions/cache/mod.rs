//! What this server remembers of the stores, and until when it may answer from it.
//!
//! A check is answered from here only under a *lease*: for a tenth of a second after each store was
//! asked whether it has told everything ([`Freshness`]). Whoever ends or changes something drops it
//! here and waits until every lease that was given before has run out, anywhere
//! (`Sessions::outlast_leases`). So no check that begins after the answer to a revoke is accepted,
//! by no server; docs/decisions/0010-leases.md has the argument, and names the rules.

mod entries;
mod freshness;
mod invalidations;
mod lease;
mod leases;
mod memory;
mod renewer;
mod rules;
mod waited_ends;

pub use freshness::{Change, Freshness, NotFresh, Subscription};
pub(crate) use invalidations::Ticket;
pub use lease::{LEASE, LeaseState, OUTLASTS_LEASES};
pub use leases::LeaseOptions;
pub(super) use leases::Leases;
pub use memory::Remembered;
pub(crate) use rules::{Rule, is_kept};
pub(super) use waited_ends::{End, WaitedEnds};

#[cfg(test)]
mod tests;
