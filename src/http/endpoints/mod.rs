//! Handlers by feature.
//!
//! `api.rs` has the JSON handlers, `page.rs` the HTML handlers, `view.rs` the structs of the
//! templates beside it.

pub(in crate::http) mod account;
pub(in crate::http) mod admin;
pub(in crate::http) mod applications;
pub(in crate::http) mod authorize;
pub(in crate::http) mod check;
pub(in crate::http) mod data;
pub(in crate::http) mod email;
pub(in crate::http) mod factors;
pub(in crate::http) mod handover;
pub(in crate::http) mod home;
pub(in crate::http) mod operations;
pub(in crate::http) mod passkeys;
pub(in crate::http) mod recovery;
pub(in crate::http) mod session;
pub(in crate::http) mod sessions;
pub(in crate::http) mod signup;
pub(in crate::http) mod tokens;

#[cfg(test)]
mod tests;
