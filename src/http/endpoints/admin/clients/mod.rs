//! Clients of access tokens and the keys that sign them, for administrators.

pub(in crate::http) mod api;
pub(in crate::http) mod client_page;
pub(in crate::http) mod page;
pub(in crate::http) mod view;
