//! Checks of requests by host and origin, applications, security headers, redirect targets.

pub(in crate::http) mod applications;
pub(in crate::http) mod guard;
pub(in crate::http) mod headers;
pub(in crate::http) mod public_url;
pub(in crate::http) mod redirect;
