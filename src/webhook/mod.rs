//! Telling another program of what happened: each event of the audit trail that it wants to know
//! becomes a signed request.
//!
//! What is to be told is queued by whoever keeps the event, in the same step, so that no crash
//! loses one. A task of every server takes from the queue what is due, a few at a time, and keeps
//! at it for about a day. The receiver may be told twice and knows events by their id; it is never
//! waited for by a request. This room knows no SQL, and where the requests go is said by the
//! operator alone.

mod delivery;
mod options;
mod post;
mod schedule;
mod service;
mod signature;
mod worker;

#[cfg(test)]
mod tests;

pub use delivery::{
    ClaimedDelivery, DeliveryFailure, DeliveryRetention, DeliveryState, DeliveryStore,
    FailedAttempt, body,
};
pub(crate) use options::shown_path;
pub use options::{Secrets, Target, WebhookOptions};
pub use service::{Webhook, WebhookParts};
