//! Webhook: sends audit events to a receiver as signed HTTP requests (Standard Webhooks).
//!
//! The audit store queues a delivery in the transaction of the event, so that a crash loses none. A
//! background task on every server sends what is due, a few at a time, and retries for about a day.
//! Delivery is at least once: receivers deduplicate by event id. Requests of users never wait for
//! it. Only the operator sets the URL. This module knows no SQL.

mod delivery;
mod options;
mod post;
mod service;
mod signature;
mod worker;

#[cfg(test)]
mod tests;

pub use delivery::{
    ClaimedDelivery, DeliveryFailure, DeliveryRetention, DeliveryState, DeliveryStore,
    FailedAttempt, body,
};
pub use options::{Secrets, WebhookOptions};
pub use service::{Webhook, WebhookParts};
