//! Server-side sessions: start, check, rotate, revoke.
//!
//! [`Sessions`] is the service. It stores sessions through the port [`SessionStore`], judges them
//! by [`SessionPolicy`], and answers checks from [`cache`] where a lease allows it. It knows
//! neither HTTP nor SQL nor Redis.

mod admin;
pub mod cache;
mod data;
mod device;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod live;
mod outbox;
mod policy;
mod reason;
mod service;
mod session;
mod store;
mod token;

pub use admin::{Explained, SessionCount, SessionFilter, SessionKind, SessionPage};
pub use cache::LeaseOptions;
pub use data::{DataError, Etag, VisitorData};
pub use device::device_name;
pub use live::{Cursor, Revocation, Revocations, SessionSubscription};
pub use outbox::{Outbox, Pending};
pub use policy::{Cutoffs, Limit, LimitPolicy, SessionPolicy, TimeoutRule, Timeouts};
pub use reason::EndReason;
pub use service::{
    EndedByStart, FreshProof, KeepError, LARGEST_APPLICATION_DATA, NewSession, ResumeError,
    Sessions, SessionsOptions, StartError, StartedSession,
};
pub(crate) use service::{KeptSessionError, KeptSessionGuard};
pub use session::{Client, Owner, Session, SessionId};
pub use store::Ended;
pub use store::{
    Compartment, Counted, Ending, EpochMove, Keep, Keeping, Kept, Loaded, NewestSessions, Rotation,
    SessionStore, Start, Started, Swept, TimedOut, Touch,
};
pub use token::{Token, TokenDigest};

#[cfg(test)]
mod tests;
