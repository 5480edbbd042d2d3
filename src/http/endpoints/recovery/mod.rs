//! Recovery: a mailed link sets a new password. Where mail is off, these paths do not exist.

pub(in crate::http) mod api;
pub(in crate::http) mod page;
pub(in crate::http) mod view;
