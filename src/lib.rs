//! Anteroom: server-side session authentication.

pub mod accounts;
pub mod clock;
pub mod entropy;
pub mod failure;
pub mod sessions;
