//! What happened, who did it and from where: kept for administrators, never changed afterwards, and
//! let go of when its time is over.
//!
//! Whoever does a deed records an [`Event`] with the [`AuditTrail`], once the deed is done. The
//! trail logs it, writes it together with whatever else is waiting, and says so when it is durable.
//! A store that fails takes nothing back: the deed keeps its answer, and the loss is an error in
//! the log.
//!
//! An event names accounts and sessions by id. No address that somebody typed, no password and no
//! token is ever part of one. This room knows no HTTP and no SQL.

mod event;
mod event_body;
mod figures;
mod kind;
mod limits;
mod lines;
mod listing;
mod retention;
mod store;
mod trail;

pub use event::{Actor, By, Event, EventId, Recorded};
pub use event_body::EventBody;
pub use figures::{Activity, Span};
pub use kind::Kind;
pub use lines::AuditLines;
pub use listing::{AuditListing, AuditPage};
pub use retention::{Retention, shortened};
pub use store::{Along, AuditStore, AuditWalk};
pub use trail::{AuditOptions, AuditOutputs, AuditTrail};
