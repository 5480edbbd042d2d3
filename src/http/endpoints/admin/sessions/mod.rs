//! Sessions of all users, for administrators.

pub(in crate::http) mod api;
pub(in crate::http) mod page;
pub(in crate::http) mod view;
