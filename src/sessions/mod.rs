//! Server-side sessions: start, check, rotate, revoke.
//!
//! [`Sessions`] is the service. It stores sessions through the port [`SessionStore`], judges them
//! by [`SessionPolicy`], and answers checks from [`cache`] where a lease allows it. It knows
//! neither HTTP nor SQL nor Redis.

mod admin;
pub mod cache;
mod child;
mod compartment;
mod data;
mod device;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod handover;
mod live;
mod outbox;
mod policy;
mod reason;
mod service;
mod session;
mod store;
mod swept;
mod token;

pub use admin::{Explained, SessionCount, SessionFilter, SessionKind, SessionPage};
pub use cache::{AccessToken, AccessTokenId, LeaseOptions};
pub use child::{Child, ChildStart, ChildStarted, ChildrenOf, LiveChild, Origin};
pub use compartment::{Compartment, Keep, Keeping, Kept};
pub use data::{DataError, Etag, VisitorData};
pub use device::device_name;
pub use handover::{Code, CodeDigest, CodeKept, HandoverBinding, HandoverCode};
pub use live::{Cursor, Revocation, Revocations, SessionSubscription};
pub use outbox::{Outbox, Pending};
pub use policy::{Cutoffs, Limit, LimitPolicy, SessionPolicy, TimeoutRule, Timeouts};
pub use reason::EndReason;
pub use service::{
    EndedByStart, FreshProof, HandoverError, KeepError, LARGEST_APPLICATION_DATA, NewChild,
    NewHandover, NewSession, ResumeError, Sessions, SessionsOptions, StartChildError, StartError,
    StartedChild, StartedSession,
};
pub(crate) use service::{KeptSessionError, KeptSessionGuard};
pub use session::{Client, Owner, ProvenFactor, Session, SessionId, SessionPasskey};
pub use store::Ended;
pub use store::{
    Counted, Ending, EpochMove, Loaded, NewestSessions, Rotation, SessionStore, Start, Started,
    Touch,
};
pub use swept::{Swept, TimedOut};
pub use token::{Token, TokenDigest};

#[cfg(test)]
mod tests;
