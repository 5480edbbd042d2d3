//! The applications that the user allows to know who they are.

pub(in crate::http) mod api;
pub(in crate::http) mod page;
pub(in crate::http) mod view;
