//! The session of a request: cookie, lookup, extractors, middleware, and the language of its pages.

pub(in crate::http) mod bearer;
pub(in crate::http) mod cookie;
pub(in crate::http) mod current;
pub(in crate::http) mod data_store;
pub(in crate::http) mod extract;
pub(in crate::http) mod language;
pub(in crate::http) mod layer;
pub(in crate::http) mod recent_sign_ins;
