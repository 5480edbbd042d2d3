//! Who is signed in, since when, and for how much longer.
//!
//! A session is born in [`Sessions::start`], proves itself in [`Sessions::resume`], gets a new
//! token in [`Sessions::rotate`], and dies by [`SessionPolicy`] or by a revoke. Nothing else ends
//! one, and nothing brings one back.
//!
//! This room knows no HTTP and no SQL: a browser reaches it through `http`, a database through
//! whichever backend implements [`SessionStore`].

mod browsing;
pub mod cache;
pub mod conformance;
mod data;
mod device;
mod epoch_lock;
mod explained;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod keeping;
mod leases;
mod lifecycle;
mod lists;
mod outbox;
mod outlasted;
mod policy;
mod reason;
mod recent;
mod recently_ended;
mod revocations;
mod revoking;
mod room;
mod session;
mod session_count;
mod store;
mod token;
mod touches;
mod watch;

pub use browsing::{SessionFilter, SessionKind, SessionPage};
pub use data::{DataError, Etag, VisitorData};
pub use device::device_name;
pub use explained::Explained;
pub use keeping::{KeepError, LARGEST_APPLICATION_DATA};
pub use leases::LeaseOptions;
pub use lifecycle::{EndedByStart, NewSession, ResumeError, StartError, StartedSession};
pub use outbox::{Outbox, Pending};
pub use policy::{Cutoffs, Limit, LimitPolicy, SessionPolicy, TimeoutRule, Timeouts};
pub use reason::EndReason;
pub use revocations::{Cursor, Revocation, Revocations};
pub use room::{Sessions, SessionsOptions};
pub use session::{Client, Owner, Session, SessionId};
pub use session_count::SessionCount;
pub use store::Ended;
pub use store::{
    Compartment, Counted, Ending, EpochMove, Keep, Keeping, Kept, Loaded, NewestSessions, Rotation,
    SessionStore, Start, Started, Swept, TimedOut, Touch,
};
pub use token::{Token, TokenDigest};
pub use watch::Watch;

#[cfg(test)]
mod tests;
