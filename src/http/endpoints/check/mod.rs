//! Session checks for reverse proxies.

pub(in crate::http) mod api;
pub(in crate::http) mod middleware;
