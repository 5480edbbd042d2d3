//! Reading requests: bodies, query parameters, media types.

pub(in crate::http) mod body;
pub(in crate::http) mod media_type;
pub(in crate::http) mod query;
pub(in crate::http) mod whole_body;
