//! Handlers by feature: `api.rs` answers JSON, `page.rs` HTML, which `view.rs` and its templates show.

pub(in crate::http) mod account;
pub(in crate::http) mod admin;
pub(in crate::http) mod check;
pub(in crate::http) mod data;
pub(in crate::http) mod home;
pub(in crate::http) mod operations;
pub(in crate::http) mod session;
pub(in crate::http) mod sessions;
pub(in crate::http) mod signup;

#[cfg(test)]
mod tests;
