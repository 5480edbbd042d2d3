//! The audit trail: who did what and from where. Append-only, deleted after its retention.
//!
//! Use cases record an [`Event`] with the [`AuditTrail`] after the action. The trail logs it, writes
//! it in a batch with others, and returns once it is durable. If the store fails, the action keeps
//! its response, and the lost event is an error in the log.
//!
//! Events name accounts and sessions by id. They never contain a typed address, a password or a
//! token. This module knows no HTTP and no SQL.

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
pub use figures::{SignInActivity, Span};
pub use kind::Kind;
pub use lines::AuditLines;
pub use listing::{AuditListing, AuditPage};
pub use retention::{Retention, shortened};
pub use store::{Along, AuditStore, AuditWalk};
pub use trail::{AuditOptions, AuditOutputs, AuditTrail};
