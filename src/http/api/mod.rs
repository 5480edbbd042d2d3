//! The JSON API. Handlers extract, call one room or flow, and shape the answer.

pub(super) mod account;
pub(super) mod admin;
pub(super) mod admin_invitations;
pub(super) mod admin_sessions;
pub(super) mod audit;
pub(super) mod audit_export;
pub(super) mod data;
pub(super) mod events;
pub(super) mod figures;
pub(super) mod health;
pub(super) mod openapi;
pub(super) mod own_data;
mod revocation_stream;
pub(super) mod revocations;
pub(super) mod session;
pub(super) mod sessions;
pub(super) mod verify;
pub(super) mod webhook;
