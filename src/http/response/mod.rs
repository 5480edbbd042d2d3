//! Errors and JSON bodies of responses.

pub(in crate::http) mod error;
pub(in crate::http) mod json;
