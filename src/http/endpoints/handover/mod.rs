//! Hand-over: one sign-in for applications on other hosts.

pub(in crate::http) mod page;
pub(in crate::http) mod view;
