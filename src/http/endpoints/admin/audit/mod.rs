//! The audit trail: list and export.

pub(in crate::http) mod api;
pub(in crate::http) mod export;
pub(in crate::http) mod page;
pub(in crate::http) mod view;
