//! Passkeys: options for browsers, sign-in, and the passkeys of the account.

pub(in crate::http) mod api;
pub(in crate::http) mod browser;
pub(in crate::http) mod own;
pub(in crate::http) mod page;
