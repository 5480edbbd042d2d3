//! Session checks for reverse proxies: `/auth/verify`.

pub(in crate::http) mod api;
pub(in crate::http) mod middleware;
