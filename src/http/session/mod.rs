//! The session of a request: cookie, lookup, extractors, middleware.

pub(in crate::http) mod cookie;
pub(in crate::http) mod current;
pub(in crate::http) mod data_store;
pub(in crate::http) mod extract;
pub(in crate::http) mod extract_public;
pub(in crate::http) mod layer;
pub(in crate::http) mod recent_sign_ins;
