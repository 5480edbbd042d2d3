//! The administrators' view of all sessions: lists, counts and one session in detail.

mod browsing;
mod explained;
mod session_count;

pub use browsing::{SessionFilter, SessionKind, SessionPage};
pub use explained::Explained;
pub use session_count::SessionCount;
