//! Integration tests, in one binary: one file per deed, and the rules that hold everywhere.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
#![expect(unreachable_pub, reason = "nothing here is public")]

mod account;
mod admin;
mod cookie;
mod harness;
mod limits;
mod login;
mod logout;
mod reasons;
mod session_data;
mod sessions;
mod setup;
mod signup;
mod store_contract;
mod store_model;
mod timeouts;
