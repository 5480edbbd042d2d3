//! Mailed links about an email address: they confirm it, or restore it.

pub(in crate::http) mod api;
pub(in crate::http) mod page;
pub(in crate::http) mod view;
