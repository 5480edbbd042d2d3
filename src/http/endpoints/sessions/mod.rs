//! Listing and revoking one's own sessions.

pub(in crate::http) mod api;
pub(in crate::http) mod page;
pub(in crate::http) mod view;
