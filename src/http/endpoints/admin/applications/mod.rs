//! The protected application, its rules, and the decision about one request.

pub(in crate::http) mod page;
pub(in crate::http) mod view;
