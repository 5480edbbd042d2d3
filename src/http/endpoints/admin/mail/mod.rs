//! Mail that was not sent, for administrators.

pub(in crate::http) mod api;
pub(in crate::http) mod page;
pub(in crate::http) mod view;
